import { escaped } from './html.ts'

/** More of one step makes the page slow; the middle is left out. */
const MOST_LINES = 2000

/** A step's log as GitHub shows it: numbered, groups folded, errors and warnings in colour. */
export function logHtml(lines: readonly string[]): string {
  const shown: string[] = []
  let grouped = false
  const close = (): void => {
    if (grouped) shown.push('</details>')
    grouped = false
  }
  for (const [number, line] of shortened(lines)) {
    const [, command = '', text = ''] = /^##\[(group|endgroup|error|warning|notice)\](.*)$/s.exec(line) ?? []
    if (command === 'endgroup') close()
    else if (command === 'group') {
      close()
      shown.push(`<details class="group"><summary>${numbered(number)}${coloured(text)}</summary>`)
      grouped = true
    } else {
      const level = command === '' ? '' : ` ${command}`
      const word = command === '' ? '' : `<b>${command.slice(0, 1).toUpperCase()}${command.slice(1)}:</b> `
      shown.push(
        `<div class="line${level}">${number === undefined ? '' : numbered(number)}${word}${coloured(command === '' ? line : text)}</div>`,
      )
    }
  }
  close()
  return `<div class="log">${shown.join('')}</div>`
}

function numbered(number: number | undefined): string {
  return `<span class="number">${number ?? ''}</span>`
}

function shortened(lines: readonly string[]): [number | undefined, string][] {
  const all = lines.map((line, index): [number | undefined, string] => [index + 1, line])
  if (all.length <= MOST_LINES) return all
  const half = MOST_LINES / 2
  return [
    ...all.slice(0, half),
    [undefined, `… ${all.length - MOST_LINES} lines are left out here …`],
    ...all.slice(-half),
  ]
}

/** The colours that tools print (ECMA-48, SGR); other control sequences go. */
function coloured(text: string): string {
  let open = false
  const html = text.split(/(\u001b\[[0-9;]*m)/).map(part => {
    const codes = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1]
    if (codes === undefined) return escaped(part.replace(/\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f]/g, ''))
    const before = open ? '</span>' : ''
    const colour = codes.split(';').find(code => /^(?:3[0-7]|9[0-7])$/.test(code))
    open = colour !== undefined
    return colour === undefined ? before : `${before}<span class="c${colour}">`
  })
  return html.join('') + (open ? '</span>' : '')
}
