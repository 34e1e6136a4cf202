import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import type { HostEnd } from './host-end.ts'

/** What became of one host. */
export interface HostOutcome {
  readonly id: string
  /** `deployed`, `unchanged`, `rolled-back`, `failed`, `timed-out`, `cancelled`, `not-started` */
  readonly status: string
  readonly statusDetails: string
  readonly exitCode: number | undefined
  readonly services: HostServices
  readonly seconds: number | undefined
  readonly reason: string | undefined
  readonly commitBefore: string | undefined
  /** undefined for a success */
  readonly failure: FailureRecord | undefined
}

export type HostServices = readonly {
  readonly name: string
  readonly before: string | undefined
  readonly after: string | undefined
}[]

/** What a terminal status other than Success and Failed means (Systems Manager User Guide, "Understanding command statuses"). */
const MEANINGS: Readonly<Record<string, { status: string; what: string; cause: string; next: string }>> = {
  DeliveryTimedOut: {
    status: 'timed-out',
    what: 'The command did not reach the host in time; nothing ran there.',
    cause: 'The agent lost its connection, or the host is busy, restarting or stopped.',
    next: 'Look at the host in Fleet Manager and at /var/log/amazon/ssm/amazon-ssm-agent.log; raise delivery-timeout for hosts that are slow to answer.',
  },
  ExecutionTimedOut: {
    status: 'timed-out',
    what: 'The command ran longer than it may on the host.',
    cause: 'A pull, a command or a health check took too long; the agent ended it. The host puts itself back.',
    next: 'Read the log on the host, in the folder .NAME.deploy beside the directory; raise timeout if it only needs longer.',
  },
  Undeliverable: {
    status: 'failed',
    what: 'The command could not be delivered; nothing ran on the host.',
    cause: 'The host does not exist any more, or did not answer.',
    next: 'Look at the instance in EC2 and in Fleet Manager; take hosts that are gone out of instance-ids.',
  },
  Terminated: {
    status: 'not-started',
    what: 'Systems Manager ended the command before this host began.',
    cause: 'More hosts failed than max-errors allows.',
    next: 'Mend the host that failed first; this one still runs what it ran.',
  },
  InvalidPlatform: {
    status: 'failed',
    what: 'The host does not run Linux.',
    cause: 'AWS-RunShellScript runs on Linux and macOS only.',
    next: 'Leave the host out, or choose tags that only Linux hosts have.',
  },
  AccessDenied: {
    status: 'failed',
    what: 'The host was not allowed to run the command.',
    cause:
      "The role of the workflow may not send commands to this host, or the host's own role lacks Systems Manager's permissions.",
    next: 'Compare the conditions of ssm:SendCommand in the role of the workflow with the tags of the host; give the host AmazonSSMManagedInstanceCore.',
  },
  Incomplete: {
    status: 'failed',
    what: 'The command was not delivered to all hosts.',
    cause: 'The time for delivery was over before every host was reached.',
    next: 'Raise delivery-timeout or max-concurrency, and run the step again: hosts that are done stay as they are.',
  },
  RateExceeded: {
    status: 'failed',
    what: 'Systems Manager refused: the account has too many commands under way.',
    cause: 'The quota for pending command invocations is used up.',
    next: 'Wait until other commands are over, or have the quota raised.',
  },
  NoInstancesInTag: {
    status: 'no-targets',
    what: 'No host has the tags.',
    cause: 'The tag or its value is misspelt, or no host with it is running.',
    next: 'Compare the tags with those of the instances.',
  },
  Cancelled: {
    status: 'cancelled',
    what: 'The command was cancelled.',
    cause: 'Somebody, or this workflow, cancelled it. The host takes back what it had begun and frees its lock.',
    next: 'Run the step again when nothing else is being deployed.',
  },
}

/**
 * True for a StatusDetails that a command has as a whole, with no word on its hosts (Systems Manager User Guide,
 * "Understanding command statuses").
 */
export function isOfWholeCommand(statusDetails: string | undefined): boolean {
  return statusDetails === 'Incomplete' || statusDetails === 'RateExceeded' || statusDetails === 'NoInstancesInTag'
}

const OWN_STATUSES: ReadonlySet<string> = new Set(['deployed', 'unchanged', 'rolled-back', 'failed', 'cancelled'])

