import { Deadline, harmless } from '@aws-deploy-actions/action-runtime'
import { type Calling, call } from '@aws-deploy-actions/aws-clients'
import { adviceFor, type Registrable } from '@aws-deploy-actions/ecs'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import {
  type Deployment,
  DescribeServiceDeploymentsCommand,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  type ServiceDeployment,
  type ServiceDeploymentCircuitBreaker,
  type Task,
} from '@aws-sdk/client-ecs'
import type { DeployInputs } from './inputs.ts'
import { lastLinesOf } from './last-lines.ts'
import { ownDeployment, type Rollout } from './rollout.ts'
import { describedServices } from './services.ts'
import { type TargetWatch, unhealthyTargets } from './targets.ts'

/** What was seen of a deployment that failed, as lines for people, and the advice that follows from it. */
export interface Evidence {
  readonly lines: readonly string[]
  readonly advice: Pick<FailureRecord, 'cause' | 'next'>
}

const EVENTS = 10
/** Events that say why come before those that say what was stopped and registered (newest first in both). */
const TELLING = /unhealthy|unable|fail|error|rolling back|alarm/i
const OWN_FAULT = {
  cause: 'The program in the container ends by itself.',
  next: ['Its last lines say why; the whole log is in the log group of the container.'],
}
const TASKS = 3
/** ListTasks gives 100 at a time, as many as DescribeTasks takes (API reference); stopped tasks stay for an hour. */
const PAGES = 10
const LOG_LINES = 20

/**
 * Collects why a deployment fails: the breaker's count, alarms, the tasks that stopped with their containers and last log
 * lines, unhealthy targets, service events since it began. What cannot be read is left out: evidence never changes a
 * verdict.
 * @param mostMs how long it may take
 */
export async function evidenceOf(
  rollout: Rollout,
  watch: TargetWatch,
  ecs: ECSClient,
  { cluster, region }: DeployInputs,
  context: Calling,
  mostMs: number,
): Promise<Evidence> {
  const { definition } = rollout.target
  const calling = { ...context, deadline: new Deadline(context.clock, mostMs) }
  const [failed, targets, services, deployments] = await Promise.all([
    orNothing(calling, () => failedTasks(rollout, ecs, cluster, calling)),
    orNothing(calling, () => unhealthyTargets(rollout, watch, region, calling)),
    // While nothing moves, the service is looked at seldom, and its events grow old.
    orNothing(calling, async () => [...(await describedServices(ecs, cluster, [rollout.name], calling)).values()]),
    orNothing(calling, () => serviceDeployments(rollout, ecs, calling)),
  ])
  const now = {
    ...rollout,
    ...(services[0] === undefined ? {} : { service: services[0] }),
    ...(deployments[0] === undefined ? {} : { serviceDeployment: deployments[0] }),
  }
  const tasks = failed.slice(0, TASKS)
  const logs = await orNothing(calling, () => lastLinesOf(tasks, definition, region, LOG_LINES, calling))
  const seen = [
    ...monitors(now),
    ...tasks.flatMap(task => taskLines(task, definition)),
    ...more(failed.length - TASKS, 'tasks stopped'),
    ...targets,
  ]
  const happened = eventLines(now)
  const exitCodes = tasks.flatMap(({ containers = [] }) =>
    containers.flatMap(({ exitCode }) => (exitCode === undefined || exitCode === 0 ? [] : [exitCode])),
  )
  const words = [rollout.reason, ...seen, ...happened].join('\n')
  return {
    lines: [...seen, ...logs, ...happened].map(harmless),
    advice: adviceFor(words, exitCodes[0], logs) ?? (exitCodes.length > 0 ? OWN_FAULT : {}),
  }
}

/** What the breaker and the alarms of the deployment say now: the last look can be older than the failure. */
async function serviceDeployments(
  { serviceDeploymentArn }: Rollout,
  ecs: ECSClient,
  calling: Calling,
): Promise<ServiceDeployment[]> {
  if (serviceDeploymentArn === undefined) return []
  const { serviceDeployments: found = [] } = await call('ecs:DescribeServiceDeployments', calling, options =>
    ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [serviceDeploymentArn] }), options),
  )
  return found
}

function monitors(rollout: Rollout): string[] {
  const { deploymentCircuitBreaker: breaker, alarms } = rollout.serviceDeployment ?? {}
  const triggered = alarms?.triggeredAlarmNames ?? []
  return [
    ...(breaker === undefined ? [] : breakerLines(breaker, ownDeployment(rollout))),
    ...(triggered.length === 0 ? [] : [`alarms: ${triggered.join(', ')}`]),
  ]
}

