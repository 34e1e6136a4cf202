import type { TaskRun } from '../task-run.ts'
import type { Balancer } from './balancer.ts'
import { eventTexts, tell } from './events.ts'
import type { Rollout, ServiceRecord, ServiceTask, TargetPlace } from './record.ts'

/** Registers a task that has reached RUNNING with the service's target groups. */
export function joinTargets(
  service: ServiceRecord,
  rollout: Rollout,
  { run }: ServiceTask,
  balancer: Balancer,
): TargetPlace[] {
  return rollout.revision.workload.loadBalancers.flatMap(load => {
    const { containerName, containerPort = 0 } = load
    const groupArn = rollout.alternate
      ? (load.advancedConfiguration?.alternateTargetGroupArn ?? load.targetGroupArn)
      : load.targetGroupArn
    if (groupArn === undefined) return []
    const container = run.containers.find(({ definition }) => definition.name === containerName)
    const hostPort = container?.running?.hostPort(containerPort) ?? containerPort
    const address = run.task.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address
    const place = { groupArn, id: address ?? 'i-00000000000000001', port: address ? containerPort : hostPort }
    balancer.register(place, hostPort)
    tell(service, eventTexts.registered(1, groupArn))
    return [place]
  })
}

/** Takes a task out of its target groups; settles when it has been drained everywhere. */
export async function leaveTargets(
  service: ServiceRecord,
  rollout: Rollout,
  targets: readonly TargetPlace[],
  balancer: Balancer,
): Promise<void> {
  if (targets.length === 0) return
  const drained = targets.map(place => {
    tell(service, eventTexts.deregistered(1, place.groupArn))
    return balancer.deregister(place)
  })
  tell(service, eventTexts.draining(1), `, taskSet ${rollout.id}`)
  await Promise.all(drained)
}

/** The images that the task runs, as DescribeServiceRevisions shows them; undefined while they are not all pulled. */
export function resolvedImages(run: TaskRun) {
  const images = run.containers.map(({ definition, image }) => ({
    containerName: definition.name,
    image: definition.image ?? '',
    imageDigest: image?.digest,
  }))
  return run.containers.every(({ image }) => image !== undefined)
    ? images.map(({ imageDigest, ...image }) => (imageDigest === undefined ? image : { ...image, imageDigest }))
    : undefined
}
