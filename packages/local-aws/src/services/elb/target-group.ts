import { Agent } from 'node:http'
import type { TargetGroup as TargetGroupShape } from '@aws-sdk/client-elastic-load-balancing-v2'
import { type Cloud, CloudStopped } from '../../cloud.ts'
import { PROCESS_TIMEOUT_FLOOR_MS } from '../ecs/durations.ts'
import type { TargetState } from '../ecs/service/balancer.ts'
import type { Watch } from '../ecs/watch.ts'
import { type CheckResult, checkOnce, codeMatcher } from './health-check.ts'

/** Milliseconds of AWS's time between registration and the first health check, as seen */
const REGISTRATION_MS = 5_000
/** a real process answers no more often than this makes sense, whatever the speed (ms of wall time) */
const SHORTEST_INTERVAL_MS = 40
/** a real process needs this long to listen, whatever the speed (ms of wall time); refusals before are not counted */
const BOOT_MS = 2 * PROCESS_TIMEOUT_FLOOR_MS
/** idle connections to targets are closed before servers do it (Node: 5 s), so that no request meets a closing one */
const IDLE_CONNECTION_MS = 1_000

/** One registered target. */
export interface Target {
  readonly id: string
  readonly port: number
  /** on 127.0.0.1; undefined: it cannot be reached */
  readonly hostPort: number | undefined
  readonly agent: Agent
  readonly registeredAt: number
  state: TargetState
  /** requests under way */
  inFlight: number
  readonly leaving: AbortController
}

/*
 * Texts of target health: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 * and DescribeTargetHealth of AWS.
 */
const states = {
  registering: {
    State: 'initial',
    Reason: 'Elb.RegistrationInProgress',
    Description: 'Target registration is in progress',
  },
  checking: {
    State: 'initial',
    Reason: 'Elb.InitialHealthChecking',
    Description: 'Initial health checks in progress',
  },
  healthy: { State: 'healthy' },
  draining: {
    State: 'draining',
    Reason: 'Target.DeregistrationInProgress',
    Description: 'Target deregistration is in progress',
  },
  unregistered: {
    State: 'unused',
    Reason: 'Target.NotRegistered',
    Description: 'Target is not registered to the target group',
  },
  unattached: {
    State: 'unused',
    Reason: 'Target.NotInUse',
    Description: 'Target group is not configured to receive traffic from the load balancer',
  },
} as const satisfies Record<string, TargetState>

/** A target group: its settings, its targets, their health. */
export class TargetGroup {
  readonly settings: TargetGroupShape & { readonly TargetGroupArn: string }
  readonly attributes: Map<string, string>
  readonly targets = new Map<string, Target>()
  readonly #cloud: Cloud
  readonly #changes: Watch
  readonly #isAttached: () => boolean
  #turn = 0

