import { durationText } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { CancelCommandCommand, type CommandInvocation, type SSMClient } from '@aws-sdk/client-ssm'
import type { HostEnd } from './host-end.ts'

/** How long a host that was given up may take to be shown as cancelled (ms). */
const GIVEN_UP_MS = 10_000
/** So many hosts may be named in one CancelCommand. */
const MOST_HOSTS = 50

const NOT_BEGUN: ReadonlySet<string | undefined> = new Set(['Pending', 'Delayed'])

/**
 * Gives up the hosts that a command does not reach in time. Systems Manager itself says DeliveryTimedOut only after
 * TimeoutSeconds and executionTimeout together, and runs the command when the host comes back before that (Systems
 * Manager User Guide, "Understanding command statuses").
 */
export class Deliveries {
  readonly #ssm: SSMClient
  readonly #commandId: string
  readonly #calling: Calling
  readonly #withinMs: number
  readonly #until: number
  /** host → when it was told that it is too late (ms) */
  readonly #givenUp = new Map<string, number>()
  readonly #begun = new Set<string>()

  /** @param withinMs from now; Infinity where nobody can say since when a host is waited for */
  constructor(ssm: SSMClient, commandId: string, withinMs: number, calling: Calling) {
    this.#ssm = ssm
    this.#commandId = commandId
    this.#calling = calling
    this.#withinMs = withinMs
    this.#until = calling.clock.now() + withinMs
  }

  /** True once hosts were given up: then the command as a whole may stay open. */
  get gaveUp(): boolean {
    return this.#givenUp.size > 0
  }

  /**
   * Cancels the command for the hosts that it has not reached by now. Returns the ends of those that never began.
   * @throws what `call` throws
   */
  async late(invocations: readonly CommandInvocation[]): Promise<HostEnd[]> {
    const { clock, log } = this.#calling
    const now = clock.now()
    for (const { InstanceId = '', Status } of invocations) if (Status === 'InProgress') this.#begun.add(InstanceId)
    if (now < this.#until) return []
    const late = invocations
      .flatMap(({ InstanceId = '', Status }) =>
        NOT_BEGUN.has(Status) && !this.#givenUp.has(InstanceId) ? [InstanceId] : [],
      )
      .slice(0, MOST_HOSTS)
    if (late.length > 0) {
      const request = new CancelCommandCommand({ CommandId: this.#commandId, InstanceIds: late })
      await call('ssm:CancelCommand', this.#calling, options => this.#ssm.send(request, options))
      for (const id of late) this.#givenUp.set(id, now)
      log.info(`Not reached within ${durationText(this.#withinMs)}, and told not to begin: ${late.join(', ')}`)
    }
    return invocations.filter(invocation => this.#neverBegan(invocation, now)).map(notDelivered)
  }

  #neverBegan({ InstanceId = '', Status, CommandPlugins = [] }: CommandInvocation, now: number): boolean {
    const since = this.#givenUp.get(InstanceId)
    // It may have begun between the look and the cancel; then it has its own end.
    if (since === undefined || this.#begun.has(InstanceId) || CommandPlugins.some(({ Output = '' }) => Output !== ''))
      return false
    if (Status === 'Cancelled') return true
    return (NOT_BEGUN.has(Status) || Status === 'Cancelling') && now - since >= GIVEN_UP_MS
  }
}

function notDelivered({ InstanceId = '' }: CommandInvocation): HostEnd {
  return { id: InstanceId, statusDetails: 'DeliveryTimedOut', exitCode: undefined, result: undefined, said: '' }
}
