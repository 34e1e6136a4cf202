import { code, codeBlock, plain, table } from '@aws-deploy-actions/action-runtime'
import { cutText, legible } from '../legible.ts'

/** How much of everything a page shows, so that the whole of it fits. */
export interface Limits {
  /** of a table, and entries of a list */
  readonly rows: number
  /** of a log, the last ones */
  readonly lines: number
  /** characters of a text; of a line of a log twice as many */
  readonly text: number
}

/** From what is good to read down to what fits into a comment however much there is. */
export const LIMITS: readonly Limits[] = [
  { rows: 200, lines: 40, text: 600 },
  { rows: 100, lines: 20, text: 300 },
  { rows: 40, lines: 15, text: 200 },
  { rows: 15, lines: 10, text: 150 },
  { rows: 6, lines: 5, text: 100 },
  { rows: 3, lines: 2, text: 60 },
]

/** Outside text in a sentence or cell. */
export function shown(text: string, { text: characters }: Limits): string {
  return plain(cutText(legible(text), characters))
}

/** The same, set as code. */
export function shownCode(text: string, { text: characters }: Limits): string {
  return code(cutText(legible(text), characters))
}

/** A table of as many rows as may be shown, and below it how many there are beside them. */
export function shownTable(header: readonly string[], rows: readonly (readonly string[])[], limits: Limits): string {
  const more = rows.length - limits.rows
  const whole = table(header, rows.slice(0, limits.rows))
  return more > 0 ? `${whole}\n\n… and ${more} more` : whole
}

/** The end of a log in a block that can be folded; empty without lines. */
export function lastLines(title: string, lines: readonly string[], limits: Limits, open: boolean): string {
  const kept = lines.slice(-limits.lines)
  const more = lines.length - kept.length
  return folded(title, more > 0 ? [`… ${more} lines before`, ...kept] : kept, limits, open)
}

/** Evidence in a block that can be folded: what sums it up stands first, what happened last at the end. */
export function evidence(title: string, lines: readonly string[], limits: Limits): string {
  const more = lines.length - limits.lines
  if (more <= 0) return folded(title, lines, limits, false)
  const first = Math.ceil(limits.lines / 2)
  const kept = [...lines.slice(0, first), `… ${more} lines between`, ...lines.slice(first + more)]
  return folded(title, kept, limits, false)
}

function folded(title: string, lines: readonly string[], { text }: Limits, open: boolean): string {
  if (lines.length === 0) return ''
  const block = codeBlock(lines.map(line => cutText(legible(line), 2 * text)).join('\n'))
  return `<details${open ? ' open' : ''}><summary>${title}</summary>\n\n${block}\n\n</details>`
}

/** A link; the address goes in so that nothing of it is markup. */
export function link(markdown: string, address: string | undefined): string {
  if (address === undefined || !/^https?:\/\//.test(address) || !URL.canParse(address)) return markdown
  const safe = new URL(address).href.replace(/[^\w:/?#&=.,;%+~-]/g, encoded)
  return `[${markdown}](${safe})`
}

// encodeURIComponent leaves !'()* as they are.
function encoded(character: string): string {
  const same = encodeURIComponent(character)
  return same === character ? `%${character.charCodeAt(0).toString(16).toUpperCase()}` : same
}
