import { randomBytes } from 'node:crypto'
import { asFailure, Deadline, durationText, failureText, type Runtime } from '@aws-deploy-actions/action-runtime'
import {
  type BegunCommand,
  cancelCommand,
  commandConsoleUrl,
  commandEnd,
  followHosts,
  type HostEnd,
  hostOutcome,
  isOfWholeCommand,
  mayHaveBeenSent,
  sentCommand,
} from '@aws-deploy-actions/compose-host'
import type { Command, SSMClient } from '@aws-sdk/client-ssm'
import { rememberCommand } from './clean-up.ts'
import type { DeployInputs } from './inputs.ts'
import { setOutputs } from './report.ts'
import type { DeployRun } from './run.ts'

/** After a time-out the process must be gone within 5 s (ms). */
const GRACE_MS = 4900
/** How long the end of the logs is waited for (ms). */
const TAIL_MS = 6000

/**
 * Sends the command and watches it until every host is over; `run` has what became of each.
 * @throws DeadlineExceeded, Cancelled, PermissionError, AwsError: then the command has been told to stop
 */
export async function deployOnHosts(
  ssm: SSMClient,
  inputs: DeployInputs,
  run: DeployRun,
  runtime: Runtime,
): Promise<void> {
  const { log, signal } = runtime
  const deadline = new Deadline(runtime, inputs.timeoutMs, {
    what: `The deploy was not over within ${durationText(inputs.timeoutMs)}.`,
    next: ['The hosts were told to stop and to take back what they had begun; look at their logs.', 'Raise timeout.'],
  })
  runtime.endBy(deadline.at + GRACE_MS)
  const calling = { clock: runtime, log, signal, deadline }
  let begun: BegunCommand = { id: undefined, comment: ownComment(runtime), since: runtime.now() }
  await rememberCommand(begun, inputs.region, runtime)
  let maybeSent = false
  try {
    const id = await sentCommand(
      ssm,
      {
        ...command(inputs, run.hosts.length, begun.comment),
        onUnanswered: () => {
          maybeSent = true
        },
      },
      calling,
    )
    maybeSent = true
    begun = { ...begun, id }
    run.commandId = id
    await rememberCommand(begun, inputs.region, runtime)
    await runtime.output('command-id', id)
    log.info(`Sent command ${id}: ${commandConsoleUrl(inputs.region, id)}`)
    await watched(ssm, id, inputs, run, runtime, calling)
    await runtime.remember('command', '')
  } catch (error) {
    run.endedAs = asFailure(error).status
    // Refused: nothing was sent.
    if (!maybeSent && !mayHaveBeenSent(error, signal)) await runtime.remember('command', '')
    else if (await cancelCommand(ssm, begun, { clock: runtime, log })) await runtime.remember('command', '')
    throw error
  } finally {
    runtime.endBy(undefined)
  }
}

async function watched(
  ssm: SSMClient,
  id: string,
  inputs: DeployInputs,
  run: DeployRun,
  runtime: Runtime,
  calling: Parameters<typeof commandEnd>[4],
): Promise<void> {
  const { log } = runtime
  const { logGroup, region, targets, deploy } = inputs
  const logs =
    logGroup === undefined ? undefined : followHosts(logGroup, id, run.hosts, region, { clock: runtime, log })
  const seen = (host: string, details: string): void => {
    run.seen.set(host, details)
  }
  try {
    const ended = async (end: HostEnd): Promise<void> => {
      const outcome = hostOutcome(end, deploy.operation)
      run.outcomes.set(end.id, outcome)
      const took = outcome.seconds === undefined ? '' : ` after ${outcome.seconds} s`
      if (outcome.failure === undefined || run.hosts.length === 1) log.info(`${end.id}: ${outcome.status}${took}`)
      else log.error(`${end.id} ${outcome.status}`, failureText(outcome.failure))
      await setOutputs(run, runtime)
    }
    const byTags = targets.kind === 'tags'
    const { ends, command } = await commandEnd(
      ssm,
      id,
      run.hosts.length,
      byTags,
      calling,
      seen,
      ended,
      haveTurns(inputs, run.hosts.length) ? Number.POSITIVE_INFINITY : inputs.deliveryTimeoutMs,
    )
    // A host that is in no list: the command itself says why.
    for (const host of run.hosts) {
      if (!run.outcomes.has(host) && isOfWholeCommand(command?.StatusDetails)) await ended(unlisted(host, command))
    }
    // Hosts that a tag selected although they were not listed before.
    run.hosts = [...new Set([...run.hosts, ...ends.map(end => end.id)])].toSorted()
    await logs?.drain(Math.min(TAIL_MS, calling.deadline.left), new Set(run.hosts))
  } finally {
    await logs?.stop()
  }
}

function unlisted(id: string, command: Command | undefined): HostEnd {
  return { id, statusDetails: command?.StatusDetails ?? '', exitCode: undefined, result: undefined, said: '' }
}

function command(inputs: DeployInputs, hosts: number, comment: string): Parameters<typeof sentCommand>[1] {
  const { script, targets, deliveryTimeoutMs, timeoutMs, maxConcurrency, maxErrors, logGroup } = inputs
  const seconds = (ms: number): number => Math.ceil(ms / 1000)
  const waits = haveTurns(inputs, hosts)
  return {
    script,
    targets,
    comment,
    deliverySeconds: Math.max(30, seconds(waits ? timeoutMs : Math.min(deliveryTimeoutMs, timeoutMs))),
    executionSeconds: seconds(timeoutMs),
    maxConcurrency,
    maxErrors,
    logGroup,
  }
}

/** A host that waits for its turn has not been reached yet; its time for delivery runs all the same. */
function haveTurns({ maxConcurrency }: DeployInputs, hosts: number): boolean {
  return maxConcurrency !== '100%' && (maxConcurrency.endsWith('%') || Number(maxConcurrency) < hosts) && hosts > 1
}

/** Names the run, and holds a nonce by which a command is found whose answer was lost; at most 100 characters. */
function ownComment({ environment }: Runtime): string {
  const run = environment.runId === undefined ? '' : ` run ${environment.runId}/${environment.runAttempt ?? '1'}`
  return `ssm-pull-deploy${run.slice(0, 60)} ${randomBytes(9).toString('hex')}`
}
