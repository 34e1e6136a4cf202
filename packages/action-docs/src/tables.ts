import { code } from '@aws-deploy-actions/action-runtime'
import type { Input, Output } from './action-metadata.ts'

export function inputsTable(inputs: readonly Input[]): string {
  return table(
    ['Input', 'Default', 'Description'],
    inputs.map(({ name, required, default: fallback, description }) => [
      codeSpan(name),
      required ? '**required**' : linesAsCode(fallback ?? ''),
      tableCell(description),
    ]),
  )
}

export function outputsTable(outputs: readonly Output[]): string {
  return table(
    ['Output', 'Description'],
    outputs.map(({ name, description }) => [codeSpan(name), tableCell(description)]),
  )
}

export function secretsTable(secrets: readonly Output[]): string {
  return table(
    ['Secret', 'Description'],
    secrets.map(({ name, description }) => [codeSpan(name), tableCell(description)]),
  )
}

/** `scope: level` lines of a workflow token. */
export function grantTable(permissions: readonly string[]): string {
  return table(
    ['The caller grants'],
    permissions.map(permission => [codeSpan(permission)]),
  )
}

/** A table whose columns are padded to one width, as formatters of Markdown leave it. Cells are Markdown. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(3, ...[header, ...rows].map(row => width(row[column] ?? ''))))
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((most, column) => (cells[column] ?? '') + ' '.repeat(most - width(cells[column] ?? ''))).join(' | ')} |`
  return [line(header), line(widths.map(most => '-'.repeat(most))), ...rows.map(line)].join('\n')
}

function width(text: string): number {
  return [...text].length
}

/**
 * Markdown so that it can stand in a table cell: its code spans stay code, and outside them `<` opens no tag. A code span
 * with a `|` becomes `<code>`: in GitHub's tables a `|` ends the cell even inside backticks.
 */
export function tableCell(markdown: string): string {
  const line = markdown.trim().replace(/\s*\n\s*/g, ' ')
  let text = ''
  let end = 0
  // A span ends at a run of as many backticks as began it (CommonMark, "Code spans").
  for (const span of line.matchAll(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g)) {
    const [whole, , inside = ''] = span
    text += escaped(line.slice(end, span.index)) + (inside.includes('|') ? code(inside.trim()) : whole)
    end = span.index + whole.length
  }
  return text + escaped(line.slice(end))
}

/** Any text as code. */
export function codeSpan(text: string): string {
  return /[`|\n]/.test(text) ? code(text) : `\`${text}\``
}

function linesAsCode(text: string): string {
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(codeSpan)
    .join('<br>')
}

function escaped(text: string): string {
  return text.replace(/</g, '&lt;').replace(/\|/g, '&#124;')
}
