import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'

/** Building blocks of a job summary (GitHub Flavored Markdown). Every text that goes in comes out as text, never as markup. */

/** Outside text inside a sentence or table cell, set as code; line breaks become spaces. */
export function code(text: string): string {
  return `<code>${escaped(text.replace(/\s*[\r\n]+\s*/g, ' '))}</code>`
}

/** Outside text inside a sentence, list entry or table cell, not set as code; line breaks become spaces. */
export function plain(text: string): string {
  // What begins a list, a heading or a rule where the text begins a block. GitHub looks for @mentions and #references in
  // the rendered text, outside of code: a zero-width space keeps it from finding them.
  return escaped(text.replace(/\s*[\r\n]+\s*/g, ' ').trim())
    .replace(/^(?:[-+=]|\d+(?=[.)]|&#41;))/, ([first = '', ...rest]) => `&#${first.charCodeAt(0)};${rest.join('')}`)
    .replace(/&#(?:64|35);(?=\w)/g, '$&&#8203;')
}

/** Outside text as a block of its own, e.g. log lines; ANSI escapes are taken out. */
export function codeBlock(text: string): string {
  const shown = withoutAnsi(text).replace(/\r\n?/g, '\n')
  let longest = 2
  for (const [run] of shown.matchAll(/`+/g)) longest = Math.max(longest, run.length)
  const fence = '`'.repeat(longest + 1)
  return `${fence}text\n${shown}\n${fence}`
}

/** A failure's own words, likely cause and next steps, for below the verdict that says what failed. */
export function failureMarkdown({ said, saidBy = 'AWS', cause, next = [] }: FailureRecord): string {
  const parts: string[] = []
  if (said !== undefined) parts.push(`**${plain(saidBy)} says:** ${code(said)}`)
  if (cause !== undefined) parts.push(`**Likely cause:** ${plain(cause)}`)
  if (next.length > 0) parts.push(`**What to do**\n\n${next.map(step => `- ${plain(step)}`).join('\n')}`)
  return parts.join('\n\n')
}

/** A table; cells are markdown already (see {@link code}, {@link plain}). */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

function withoutAnsi(text: string): string {
  return text.replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g, '')
}

// Entities are the one escape that works inside <code>, in table cells and in sentences. @ and # would link people and
// issues, :// and www. become links, :name: an emoji.
function escaped(text: string): string {
  return withoutAnsi(text)
    .replace(/[&<>|`*_~[\]()!\\@#$]/g, character => `&#${character.charCodeAt(0)};`)
    .replace(/:(?=\/\/|[\w+-]+:)/g, '&#58;')
    .replace(/\bwww\./gi, match => `${match.slice(0, 3)}&#46;`)
}
