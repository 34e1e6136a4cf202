import { ListServiceDeploymentsCommand } from '@aws-sdk/client-ecs'
import type { ServiceCloud } from './service-cloud.ts'

/** Enough for a listener that takes its targets in turn to ask each of them. */
const ASKED = 6

/** What is answered behind a listener now, each answer once. */
export async function answersOf(url: string): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: ASKED }, async () => (await fetch(url)).text()))
  return [...new Set(answers)]
}

/** The digests that the tasks of a service run, each once; empty while there is none. Those that are being stopped do not count. */
export async function runningDigests(cloud: ServiceCloud, service: string): Promise<string[]> {
  const tasks = (await cloud.tasks()).filter(
    ({ group, lastStatus, desiredStatus }) =>
      group === `service:${service}` && lastStatus === 'RUNNING' && desiredStatus === 'RUNNING',
  )
  const digests = tasks.flatMap(({ containers = [] }) => containers.flatMap(({ imageDigest }) => imageDigest ?? []))
  return [...new Set(digests)]
}

/** The service has one deployment, it is complete, and every task of it runs. */
export async function isSettled(cloud: ServiceCloud, name: string): Promise<boolean> {
  const { deployments = [], runningCount, desiredCount } = await cloud.service(name)
  return deployments.length === 1 && deployments[0]?.rolloutState === 'COMPLETED' && runningCount === desiredCount
}

/** The status of every service deployment of a service, newest first. */
export async function deploymentStatuses({ ecs }: ServiceCloud, service: string): Promise<string[]> {
  const { serviceDeployments = [] } = await ecs.send(new ListServiceDeploymentsCommand({ cluster: 'apps', service }))
  return serviceDeployments
    .toSorted((a, b) => Number(b.createdAt) - Number(a.createdAt))
    .map(({ status = '' }) => status)
}
