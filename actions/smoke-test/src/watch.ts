import { durationText, type Log } from '@aws-deploy-actions/action-runtime'
import type { Progress } from '@aws-deploy-actions/http-probe'

const MINUTE_MS = 60_000

/** Prints what changes while checks are polled, never the same twice, and once a minute how long it takes. */
export class Watch {
  readonly #log: Log
  readonly #said = new Map<Progress, Set<string>>()
  readonly #began = performance.now()
  readonly #timer: NodeJS.Timeout

  constructor(progresses: readonly Progress[], log: Log) {
    this.#log = log
    this.#timer = setInterval(() => this.#tellWaiting(progresses), MINUTE_MS)
  }

  /** An arrow function, so that it can be handed over as it is. */
  readonly tell = (progress: Progress): void => {
    const { check, passed, inARow, last } = progress
    const key = passed ? 'passed' : (last?.reason?.key ?? `in a row ${inARow}`)
    const said = this.#said.get(progress) ?? new Set()
    if (last === undefined || said.has(key)) return
    this.#said.set(progress, said.add(key))
    if (last.reason !== undefined) {
      const { text, evidence } = last.reason
      this.#log.outside(check.name, evidence === undefined ? [text] : [text, `  it answered: ${evidence}`])
      return
    }
    const version = last.version === undefined ? '' : `, version ${last.version}`
    const facts = `status ${last.status} in ${durationText(last.latencyMs ?? 0)}${version}`
    this.#log.outside(check.name, [
      passed ? `passed after ${attemptsText(progress)}: ${facts}` : `${inARow} in a row: ${facts}`,
    ])
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tellWaiting(progresses: readonly Progress[]): void {
    const open = progresses.filter(({ passed }) => !passed).map(({ check }) => check.name)
    const time = durationText(performance.now() - this.#began)
    const names = `${open.slice(0, 5).join(', ')}${open.length > 5 ? `, and ${open.length - 5} more` : ''}`
    this.#log.info(
      `Waiting for ${time}: ${progresses.length - open.length} of ${progresses.length} checks passed, not yet ${names}.`,
    )
  }
}

export function attemptsText({ attempts }: Progress): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`
}
