import { type Clock, createLog, Deadline, InputReader, systemClock } from '@aws-deploy-actions/action-runtime'
import {
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  ECSClient,
  type Service,
  type ServiceDeployment,
} from '@aws-sdk/client-ecs'
import { readDeployInputs } from '../../packages/service-deployment/src/inputs.ts'
import { ServicePoller } from '../../packages/service-deployment/src/poller.ts'
import { untilSettled } from '../../packages/service-deployment/src/roll-out.ts'
import { newRollout, type Rollout } from '../../packages/service-deployment/src/rollout.ts'
import { TargetWatch } from '../../packages/service-deployment/src/targets.ts'
import { quantile, type Row, seconds } from './measure.ts'

const RUNS = 400
/** of which the busiest minute counts */
const ROUNDS = 20
/** What one answer of ECS takes (ms). */
const ANSWER_MS = 60
/** `aws ecs wait services-stable` looks every 15 s (botocore, ecs waiters-2.json). */
const WAITER_MS = 15_000
const MOST_CALLS: Readonly<Record<number, number>> = { 1: 45, 20: 60, 200: 500 }

/**
 * From SUCCESSFUL being visible to the verdict, on simulated time over rollouts of 20–300 s, beside a waiter that looks
 * every 15 s; and the calls of the busiest minute, for 1, 20 and 200 services.
 */
export async function deployPoller(): Promise<Row[]> {
  const late: number[] = []
  const others: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const { noticedMs, durations } = await simulated(1)
    late.push(...noticedMs)
    others.push(...durations.map(duration => (Math.floor(duration / WAITER_MS) + 1) * WAITER_MS - duration))
  }
  const row = (what: string, part: number, aim: number): Row => ({
    what: `From SUCCESSFUL to the verdict, ${what} of ${RUNS} simulated rollouts of 20–300 s, beside polls every 15 s`,
    ours: seconds(quantile(late, part)),
    other: seconds(quantile(others, part)),
    ratio: (quantile(late, part) / quantile(others, part)).toFixed(2),
    aim: `at most ${aim} s`,
    met: quantile(late, part) <= aim * 1000,
  })
  const rows = [row('median', 0.5, 1.5), row('95th percentile', 0.95, 2.5)]
  for (const [services, most] of Object.entries(MOST_CALLS)) {
    let busiestMinute = 0
    for (let round = 0; round < ROUNDS; round++)
      busiestMinute = Math.max(busiestMinute, (await simulated(Number(services))).busiestMinute)
    const each = (60_000 / WAITER_MS) * Math.ceil(Number(services) / 10)
    rows.push({
      what: `Calls in the busiest minute of waiting for ${services} service${services === '1' ? '' : 's'}, beside polls every 15 s`,
      ours: String(busiestMinute),
      other: String(each),
      ratio: (busiestMinute / each).toFixed(2),
      aim: `at most ${most}`,
      met: busiestMinute <= most,
    })
  }
  return rows
}

interface Simulation {
  /** per service, from SUCCESSFUL being visible to the verdict (ms) */
  readonly noticedMs: readonly number[]
  readonly durations: readonly number[]
  /** calls in it */
  readonly busiestMinute: number
}

/** Follows so many services, whose deployments take 20–300 s, without waiting in real time. */
async function simulated(many: number): Promise<Simulation> {
  let now = Date.UTC(2026, 0, 1)
  const began = now
  const clock: Clock = {
    now: () => now,
    sleep: async ms => {
      now += ms
    },
  }
  const ends = new Map(
    Array.from({ length: many }, (_, index) => [`s${index}`, now + 20_000 + Math.random() * 280_000]),
  )
  const calls: number[] = []
  const send = async (command: unknown) => {
    calls.push(now)
    now += ANSWER_MS
    if (command instanceof DescribeServicesCommand)
      return { services: (command.input.services ?? []).map(name => serviceAt(name, now >= (ends.get(name) ?? 0))) }
    if (command instanceof DescribeServiceDeploymentsCommand)
      return {
        serviceDeployments: (command.input.serviceDeploymentArns ?? []).map(arn =>
          deploymentAt(arn, now >= (ends.get(arn.slice('deployment/'.length)) ?? 0)),
        ),
      }
    throw new Error('not expected')
  }
  const ecs = Object.assign(new ECSClient({ region: 'eu-west-1' }), { send })
  const names = [...ends.keys()]
  const revision = { arn: 'web:1', definition: { family: 'web', containerDefinitions: [] }, active: true }
  const rollouts = names.map((name): Rollout => {
    const started = { status: 'in-progress' as const, deploymentId: `ecs-svc/${name}`, startedAt: now }
    return { ...newRollout(name, revision, revision, serviceAt(name, false)), ...started }
  })
  const settledAt = new Map<string, number>()
  const announce = async (): Promise<void> => {
    for (const { name, status } of rollouts) if (status === 'deployed' && !settledAt.has(name)) settledAt.set(name, now)
  }
  const log = createLog(() => {})
  const inputs = readDeployInputs(
    new InputReader({ INPUT_SERVICES: names.join('\n'), 'INPUT_AWS-REGION': 'eu-west-1' }),
  )
  const runtime = {
    ...systemClock,
    ...clock,
    log,
    signal: new AbortController().signal,
    environment: {
      repository: undefined,
      runId: undefined,
      runAttempt: undefined,
      runNumber: undefined,
      job: undefined,
      sha: undefined,
      ref: undefined,
      headRef: undefined,
      actor: undefined,
      serverUrl: undefined,
      workspace: '',
      temp: '',
      variables: {},
    },
    hide: () => {},
    output: async () => {},
    remember: async () => {},
    endBy: () => {},
  }
  const calling = { clock, log, deadline: new Deadline(clock, 1_800_000) }
  const targets = new TargetWatch(async () => {
    calls.push(now)
    now += ANSWER_MS
    return [{ Target: { Id: '10.0.0.1', Port: 80 }, TargetHealth: { State: 'initial' } }]
  })
  await untilSettled(rollouts, {
    ecs,
    inputs,
    runtime,
    calling,
    failures: new Map(),
    poller: new ServicePoller(ecs, inputs.cluster),
    targets,
    announce,
  })
  await announce()
  return {
    noticedMs: names.map(name => (settledAt.get(name) ?? Number.NaN) - (ends.get(name) ?? 0)),
    durations: names.map(name => (ends.get(name) ?? 0) - began),
    busiestMinute: Math.max(...calls.map(at => calls.filter(other => other >= at && other < at + 60_000).length)),
  }
}

function serviceAt(name: string, done: boolean): Service {
  return {
    serviceName: name,
    currentServiceDeployment: `deployment/${name}`,
    loadBalancers: [{ targetGroupArn: `targets/${name}` }],
    deployments: [
      {
        id: `ecs-svc/${name}`,
        status: 'PRIMARY',
        rolloutState: done ? 'COMPLETED' : 'IN_PROGRESS',
        taskDefinition: 'web:1',
        runningCount: 1,
      },
    ],
  }
}

function deploymentAt(arn: string, done: boolean): ServiceDeployment {
  return {
    serviceDeploymentArn: arn,
    targetServiceRevision: { arn: `revision/${arn.slice('deployment/'.length)}` },
    status: done ? 'SUCCESSFUL' : 'IN_PROGRESS',
  }
}
