import { appendFile, stat } from 'node:fs/promises'
import type { Log } from './log.ts'

/** A step's summary above this many bytes is dropped whole (GitHub, "Adding a job summary": 1 MiB per step). */
const LIMIT_BYTES = 1024 * 1024

/**
 * Appends a section to the job summary. A section that does not fit is cut at a line, with a note; a missing or
 * unwritable file is no failure.
 */
export async function appendSummary(file: string | undefined, markdown: string, log: Log): Promise<void> {
  if (file === undefined || file === '') return
  try {
    const used = await stat(file).then(
      ({ size }) => size,
      () => 0,
    )
    await appendFile(file, fitting(`${markdown.trimEnd()}\n\n`, LIMIT_BYTES - used - 1))
  } catch (error) {
    log.debug(`The job summary could not be written: ${error instanceof Error ? error.message : error}`)
  }
}

/** The markdown cut at a line so that it has at most `bytes` bytes, with a note; an open code block is closed. */
export function fitting(markdown: string, bytes: number): string {
  if (Buffer.byteLength(markdown) <= bytes) return markdown
  const note = '\n\n_The rest was left out: GitHub shows at most 1 MiB. The log has it all._\n'
  let room = bytes - Buffer.byteLength(note)
  if (room < 0) return ''
  const kept: string[] = []
  let fence: string | undefined
  for (const line of markdown.split('\n')) {
    const mark = /^(`{3,})/.exec(line)?.[1]
    const open: string | undefined = fence === undefined ? mark : line === fence ? undefined : fence
    const size = Buffer.byteLength(line) + 1
    if (size + (open === undefined ? 0 : open.length + 1) > room) break
    room -= size
    fence = open
    kept.push(line)
  }
  if (fence !== undefined) kept.push(fence)
  return kept.join('\n') + note
}
