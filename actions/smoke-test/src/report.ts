import {
  code,
  codeBlock,
  durationText,
  failureMarkdown,
  type Outcome,
  plain,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import type { Phases, Progress } from '@aws-deploy-actions/http-probe'
import { withoutAccount } from '@aws-deploy-actions/pipeline-report'
import { reasonText } from './verdict.ts'

/** One entry of the output `results`; null is what is not known. */
export interface Result {
  readonly name: string
  readonly url: string
  readonly passed: boolean
  readonly attempts: number
  readonly status: number | null
  readonly version: string | null
  readonly latencyMs: number | null
  readonly phasesMs: Phases | null
  readonly error: string | null
}

/** GitHub drops an output that holds a masked account id, so names, addresses and reasons go without. */
export function resultsOf(progresses: readonly Progress[]): Result[] {
  return progresses.map(progress => {
    const { check, shownUrl, passed, attempts, last } = progress
    const error = reasonText(progress)
    return {
      name: withoutAccount(check.name),
      url: withoutAccount(shownUrl),
      passed,
      attempts,
      status: last?.status ?? null,
      version: last?.version ?? null,
      latencyMs: last?.latencyMs === undefined ? null : tenths(last.latencyMs),
      phasesMs: last?.phases === undefined ? null : roundedPhases(last.phases),
      error: error === undefined ? null : withoutAccount(error),
    }
  })
}

function roundedPhases({ dns, connect, tls, firstByte, body }: Phases): Phases {
  return {
    dns: tenths(dns),
    connect: tenths(connect),
    tls: tenths(tls),
    firstByte: tenths(firstByte),
    body: tenths(body),
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}

export function toldOfChecks(progresses: readonly Progress[], { status, failure, seconds }: Outcome): Told {
  const verdict = verdictText(progresses, status, failure?.message, seconds)
  const mark = status === 'passed' ? '✅' : status === 'cancelled' ? '🚫' : '❌'
  const sections = [`### ${mark} ${plain(verdict)}`]
  if (failure !== undefined) sections.push(failureMarkdown(failure.record))
  sections.push(checksTable(progresses), ...answers(progresses))
  return {
    record: { verdict, checks: progresses.map(checkRecord) },
    summary: sections.filter(section => section !== '').join('\n\n'),
  }
}

function verdictText(
  progresses: readonly Progress[],
  status: string,
  message: string | undefined,
  seconds: number,
): string {
  if (status !== 'passed') return `Smoke test ${status === 'cancelled' ? 'was cancelled' : 'failed'}: ${message ?? ''}`
  const [only] = progresses
  const what = progresses.length === 1 ? `${only?.check.name} passed` : `all ${progresses.length} checks passed`
  return `Smoke test: ${what} in ${durationText(seconds * 1000)}.`
}

function checksTable(progresses: readonly Progress[]): string {
  // Failed ones first: what GitHub cuts off is the end.
  const sorted = progresses.toSorted((a, b) => Number(a.passed) - Number(b.passed))
  const withReasons = progresses.some(progress => reasonText(progress) !== undefined)
  return table(
    ['', 'Check', 'Status', 'Version', 'Latency', 'Attempts', ...(withReasons ? ['Reason'] : [])],
    sorted.map(progress => {
      const { check, shownUrl, passed, attempts, last } = progress
      return [
        passed ? '✅' : '❌',
        check.name === shownUrl ? code(shownUrl) : `${plain(check.name)}<br>${code(shownUrl)}`,
        last?.status === undefined ? '–' : String(last.status),
        last?.version === undefined ? '–' : code(last.version),
        last?.latencyMs === undefined ? '–' : durationText(last.latencyMs),
        String(attempts),
        ...(withReasons ? [plain(reasonText(progress) ?? '')] : []),
      ]
    }),
  )
}

const ANSWERS = 5

function answers(progresses: readonly Progress[]): string[] {
  return progresses
    .filter(({ passed }) => !passed)
    .flatMap(({ check, lastReason }) =>
      lastReason?.evidence === undefined
        ? []
        : [
            `<details><summary>What ${code(check.name)} answered</summary>\n\n${codeBlock(lastReason.evidence)}\n\n</details>`,
          ],
    )
    .slice(0, ANSWERS)
}

function checkRecord(progress: Progress): NonNullable<Told['record']['checks']>[number] {
  const { check, shownUrl, passed, attempts, last } = progress
  const error = reasonText(progress)
  return {
    name: check.name,
    url: shownUrl,
    passed,
    attempts,
    ...(last?.status === undefined ? {} : { status: last.status }),
    ...(last?.version === undefined ? {} : { version: last.version }),
    ...(last?.latencyMs === undefined ? {} : { latencyMs: tenths(last.latencyMs) }),
    ...(error === undefined ? {} : { error }),
  }
}
