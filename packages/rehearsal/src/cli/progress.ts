import type { Conclusion } from '../results.ts'
import type { Progress } from '../run/settings.ts'
import { bold, dim, green, red } from '../terminal.ts'

const MARKS: Readonly<Record<Conclusion, string>> = {
  success: green('✓'),
  failure: red('✗'),
  cancelled: red('⊘'),
  skipped: dim('–'),
}

/** Steps that every job has, and nobody waits for. */
const QUIET = new Set(['Set up job', 'Complete job', 'Initialize containers'])

/** How many of its last lines a step that failed shows. */
const LAST_LINES = 60

/** Shows what happens, as it happens: jobs, steps, how long they took, and what went wrong. */
export function progressPrinter(write: (text: string) => void, everything: boolean): (event: Progress) => void {
  const last = new Map<string, string[]>()
  const withSteps = new Set<string>()
  return event => {
    const at = `${event.job}\n${'step' in event ? event.step : ''}`
    switch (event.kind) {
      case 'job-began':
        return write(`${bold(`● ${event.name}`)}\n`)
      case 'job-waits':
        return write(`  ${dim(event.job)} waits: ${event.reason}\n`)
      case 'line': {
        if (everything) write(`  ${dim(`${event.job} │`)} ${event.line}\n`)
        // What comes before the end of the first group says only what is run.
        const lines = event.line === '##[endgroup]' && !last.has(at) ? [] : last.get(at)
        if (lines !== undefined) last.set(at, [...lines, event.line].slice(-LAST_LINES))
        return
      }
      case 'step-ended':
        withSteps.add(event.job)
        if (
          !everything &&
          (event.conclusion === 'skipped' || (QUIET.has(event.step) && event.conclusion === 'success'))
        )
          return
        write(`  ${MARKS[event.conclusion]} ${dim(`${event.job} ›`)} ${event.step} ${dim(seconds(event.took))}\n`)
        if (event.conclusion === 'failure' && !everything)
          for (const line of last.get(at) ?? [])
            write(`    ${dim('│')} ${line.replace(/^##\[error\]/, red('Error: '))}\n`)
        return
      case 'job-ended':
        // That all parts of a matrix or of a called workflow succeeded has been seen.
        if (event.conclusion === 'success' && !withSteps.has(event.job)) return
        write(`${MARKS[event.conclusion]} ${bold(event.job)} ${dim(`${event.conclusion}, ${seconds(event.took)}`)}\n`)
        return
    }
  }
}

export function seconds(milliseconds: number): string {
  return milliseconds < 60_000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.floor(milliseconds / 60_000)} m ${Math.round((milliseconds % 60_000) / 1000)} s`
}
