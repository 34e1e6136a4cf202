import { durationText, Failure } from '@aws-deploy-actions/action-runtime'
import type { Progress, ReasonKind } from '@aws-deploy-actions/http-probe'

/** Why a check has not passed (yet), `down: …` or `up, but …`; undefined when it has. */
export function reasonText({ passed, attempts, inARow, last, lastReason }: Progress): string | undefined {
  if (passed) return undefined
  if (attempts === 0) return 'not asked: other checks took all the time (see max-parallel)'
  if (last === undefined) return 'down: no answer yet'
  if (last.reason !== undefined) return last.reason.text
  const before = lastReason === undefined ? '' : `; before: ${lastReason.text}`
  return `up, but it passed only ${inARow} ${inARow === 1 ? 'time' : 'times'} in a row${before}`
}

/** What to do, by what went wrong. */
const ADVICE: Readonly<Record<ReasonKind, string>> = {
  dns: 'Correct the name, or create its DNS record; a new record may need longer than the timeout.',
  refused: 'Look whether the service runs and listens on this port: its tasks, its log, the port mapping.',
  unreachable: 'Look at security groups, network ACLs, routes, and whether the address is public.',
  timeout:
    'Look at security groups and at the log of the service; a slow start needs a longer timeout or request-timeout.',
  closed: 'Read the log of the service: it, or a proxy before it, closes connections.',
  tls: 'Put the right certificate on the listener. For a private authority set NODE_EXTRA_CA_CERTS to its certificate.',
  'not-http': 'Look whether the port is the right one, and what answers there.',
  redirect: 'Correct the redirect, or set follow-redirects to false to look at the first answer.',
  status: 'Read the log of the service; compare path and method with what it serves.',
  version: 'Look whether the deployment went through to all tasks, and whether a cache stands before it.',
  body: 'Compare what is expected with what the service answers.',
  header: 'Compare the headers that are expected with what the service answers.',
  latency: 'Look for what is slow (phasesMs in results), or allow more with max-latency.',
  certificate: 'Renew the certificate.',
}

const SHOWN = 20

/** The failure over all checks that did not pass; undefined when all have. */
export function failureOf(progresses: readonly Progress[], timeoutMs: number): Failure | undefined {
  const failed = progresses.filter(({ passed }) => !passed)
  const [first] = failed
  if (first === undefined) return undefined
  const kinds = new Set(failed.flatMap(({ lastReason }) => lastReason?.kind ?? []))
  const within = `within ${durationText(timeoutMs)}`
  const what =
    progresses.length === 1
      ? `${first.check.name} did not pass ${within}: ${reasonText(first)}.`
      : `${failed.length} of ${progresses.length} checks did not pass ${within}; ${first.check.name}: ${reasonText(first)}.`
  const seen = failed.slice(0, SHOWN).flatMap(progress => {
    const { check, attempts, lastReason } = progress
    const line = `${check.name}: ${reasonText(progress)} (${attempts} ${attempts === 1 ? 'attempt' : 'attempts'})`
    return lastReason?.evidence === undefined ? [line] : [line, `  it answered: ${lastReason.evidence}`]
  })
  if (failed.length > SHOWN) seen.push(`and ${failed.length - SHOWN} more`)
  return new Failure(what, {
    ...(progresses.length === 1 ? { resource: first.shownUrl } : {}),
    seen,
    next: [...kinds].map(kind => ADVICE[kind]),
  })
}
