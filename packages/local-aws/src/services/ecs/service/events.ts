import { randomUUID } from 'node:crypto'
import type { ServiceRecord } from './record.ts'

/*
 * Texts of service events, as DescribeServices of AWS shows them (quoted in many public reports), and
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
 */

/** AWS keeps the 100 latest: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html */
const EVENTS_KEPT = 100

/** Adds an event; `text` comes after `(service NAME)`. */
export function tell(service: ServiceRecord, text: string, scope = ''): void {
  const message = `(service ${service.name}${scope}) ${text}`
  service.events = [{ id: randomUUID(), createdAt: new Date(), message }, ...service.events].slice(0, EVENTS_KEPT)
}

/** `(task ID) (task ID)` */
function listed(taskArns: readonly string[]): string {
  return taskArns.map(arn => `(task ${taskId(arn)})`).join(' ')
}

export function taskId(arn: string): string {
  return arn.split('/').at(-1) ?? arn
}

export const eventTexts = {
  started: (arns: readonly string[], replaced: number) =>
    `has started ${arns.length} tasks: ${listed(arns)}.${replaced > 0 ? ` Amazon ECS replaced ${replaced} tasks due to an unhealthy status.` : ''}`,
  stopped: (arns: readonly string[]) => `has stopped ${arns.length} running tasks: ${listed(arns)}.`,
  registered: (count: number, group: string) => `registered ${count} targets in (target-group ${group})`,
  deregistered: (count: number, group: string) => `deregistered ${count} targets in (target-group ${group})`,
  draining: (count: number) => `has begun draining connections on ${count} tasks.`,
  steady: 'has reached a steady state.',
  completed: (id: string) => `(deployment ${id}) deployment completed.`,
  failed: (id: string, why: string) => `(deployment ${id}) deployment failed: ${why}`,
  rollingBack: (id: string) => `rolling back to deployment ${id}.`,
  unhealthyContainer: (arn: string) => `(task ${taskId(arn)}) failed container health checks.`,
  unhealthyTarget: (arn: string, port: number, group: string, reason: string) =>
    `(task ${taskId(arn)}) (port ${port}) is unhealthy in (target-group ${group}) due to (reason ${reason}).`,
  unplaced: (reason: string) => `was unable to place a task. Reason: ${reason}.`,
  struggling:
    'is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.',
}

/** Why a task of a service was stopped, beside reasons.ts; `stoppedReason` of DescribeTasks. */
export const stopReasons = {
  scaling: (id: string) => `Scaling activity initiated by (deployment ${id})`,
  targetUnhealthy: (group: string) => `Task failed ELB health checks in (target-group ${group})`,
  containerUnhealthy: 'Task failed container health checks',
}
