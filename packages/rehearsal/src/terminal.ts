import { annotationsIn } from './file-commands.ts'

/** Colours only where somebody looks. */
const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
const painted = (code: string, text: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)

export const bold = (text: string): string => painted('1', text)
export const dim = (text: string): string => painted('2', text)
export const red = (text: string): string => painted('31', text)
export const green = (text: string): string => painted('32', text)

/** GitHub shows a group folded; a short one does not hide anything that matters when it is open. */
const LONGEST_OPEN_GROUP = 8

/**
 * Turns what a step prints into what GitHub's log shows: groups as headings, long ones folded, annotations as text. Call
 * `end` when the step has ended: a group that was never closed is shown then.
 */
export function stepOutput(write: (text: string) => void): { write: (chunk: string) => void; end: () => void } {
  let rest = ''
  let group: { readonly title: string; readonly lines: string[] } | undefined
  const line = (text: string): void => write(`  ${dim('│')} ${text}\n`)
  const closeGroup = (open: boolean): void => {
    if (group === undefined) return
    const { title, lines } = group
    group = undefined
    const isOpen = open || lines.length <= LONGEST_OPEN_GROUP
    line(bold(isOpen ? `▾ ${title}` : `▸ ${title}`) + (isOpen ? '' : dim(` (${lines.length} lines)`)))
    if (isOpen) for (const text of lines) line(`  ${text}`)
  }
  const show = (text: string): void => {
    const title = /^::group::(.*)$/.exec(text)?.[1]
    if (title !== undefined) {
      closeGroup(false)
      group = { title, lines: [] }
    } else if (text === '::endgroup::') closeGroup(false)
    else if (/^::(?:debug|add-mask)/.test(text)) return
    else {
      const [annotation] = annotationsIn(text)
      if (annotation === undefined) {
        if (group === undefined) line(text)
        else group.lines.push(text)
        return
      }
      const paint = annotation.level === 'error' ? red : (words: string): string => words
      const word = `${annotation.level.slice(0, 1).toUpperCase()}${annotation.level.slice(1)}`
      for (const part of `${word}: ${annotation.message}`.split('\n')) line(paint(part))
    }
  }
  return {
    write: chunk => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const text of lines) show(text)
    },
    end: () => {
      if (rest !== '') show(rest)
      rest = ''
      closeGroup(true)
    },
  }
}