  constructor(
    settings: TargetGroupShape & { readonly TargetGroupArn: string },
    cloud: Cloud,
    changes: Watch,
    isAttached: () => boolean,
  ) {
    this.settings = settings
    this.#cloud = cloud
    this.#changes = changes
    this.#isAttached = isAttached
    // defaults: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    this.attributes = new Map([
      ['deregistration_delay.timeout_seconds', '300'],
      ['load_balancing.algorithm.type', 'round_robin'],
      ['slow_start.duration_seconds', '0'],
      ['stickiness.enabled', 'false'],
    ])
  }

  register(id: string, port: number, hostPort: number | undefined): void {
    const key = `${id}:${port}`
    const earlier = this.targets.get(key)
    if (earlier && earlier.state.State !== 'draining') return
    earlier?.leaving.abort()
    const agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS })
    const leaving = new AbortController()
    const target: Target = {
      id,
      port,
      hostPort,
      agent,
      registeredAt: Date.now(),
      state: states.registering,
      inFlight: 0,
      leaving,
    }
    this.targets.set(key, target)
    this.#changes.changed()
    this.#check(target).catch((error: unknown) => {
      if (!leaving.signal.aborted && !(error instanceof CloudStopped)) throw error
    })
  }

  /** Settles when the target is gone: the deregistration delay is over and no request is under way. */
  async deregister(id: string, port: number): Promise<void> {
    const key = `${id}:${port}`
    const target = this.targets.get(key)
    if (!target || target.state.State === 'draining') return
    target.leaving.abort()
    const wasUsed = this.#isAttached()
    this.#become(target, states.draining)
    const delay = Number(this.attributes.get('deregistration_delay.timeout_seconds')) * 1000
    if (wasUsed) await this.#cloud.pause(delay)
    // what is under way at the end of the delay is cut off; but a real request is not faster because AWS is
    const cutOffAt = Date.now() + PROCESS_TIMEOUT_FLOOR_MS
    while (target.inFlight > 0 && Date.now() < cutOffAt) await new Promise(resolve => setTimeout(resolve, 10))
    target.agent.destroy()
    if (this.targets.get(key) === target) this.targets.delete(key)
    this.#changes.changed()
  }

  /** What DescribeTargetHealth says of a target. */
  health(id: string, port: number): TargetState {
    const target = this.targets.get(`${id}:${port}`)
    if (!target) return states.unregistered
    return target.state.State === 'draining' || this.#isAttached() ? target.state : states.unattached
  }

  /**
   * Whose turn it is among the healthy targets; with only unhealthy ones all of them get requests ("fail open").
   * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
   */
  next(): Target | undefined {
    const all = [...this.targets.values()]
    const healthy = all.filter(({ state }) => state.State === 'healthy')
    const usable = healthy.length > 0 ? healthy : all.filter(({ state }) => state.State === 'unhealthy')
    this.#turn += 1
    return usable[this.#turn % Math.max(1, usable.length)]
  }

  close(): void {
    for (const { leaving, agent } of this.targets.values()) {
      leaving.abort()
      agent.destroy()
    }
  }

  #become(target: Target, state: TargetState): void {
    if (target.state.Reason === state.Reason && target.state.Description === state.Description) return
    target.state = state
    this.#changes.changed()
  }

  async #check(target: Target): Promise<void> {
    const { signal } = target.leaving
    const { speed } = this.#cloud
    await this.#cloud.pause(REGISTRATION_MS, signal)
    this.#become(target, states.checking)
    let good = 0
    let bad = 0
    while (!signal.aborted) {
      const { settings } = this
      const result = await this.#once(target)
      if (signal.aborted) return
      const boots = Date.now() - target.registeredAt < BOOT_MS && target.state.State === 'initial'
      if (result.kind === 'ok') {
        good += 1
        bad = 0
        // "each target must pass one health check to be considered healthy" after its registration
        if (target.state.State === 'initial' || good >= (settings.HealthyThresholdCount ?? 5)) {
          this.#become(target, states.healthy)
        }
      } else if (!(boots && result.kind === 'refused')) {
        good = 0
        bad += 1
        if (bad >= (settings.UnhealthyThresholdCount ?? 2)) this.#become(target, unhealthy(result))
      }
      const interval = (settings.HealthCheckIntervalSeconds ?? 30) * 1000
      await this.#cloud.pause(Math.max(interval, SHORTEST_INTERVAL_MS * speed), signal)
    }
  }

  async #once({ hostPort }: Target): Promise<CheckResult> {
    const { HealthCheckTimeoutSeconds = 5, HealthCheckPath = '/', Matcher } = this.settings
    const timeout = Math.max((HealthCheckTimeoutSeconds * 1000) / this.#cloud.speed, PROCESS_TIMEOUT_FLOOR_MS)
    if (hostPort === undefined) {
      await this.#cloud.pause(HealthCheckTimeoutSeconds * 1000)
      return { kind: 'timeout' }
    }
    const matches = codeMatcher(Matcher?.HttpCode ?? '200') ?? (code => code === 200)
    return await checkOnce(hostPort, HealthCheckPath, matches, timeout)
  }
}

function unhealthy(result: CheckResult): TargetState {
  const State = 'unhealthy'
  if (result.kind === 'code') {
    const Description = `Health checks failed with these codes: [${result.code}]`
    return { State, Reason: 'Target.ResponseCodeMismatch', Description }
  }
  return result.kind === 'timeout'
    ? { State, Reason: 'Target.Timeout', Description: 'Request timed out' }
    : { State, Reason: 'Target.FailedHealthChecks', Description: 'Health checks failed' }
}
