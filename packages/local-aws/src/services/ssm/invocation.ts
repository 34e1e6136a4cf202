import type { Access } from '../../access.ts'
import type { Cloud } from '../../cloud.ts'
import type { ScriptResult } from '../../hosts/shell-script.ts'
import { PROCESS_TIMEOUT_FLOOR_MS } from '../ecs/durations.ts'
import type { LogStore } from '../logs/store.ts'
import { type CommandOutput, commandOutput } from './command-output.ts'
import { commandDurations } from './durations.ts'
import { sendToThis } from './needs.ts'
import { listedOutput, standardError, standardOutput } from './output.ts'
import type { CommandRecord, Invocation } from './records.ts'
import { type InvocationDetails, meanings } from './statuses.ts'

/** What running commands needs of the cloud. */
export interface CommandWorld {
  readonly cloud: Cloud
  readonly logs: LogStore
  readonly access: Access
}

interface Journey {
  readonly world: CommandWorld
  readonly command: CommandRecord
  readonly invocation: Invocation
}

/** `CommandRetryLimit` in agent/appconfig/constants.go: so often a script may ask for a reboot and run again */
const RUNS = 15
/** outofproc/master.go, `generateUnexpectedFailResult`, with the text of messaging.go for a worker that is gone */
const WORKER_GONE =
  'document process failed unexpectedly: ipc messaging received timeout signal , check [ssm-document-worker]/[ssm-session-worker] log for crash reason'
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Takes a command to one host and brings back what became of it; rejects only when the cloud stops. */
export async function carryOut(world: CommandWorld, command: CommandRecord, invocation: Invocation): Promise<void> {
  const journey: Journey = { world, command, invocation }
  const { host, cancel } = invocation
  const { speed } = world.cloud
  const sentAt = Date.now()
  await pass(journey, commandDurations.delivery)
  const scripted = host.takeScripted()
  if (scripted !== undefined) return endAsScripted(invocation, scripted)
  if ((host.options.platform ?? 'Linux') !== 'Linux') return end(invocation, 'InvalidPlatform')
  if (!isAllowed(journey)) return end(invocation, 'AccessDenied')

  // "If this time is reached and the command hasn't already started running, it won't run" (TimeoutSeconds), but the
  // status changes only after the sum of both time-outs (monitor-commands, Pending)
  const runsWithin = Math.max((command.timeoutSeconds * 1000) / speed, PROCESS_TIMEOUT_FLOOR_MS)
  const expires = sentAt + runsWithin + (command.executionTimeout * 1000) / speed
  const isPrompt = host.state === 'online' && host.latencyMs < runsWithin
  const look = (): 'connected' | 'Cancelled' | 'Undeliverable' | undefined => {
    if (cancel.signal.aborted) return 'Cancelled'
    if (host.state === 'terminated') return 'Undeliverable'
    // an agent that is there is not late because this machine is busy
    return isPrompt || (host.state === 'online' && Date.now() < sentAt + runsWithin) ? 'connected' : undefined
  }
  if (look() === undefined) invocation.details = 'Delayed'
  const received = await reached(journey, expires, look)
  if (received === 'connected') await execute(journey)
  else end(invocation, received)
}

async function execute(journey: Journey): Promise<void> {
  const { command, invocation, world } = journey
  const { host } = invocation
  start(invocation)
  const expires =
    Date.now() +
    Math.max((command.timeoutSeconds * 1000) / world.cloud.speed, PROCESS_TIMEOUT_FLOOR_MS) +
    (command.executionTimeout * 1000) / (host.options.executionSpeed ?? 1)
  const online = () => (host.state === 'online' ? ('connected' as const) : undefined)
  const output = outputFor(journey)
  for (let run = 1; ; run += 1) {
    const result = await runOnce(journey, output)
    const finishedAt = new Date()
    if (result !== 'lost' && result.verdict === 'SuccessAndReboot' && run < RUNS) {
      await host.become('rebooted')
      continue
    }
    await output?.end()
    if ((await reached(journey, expires, online)) !== 'connected') return end(invocation, 'DeliveryTimedOut')
    if (result === 'lost') {
      await pass(journey, commandDurations.workerGone)
      // the agent's result of a worker that is gone has exit code 0, and its text in `Output` only
      return end(invocation, 'Failed', { responseCode: 0, listedOutput: WORKER_GONE })
    }
    await pass(journey, commandDurations.report)
    return report(invocation, result, finishedAt)
  }
}

/** Hosts that targets select are asked about here; a denial stands in the journal as a request of its own. */
function isAllowed({ world, command, invocation }: Journey): boolean {
  if (command.targets.length === 0) return true
  const need = sendToThis(invocation.host, world.cloud.accountId)
  if (world.access.allows(need, command.caller)) return true
  const input = { CommandId: command.commandId, InstanceId: invocation.host.instanceId }
  world.cloud.journal.open(
    'ssm',
    'SendCommand to an instance',
    input,
  )({
    needs: [need],
    denied: need,
    error: 'AccessDenied',
    region: command.region,
  })
  return false
}

