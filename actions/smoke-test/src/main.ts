import { type Action, Deadline } from '@aws-deploy-actions/action-runtime'
import { newProgress, type Progress, pollAll, secretsOf, systemLookup } from '@aws-deploy-actions/http-probe'
import { readInputs, type SmokeTestInputs } from './inputs.ts'
import { resultsOf, toldOfChecks } from './report.ts'
import { failureOf } from './verdict.ts'
import { Watch } from './watch.ts'

/** When something hangs for so long after the deadline, the process ends without it. */
const GRACE_MS = 3000

/** Polls every check until it passes or the time is over. */
export const action: Action<SmokeTestInputs, readonly Progress[]> = {
  name: 'smoke-test',
  readInputs,
  start: ({ checks }) => checks.map(newProgress),
  main: async ({ checks, timeoutMs, polling, unused }, progresses, runtime) => {
    const { log, signal, output, hide } = runtime
    for (const secret of checks.flatMap(secretsOf)) hide(secret)
    if (unused.length > 0)
      log.warning(
        `${unused.join(', ')} tested nothing`,
        'They hold for urls, and there are none. An entry of checks has its own expect: status, body-contains, version, max-latency.',
      )
    const deadline = new Deadline(runtime, timeoutMs)
    runtime.endBy(deadline.at + GRACE_MS)
    const watch = new Watch(progresses, log)
    try {
      const lookup = systemLookup()
      await pollAll(progresses, polling, { clock: runtime, deadline, lookup, signal, onAttempt: watch.tell })
    } finally {
      watch.stop()
      await output(
        'passed',
        progresses.every(({ passed }) => passed),
      )
      await output('results', resultsOf(progresses))
    }
    const failure = failureOf(progresses, timeoutMs)
    if (failure !== undefined) throw failure
    return 'passed'
  },
  tell: (_, progresses, outcome) => toldOfChecks(progresses, outcome),
}
