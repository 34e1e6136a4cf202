import { durationText } from '@aws-deploy-actions/action-runtime'
import { type Calling, call, poll } from '@aws-deploy-actions/aws-clients'
import {
  type Command,
  type CommandInvocation,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm'
import { Deliveries } from './delivery.ts'
import { type HostEnd, HostEnds } from './host-end.ts'

// One look brings all hosts; what is over shows half an interval later in the middle.
const LOOK_EVERY_MS = 1000
const STILL_EVERY_MS = 60_000
/** How long fewer hosts than were expected are listed before the list is taken for complete (ms). */
const FEWER_MS = 20_000

const OVER: ReadonlySet<string> = new Set(['Success', 'Cancelled', 'TimedOut', 'Failed'])
const COMMAND_OVER: ReadonlySet<string> = new Set([...OVER, 'Cancelling'])

/**
 * Watches a command until every host is over; prints changes only. The list of invocations is all that is polled: one
 * call for 50 hosts.
 * @param expected how many hosts there are
 * @param byTags true when SSM chose the hosts: then it is asked at the end how many it chose
 * @param onSeen told of every change of a host's StatusDetails
 * @param onEnd told of every host as soon as it is over
 * @param deliveryMs how long the command may take to reach the hosts; Infinity where they wait for each other
 * @throws DeadlineExceeded, the signal's reason
 */
export async function commandEnd(
  ssm: SSMClient,
  commandId: string,
  expected: number,
  byTags: boolean,
  calling: Calling,
  onSeen: (id: string, statusDetails: string) => void,
  onEnd: (end: HostEnd) => Promise<void>,
  deliveryMs: number,
): Promise<{ readonly ends: readonly HostEnd[]; readonly command: Command | undefined }> {
  const { clock } = calling
  const began = clock.now()
  const told = new ProgressLines(calling, began, onSeen)
  const ends = new Map<string, HostEnd>()
  const hostEnds = new HostEnds(ssm, commandId, calling)
  const deliveries = new Deliveries(ssm, commandId, deliveryMs, calling)
  const note = async (end: HostEnd): Promise<void> => {
    if (ends.has(end.id)) return
    ends.set(end.id, end)
    await onEnd(end)
  }
  return poll(calling, LOOK_EVERY_MS, async () => {
    const invocations = await invocationsOf(ssm, commandId, calling)
    told.show(invocations)
    for (const end of await deliveries.late(invocations)) await note(end)
    const over = invocations.filter(({ InstanceId = '', Status = '' }) => OVER.has(Status) && !ends.has(InstanceId))
    for (const end of await hostEnds.known(over)) await note(end)
    if (ends.size < invocations.length) return undefined
    const fewer = invocations.length < expected
    if (!fewer && (!byTags || deliveries.gaveUp)) return { ends: [...ends.values()], command: undefined }
    if (invocations.length === 0 && !byTags && clock.now() - began < FEWER_MS) return undefined
    const command = await commandItself(ssm, commandId, calling)
    if (command === undefined || !COMMAND_OVER.has(command.Status ?? '')) return undefined
    // Hosts that a command has but that are not listed yet (eventual consistency).
    if ((command.TargetCount ?? 0) > invocations.length && clock.now() - began < FEWER_MS) return undefined
    return { ends: [...ends.values()], command }
  })
}

async function invocationsOf(ssm: SSMClient, CommandId: string, calling: Calling): Promise<CommandInvocation[]> {
  const found: CommandInvocation[] = []
  let token: string | undefined
  do {
    const { CommandInvocations = [], NextToken } = await call('ssm:ListCommandInvocations', calling, options =>
      ssm.send(
        new ListCommandInvocationsCommand({
          CommandId,
          Details: true,
          MaxResults: 50,
          ...(token === undefined ? {} : { NextToken: token }),
        }),
        options,
      ),
    )
    found.push(...CommandInvocations)
    token = NextToken
  } while (token !== undefined && token !== '')
  return found
}

async function commandItself(ssm: SSMClient, CommandId: string, calling: Calling): Promise<Command | undefined> {
  const { Commands = [] } = await call('ssm:ListCommands', calling, options =>
    ssm.send(new ListCommandsCommand({ CommandId }), options),
  )
  return Commands[0]
}

/** Says what changes, never the same line twice, and after a minute how long it has been so. */
class ProgressLines {
  readonly #calling: Calling
  readonly #began: number
  readonly #onSeen: (id: string, statusDetails: string) => void
  readonly #shown = new Map<string, string>()
  #toldAt: number

  constructor(calling: Calling, began: number, onSeen: (id: string, statusDetails: string) => void) {
    this.#calling = calling
    this.#onSeen = onSeen
    this.#began = began
    this.#toldAt = began
  }

  show(invocations: readonly CommandInvocation[]): void {
    const { clock, log } = this.#calling
    for (const { InstanceId = '', Status = '', StatusDetails = Status } of invocations) {
      if (this.#shown.get(InstanceId) === StatusDetails) continue
      this.#shown.set(InstanceId, StatusDetails)
      this.#toldAt = clock.now()
      this.#onSeen(InstanceId, StatusDetails)
      log.info(`${InstanceId}: ${StatusDetails}`)
    }
    if (clock.now() - this.#toldAt < STILL_EVERY_MS) return
    this.#toldAt = clock.now()
    const open = [...this.#shown].filter(([, status]) => !OVER.has(status)).map(([id, status]) => `${id} ${status}`)
    const after = durationText(clock.now() - this.#began)
    log.info(
      open.length === 0 ? `Still no host has begun after ${after}.` : `Still after ${after}: ${open.join(', ')}.`,
    )
  }
}