/** One run of the script; a cancel that reaches the agent in time kills it. */
async function runOnce(journey: Journey, output: CommandOutput | undefined): Promise<ScriptResult | 'lost'> {
  const { world, command, invocation } = journey
  const { host, cancel } = invocation
  const agentCancel = new AbortController()
  const ended = new AbortController()
  const tellAgent = async (): Promise<void> => {
    await pass(journey, commandDurations.delivery, ended.signal)
    await host.watch.until(() => host.state === 'online' || ended.signal.aborted)
    agentCancel.abort()
  }
  const onCancel = (): void => {
    invocation.details = 'Cancelling'
    // rejects only when the script has ended meanwhile, or the cloud stops
    tellAgent().catch(() => undefined)
  }
  if (cancel.signal.aborted) onCancel()
  else cancel.signal.addEventListener('abort', onCancel)
  world.cloud.log(`${host.instanceId}: runs ${command.commandId}`)
  try {
    return await host.run({
      commandId: command.commandId,
      commands: command.parameters.commands ?? [],
      workingDirectory: command.parameters.workingDirectory?.[0] ?? '',
      timeoutSeconds: command.executionTimeout,
      cancel: agentCancel.signal,
      onOutput: (stream, bytes) => output?.write(stream, bytes),
    })
  } finally {
    cancel.signal.removeEventListener('abort', onCancel)
    ended.abort(new Error('the script has ended'))
    host.watch.changed()
  }
}

function outputFor({ world, command, invocation }: Journey): CommandOutput | undefined {
  const { CloudWatchOutputEnabled, CloudWatchLogGroupName } = command.output
  if (!CloudWatchOutputEnabled) return undefined
  // "if you don't specify a group name": aws/ssm/SystemsManagerDocumentName, with a slash before it in the console
  const group = CloudWatchLogGroupName ?? `/aws/ssm/${command.documentName}`
  const prefix = `${command.commandId}/${invocation.host.instanceId}`
  return commandOutput(world.cloud, world.logs, command.region, group, prefix)
}

function start(invocation: Invocation): void {
  if (invocation.details !== 'Cancelling') invocation.details = 'InProgress'
  invocation.startedAt = new Date()
}

function report(invocation: Invocation, { verdict, exitCode, stdout, stderr }: ScriptResult, finishedAt: Date): void {
  const details = {
    Success: 'Success',
    Failed: 'Failed',
    SuccessAndReboot: 'Failed',
    Cancelled: 'Cancelled',
    TimedOut: 'ExecutionTimedOut',
  } as const
  // "if ExecutionStatus is neither Succeeded nor Failed, then this string is empty" (StandardOutputContent)
  const isShown = verdict === 'Success' || verdict === 'Failed'
  end(invocation, details[verdict], {
    finishedAt,
    responseCode: exitCode,
    stdout: isShown ? standardOutput(stdout) : '',
    stderr: standardError(stderr),
    listedOutput: listedOutput(stdout, stderr),
  })
}

function endAsScripted(invocation: Invocation, details: InvocationDetails): void {
  const hasRun = meanings[details].isError
  if (hasRun) start(invocation)
  end(invocation, details, hasRun ? { responseCode: details === 'Failed' ? 1 : 137 } : {})
}

/** The end of an invocation, whichever way it went. */
export function end(
  invocation: Invocation,
  details: InvocationDetails,
  result: Partial<Pick<Invocation, 'finishedAt' | 'responseCode' | 'stdout' | 'stderr' | 'listedOutput'>> = {},
): void {
  Object.assign(invocation, { finishedAt: new Date() }, result)
  invocation.details = details
}

/** Waits AWS's time for a step, and the host's latency. */
async function pass({ world: { cloud }, invocation }: Journey, ms: number, signal?: AbortSignal): Promise<void> {
  await cloud.pause(ms + invocation.host.latencyMs * cloud.speed, signal)
}

/** Looks whenever the host or the cancel has changed, until something is found or the command has expired. */
async function reached<Found>(
  { world: { cloud }, invocation: { host, cancel } }: Journey,
  expires: number,
  look: () => Found | undefined,
): Promise<Found | 'DeliveryTimedOut'> {
  const settled = new AbortController()
  const found = new Promise<Found>(resolve => {
    const check = (): void => {
      const result = look()
      if (result !== undefined) resolve(result)
    }
    const forget = host.watch.each(check)
    cancel.signal.addEventListener('abort', check, { signal: settled.signal })
    settled.signal.addEventListener('abort', forget)
    check()
  })
  const patience = Math.min(Math.max(expires - Date.now(), 0), LONGEST_TIMER_MS)
  const late = cloud.pause(patience * cloud.speed, settled.signal).then(() => 'DeliveryTimedOut' as const)
  try {
    return await Promise.race([found, late])
  } finally {
    settled.abort(new Error('the wait is over'))
    late.catch(() => undefined)
  }
}
