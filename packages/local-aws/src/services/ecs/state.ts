import type { Cluster, Tag, Task, TaskDefinition } from '@aws-sdk/client-ecs'
import { AwsError } from '../../service.ts'
import type { ServiceRecord } from './service/record.ts'

/** A task with what the API does not show. */
export interface TaskRecord {
  /** as DescribeTasks returns it */
  readonly task: Task & { taskArn: string; clusterArn: string }
  readonly definition: RegisteredDefinition
  readonly region: string
  /** asks the running task to stop; later calls change nothing */
  stop(stopCode: 'UserInitiated' | 'ServiceSchedulerInitiated', reason: string): void
}

/** A registered revision: family, revision and ARN are always there. */
export type RegisteredDefinition = TaskDefinition & { taskDefinitionArn: string; family: string; revision: number }

export type ClusterRecord = Cluster & { clusterArn: string; clusterName: string }

/** What RunTask remembers of a `clientToken`. */
export interface RememberedStart {
  /** the request without its token, as canonical text */
  readonly fingerprint: string
  readonly taskArns: readonly string[]
}

/** All of ECS in one region: the only place where its state lives. */
export interface EcsState {
  readonly clusters: Map<string, ClusterRecord>
  /** family → revisions in order, number 1 first */
  readonly families: Map<string, RegisteredDefinition[]>
  /** task ARN → task, oldest first */
  readonly tasks: Map<string, TaskRecord>
  /** service ARN → service */
  readonly services: Map<string, ServiceRecord>
  /** ARN → tags, of everything but tasks (those carry their own) */
  readonly tags: Map<string, Tag[]>
  /** cluster ARN and client token → the start it named */
  readonly starts: Map<string, RememberedStart>
}

/** ECS of one account, created per region at first use. */
export class EcsRegions {
  readonly #regions = new Map<string, EcsState>()

  state(region: string): EcsState {
    const known = this.#regions.get(region)
    if (known) return known
    const made: EcsState = {
      clusters: new Map(),
      families: new Map(),
      tasks: new Map(),
      services: new Map(),
      tags: new Map(),
      starts: new Map(),
    }
    this.#regions.set(region, made)
    return made
  }

  all(): EcsState[] {
    return [...this.#regions.values()]
  }
}

/** `default`, a name or an ARN → the name. */
export function clusterName(cluster: string | undefined): string {
  return (cluster ?? 'default').replace(/^arn:[^/]+:cluster\//, '')
}

/** @throws AwsError ClusterNotFoundException */
export function activeCluster(state: EcsState, cluster: string | undefined): ClusterRecord {
  const found = state.clusters.get(clusterName(cluster))
  if (found?.status !== 'ACTIVE') throw new AwsError('ClusterNotFoundException', 'Cluster not found.')
  return found
}

/** The revision that a family, `family:revision` or ARN names; a family alone means its latest ACTIVE one. */
export function definitionNamed(state: EcsState, name: string): RegisteredDefinition | undefined {
  const [family = '', revision] = name.replace(/^arn:[^/]+:task-definition\//, '').split(':')
  const revisions = state.families.get(family) ?? []
  if (revision !== undefined) return revisions.find(definition => String(definition.revision) === revision)
  return revisions.findLast(definition => definition.status === 'ACTIVE')
}

/** `task-definition/F:R` ARN of a name that may not exist; a family alone stands for all its revisions. */
export function definitionArn(state: EcsState, name: string, region: string, accountId: string): string {
  const found = definitionNamed(state, name)
  if (found) return found.taskDefinitionArn
  if (name.startsWith('arn:')) return name
  return `arn:aws:ecs:${region}:${accountId}:task-definition/${name.includes(':') ? name : `${name}:*`}`
}

/** A service's name or ARN → its ARN (long format). */
export function serviceArn(region: string, accountId: string, cluster: string | undefined, service: string): string {
  return service.startsWith('arn:')
    ? service
    : `arn:aws:ecs:${region}:${accountId}:service/${clusterName(cluster)}/${service}`
}

export function clusterArn(region: string, accountId: string, cluster: string | undefined): string {
  return `arn:aws:ecs:${region}:${accountId}:cluster/${clusterName(cluster)}`
}

/** An id or ARN → the ARN in that cluster (long format). */
export function taskArn(region: string, accountId: string, cluster: string | undefined, task: string): string {
  return task.startsWith('arn:') ? task : `arn:aws:ecs:${region}:${accountId}:task/${clusterName(cluster)}/${task}`
}
