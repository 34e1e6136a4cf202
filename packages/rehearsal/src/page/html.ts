import type { Conclusion } from '../results.ts'

/** Text as HTML, also inside quotes. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const PATHS: Readonly<Record<Conclusion, string>> = {
  success: 'M4.8 8.3l2.2 2.2 4.3-4.6',
  failure: 'M5.6 5.6l4.8 4.8m0-4.8l-4.8 4.8',
  cancelled: 'M8 4.6v4.1m0 2.2v.5',
  skipped: 'M5.4 10.6l5.2-5.2',
}

/** A sign of 16 by 16 pixels: how something ended. */
export function sign(conclusion: Conclusion): string {
  return `<svg class="sign ${conclusion}" width="16" height="16" viewBox="0 0 16 16" role="img" aria-label="${conclusion}"><circle cx="8" cy="8" r="7.2"/><path d="${PATHS[conclusion]}"/></svg>`
}

/** How long something took, as GitHub writes it: `1m 4s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (milliseconds < 9950) return `${(milliseconds / 1000).toFixed(1)}s`
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`
}

/** A name for a link inside the page. */
export function anchor(key: string): string {
  return `job-${[...key].map(letter => (/[A-Za-z0-9-]/.test(letter) ? letter : `_${letter.codePointAt(0)?.toString(16)}`)).join('')}`
}