/**
 * The count of the circuit breaker. `deployments[]` can be ahead of the service deployment: a breaker that still watches a
 * deployment that FAILED tells an old count, which is not shown.
 */
export function breakerLines(
  { failureCount, threshold, status }: ServiceDeploymentCircuitBreaker,
  own: Deployment | undefined,
): string[] {
  if (failureCount === undefined) return []
  const isOld = status === 'MONITORING' && own?.rolloutState === 'FAILED'
  const count = isOld ? Math.max(failureCount, own.failedTasks ?? 0) : failureCount
  if (isOld && count < (threshold ?? 1)) return []
  return [`circuit breaker: ${count} of ${threshold ?? '?'} failures${isOld ? '' : ` (${status})`}`]
}

/** What ECS said since the deployment began, by ECS's clock where it is known: the runner's can be off. */
export function eventLines(
  rollout: Pick<Rollout, 'service' | 'serviceDeployment' | 'deploymentId' | 'startedAt'>,
): string[] {
  const { service, serviceDeployment, startedAt = 0 } = rollout
  const began = (serviceDeployment?.createdAt ?? ownDeployment(rollout)?.createdAt)?.getTime() ?? startedAt
  const happened = (service?.events ?? [])
    .filter(({ createdAt }) => (createdAt?.getTime() ?? 0) >= began - 1000)
    .toSorted((a, b) => Number(TELLING.test(b.message ?? '')) - Number(TELLING.test(a.message ?? '')))
    .map(({ message }) => `event: ${message}`)
  return [...happened.slice(0, EVENTS), ...more(happened.length - EVENTS, 'events since the deployment began')]
}

/** What is left out is said. */
function more(many: number, what: string): string[] {
  return many > 0 ? [`… ${many} more ${what}`] : []
}

/** A task that was not wanted any more; those that failed a health check are stopped by the scheduler, too. */
const SCALED = /^Scaling activity initiated by/

/** The tasks of our deployment that stopped, newest first. */
async function failedTasks(
  { name, deploymentId }: Rollout,
  ecs: ECSClient,
  cluster: string,
  calling: Calling,
): Promise<Task[]> {
  const tasks: Task[] = []
  let nextToken: string | undefined
  for (let page = 0; page < PAGES; page++) {
    const input = { cluster, serviceName: name, desiredStatus: 'STOPPED' as const, nextToken }
    const listed = await call('ecs:ListTasks', calling, options => ecs.send(new ListTasksCommand(input), options))
    const { taskArns = [] } = listed
    if (taskArns.length > 0) {
      const described = await call('ecs:DescribeTasks', calling, options =>
        ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }), options),
      )
      tasks.push(...(described.tasks ?? []))
    }
    nextToken = listed.nextToken
    if (nextToken === undefined) break
  }
  const time = ({ stoppingAt, createdAt }: Task): number => (stoppingAt ?? createdAt)?.getTime() ?? 0
  return tasks
    .filter(({ startedBy, stoppedReason = '' }) => startedBy === deploymentId && !SCALED.test(stoppedReason))
    .toSorted((a, b) => time(b) - time(a))
}

function taskLines(
  { taskArn = '', stopCode, stoppedReason, containers = [] }: Task,
  definition: Registrable,
): string[] {
  const id = taskArn.slice(taskArn.lastIndexOf('/') + 1)
  const head = [stopCode, stoppedReason].filter(Boolean).join(': ')
  const words = containers.map(({ name, exitCode, reason }) => {
    const code = `${name}: ${exitCode === undefined ? 'no exit code' : `exit code ${exitCode}`}`
    // The task's reason often is the container's, word for word.
    return reason === undefined || head.includes(reason) ? code : `${code}, ${reason}`
  })
  const checks = (definition.containerDefinitions ?? []).flatMap(({ name, healthCheck }) =>
    containers.some(container => container.name === name && container.healthStatus === 'UNHEALTHY')
      ? [`health check of ${name}, which fails: ${JSON.stringify(healthCheck?.command ?? [])}`]
      : [],
  )
  return [`task ${id}: ${head} (${words.join('; ')})`, ...checks]
}

async function orNothing<Entry>({ log }: Calling, look: () => Promise<Entry[]>): Promise<Entry[]> {
  try {
    return await look()
  } catch (error) {
    log.debug(`Evidence left out: ${error instanceof Error ? error.message : error}`)
    return []
  }
}
