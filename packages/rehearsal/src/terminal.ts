import { annotationsIn } from './file-commands.ts'

/** Colours only where somebody looks. */
const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
const painted = (code: string, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)

export const bold = (text: string): string => painted('1', text)
export const dim = (text: string): string => painted('2', text)
export const red = (text: string): string => painted('31', text)
export const green = (text: string): string => painted('32', text)

/** Turns what a step prints into what GitHub's log shows: groups as headings, annotations as text. */
export function stepOutput(write: (text: string) => void): (chunk: string) => void {
  let rest = ''
  let grouped = false
  const show = (line: string): void => {
    const group = /^::group::(.*)$/.exec(line)
    if (group !== null) {
      grouped = true
      write(`  ${dim('│')} ${bold(`▸ ${group[1] ?? ''}`)}\n`)
    } else if (line === '::endgroup::') grouped = false
    else if (/^::(?:debug|add-mask)/.test(line)) return
    else {
      const [annotation] = annotationsIn(line)
      const indent = grouped ? '  ' : ''
      const paint = annotation?.level === 'error' ? red : (text: string): string => text
      const text =
        annotation === undefined ? line : `${annotation.level === 'error' ? 'Error' : 'Notice'}: ${annotation.message}`
      for (const part of text.split('\n')) write(`  ${dim('│')} ${indent}${paint(part)}\n`)
    }
  }
  return chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) show(line)
  }
}