/** What a host's end means. Green only when SSM says Success and the host says what it has proven. Pure. */
export function hostOutcome(end: HostEnd, operation: 'deploy' | 'rollback'): HostOutcome {
  const { id, statusDetails, exitCode, result } = end
  const outcome = (status: string, failure: FailureRecord | undefined): HostOutcome => ({
    id,
    status,
    statusDetails,
    exitCode,
    services: result?.services ?? [],
    seconds: result?.seconds,
    reason: failure?.what,
    commitBefore: result?.commitBefore,
    failure,
  })
  if (statusDetails === 'Success' && result !== undefined) {
    const wanted = operation === 'rollback' ? ['rolled-back'] : ['deployed', 'unchanged']
    if (wanted.includes(result.status)) return outcome(result.status, undefined)
  }
  if (statusDetails === 'Failed' && result !== undefined) {
    const status = OWN_STATUSES.has(result.status) && result.status !== 'deployed' && result.status !== 'unchanged'
    return outcome(status ? result.status : 'failed', {
      what: result.reason === '' ? 'The deploy failed on the host without a reason.' : result.reason,
      resource: id,
      seen: result.evidence,
      ...adviceOn(result.reason, result.phase, result.takeBack),
      next: [...nextSteps(result.reason, result.takeBack), `The whole log is on the host: ${result.log}`],
    })
  }
  const meaning = MEANINGS[statusDetails]
  if (meaning !== undefined) {
    return outcome(meaning.status, {
      what: meaning.what,
      resource: id,
      said: `StatusDetails ${statusDetails}`,
      cause: meaning.cause,
      next: [meaning.next],
    })
  }
  const words = end.said.split('\n').filter(line => line.trim() !== '')
  return outcome('failed', {
    what:
      statusDetails === 'Success' || statusDetails === 'Failed'
        ? `The command ended (${statusDetails}${exitCode === undefined ? '' : `, exit code ${exitCode}`}) without a result from the host: what it did is not known.`
        : `The command ended with the status ${statusDetails || 'that SSM left out'}, which is not known: it counts as a failure.`,
    resource: id,
    said: `StatusDetails ${statusDetails}`,
    ...(words.length === 0 ? {} : { seen: words.slice(-10) }),
    ...(/no space left/i.test(end.said) ? { cause: 'The disk of the host is full.' } : {}),
    next: ['Look at the command in the Systems Manager console, and at the log on the host, before you deploy again.'],
  })
}

function adviceOn(reason: string, phase: string, takeBack: string): { readonly cause?: string } {
  const cause = CAUSES.find(([pattern]) => pattern.test(reason))?.[1]
  const back: Readonly<Record<string, string>> = {
    done: 'What ran before runs on.',
    'nothing-before': 'Nothing ran here before, so there is nothing to go back to: what was started is stopped.',
    failed: 'What ran before could not be brought back.',
    off: 'Nothing was taken back (rollback: false).',
  }
  const parts = [cause, phase === '' ? undefined : `It failed while ${phase}.`, back[takeBack]]
  const words = parts.filter(part => part !== undefined).join(' ')
  return words === '' ? {} : { cause: words }
}

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/manifest unknown|not found: manifest|repository .*not found/i, 'The tag was not pushed, or the name is wrong.'],
  [/no basic auth|denied|unauthorized|authorization token has expired/i, 'The host may not pull the image.'],
  [/i\/o timeout|no such host|TLS handshake|connection refused/i, 'The host does not reach the registry.'],
  [/exec format error|no matching manifest/i, 'The image was built for another architecture.'],
  [/no space left|disk/i, 'The disk of the host is full.'],
  [/is unhealthy|is starting/i, 'The health check of the container did not pass in time.'],
  [/exited with 137/, 'The container was killed: out of memory, most often.'],
  [/exited with 127/, 'The command is not in the image.'],
]

const NEXT: readonly (readonly [RegExp, string])[] = [
  [/no basic auth|denied|unauthorized/i, 'Set registry-login to ecr, and allow the role of the host to pull.'],
  [/manifest unknown|not found: manifest/i, 'Push the tag, or correct it in env.'],
  [/holds the lock/, 'Run the step again when the other deploy is over, or raise lock-timeout.'],
  [/local changes/, 'Commit or discard them on the host; they would be lost.'],
  [/no space left|too full|disk/i, 'Make room (docker system df), lower keep-releases, or enlarge the volume.'],
  [/has no docker compose|neither docker compose/i, 'Install the compose plugin on the host.'],
  [
    /is unhealthy|is starting|health/i,
    'Look at what the container says above; raise health-timeout if it only needs longer.',
  ],
]

function nextSteps(reason: string, takeBack: string): string[] {
  const steps = NEXT.filter(([pattern]) => pattern.test(reason)).map(([, step]) => step)
  if (takeBack === 'failed') steps.unshift('Look at the host at once: neither version is proven to run.')
  return [...new Set(steps)]
}
