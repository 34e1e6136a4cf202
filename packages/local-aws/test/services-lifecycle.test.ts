import {
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServiceRevisionsCommand,
  DescribeServicesCommand,
  ListServiceDeploymentsCommand,
  ListServicesCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { network } from './support/cloud.ts'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
let one: string
let two: string
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 200 })
  const image = await cloud.push('web', 'v1')
  one = await cloud.define('web', image)
  two = await cloud.define('web', image, {}, { VERSION: '2' })
})
afterAll(async () => {
  await cloud.stop()
})

/** A service without a load balancer. */
async function plain(serviceName: string, more = {}) {
  await cloud.ecs.send(
    new CreateServiceCommand({
      cluster: 'main',
      serviceName,
      taskDefinition: one,
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: network,
      ...more,
    }),
  )
  return await cloud.settled(serviceName)
}

describe('a service', () => {
  test('is created with a deployment that completes', async () => {
    const created = await cloud.create('web', one)
    expect(created).toMatchObject({
      status: 'ACTIVE',
      desiredCount: 2,
      runningCount: 0,
      taskSets: [],
      deployments: [{ status: 'PRIMARY', rolloutState: 'IN_PROGRESS', desiredCount: 2, failedTasks: 0 }],
    })
    const id = created.deployments?.[0]?.id ?? ''
    expect(created.deployments?.[0]?.rolloutStateReason).toBe(`ECS deployment ${id} in progress.`)
    const settled = await cloud.settled('web')
    expect(settled).toMatchObject({
      runningCount: 2,
      pendingCount: 0,
      deployments: [{ id, runningCount: 2, rolloutStateReason: `ECS deployment ${id} completed.` }],
    })
    expect(settled.events?.slice(0, 2).map(({ message }) => message)).toEqual([
      '(service web) has reached a steady state.',
      `(service web) (deployment ${id}) deployment completed.`,
    ])
    expect(settled.events?.map(({ message }) => message).join()).toContain(
      `(service web) registered 1 targets in (target-group ${cloud.groups.web})`,
    )
    const tasks = await cloud.tasks('web')
    expect(tasks).toHaveLength(2)
    for (const task of tasks) expect(task).toMatchObject({ startedBy: id, group: 'service:web', lastStatus: 'RUNNING' })
    expect(await (await fetch(cloud.url)).json()).toEqual({ service: 'web', version: '1', path: '/' })
  })

  test('starts no deployment when an update changes nothing, or only the count', async () => {
    const before = await cloud.described('web')
    const same = await cloud.update('web', { taskDefinition: one, networkConfiguration: network })
    expect(same.deployments?.map(({ id }) => id)).toEqual([before.deployments?.[0]?.id])
    const scaled = await cloud.update('web', { desiredCount: 1 })
    expect(scaled.deployments?.[0]).toMatchObject({ id: before.deployments?.[0]?.id, rolloutState: 'COMPLETED' })
    await cloud.until('web', ({ runningCount }) => runningCount === 1)
    const deployments = await cloud.ecs.send(new ListServiceDeploymentsCommand({ cluster: 'main', service: 'web' }))
    expect(deployments.serviceDeployments).toHaveLength(1)
  })

  test('rolls to another task definition: PRIMARY beside ACTIVE, then alone', async () => {
    const before = await cloud.described('web')
    const updated = await cloud.update('web', { taskDefinition: two, desiredCount: 2 })
    expect(updated.deployments?.map(({ status }) => status)).toEqual(['PRIMARY', 'ACTIVE'])
    expect(updated.deployments?.[1]?.id).toBe(before.deployments?.[0]?.id)
    expect(updated.taskDefinition).toBe(two)
    const going = await cloud.deployment('web')
    const number = updated.deployments?.[0]?.id?.replace('ecs-svc/', '')
    expect(going.targetServiceRevision?.arn).toBe(
      `arn:aws:ecs:eu-west-1:123456789012:service-revision/main/web/${number}`,
    )
    await cloud.settled('web')
    const done = await cloud.deployment('web')
    expect(done).toMatchObject({
      status: 'SUCCESSFUL',
      deploymentCircuitBreaker: { status: 'MONITORING_COMPLETE', threshold: 3 },
    })
    expect(done.rollback).toBeUndefined()
    expect(await (await fetch(cloud.url)).json()).toMatchObject({ version: '2' })
    const stopped = await cloud.tasks('web', 'STOPPED')
    expect(stopped.map(({ stoppedReason }) => stoppedReason)).toContain(
      `Scaling activity initiated by (deployment ${before.deployments?.[0]?.id})`,
    )
  })

  test('starts a deployment of the same task definition when it is forced', async () => {
    const before = await cloud.described('web')
    const forced = await cloud.update('web', { forceNewDeployment: true })
    expect(forced.deployments?.[0]?.id).not.toBe(before.deployments?.[0]?.id)
    await cloud.settled('web')
  })

  test('replaces a task that was stopped', async () => {
    const [victim] = await cloud.tasks('web')
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: victim?.taskArn ?? '' }))
    const started = /has started 1 tasks: \(task/
    await cloud.until('web', ({ events, runningCount }) => {
      const latest = events?.findIndex(({ message = '' }) => started.test(message)) ?? -1
      return latest >= 0 && latest < 4 && runningCount === 2
    })
    const tasks = await cloud.tasks('web')
    expect(tasks).toHaveLength(2)
    expect(tasks.map(({ taskArn }) => taskArn)).not.toContain(victim?.taskArn)
  })
})

describe('service deployments and revisions', () => {
  test('are listed by status and time, newest first', async () => {
    await plain('listed')
    const since = new Date()
    await new Promise(resolve => setTimeout(resolve, 5))
    await cloud.update('listed', { taskDefinition: two })
    const list = async (more: object) => {
      const command = new ListServiceDeploymentsCommand({ cluster: 'main', service: 'listed', ...more })
      return (await cloud.ecs.send(command)).serviceDeployments ?? []
    }
    expect(await list({ status: ['SUCCESSFUL'] })).toHaveLength(1)
    expect(await list({ status: ['PENDING', 'IN_PROGRESS'] })).toHaveLength(1)
    expect(await list({ createdAt: { after: since } })).toHaveLength(1)
    await cloud.settled('listed')
    const all = await list({})
    expect(all.map(({ status }) => status)).toEqual(['SUCCESSFUL', 'SUCCESSFUL'])
    expect(Number(all[0]?.createdAt)).toBeGreaterThan(Number(all[1]?.createdAt))
    expect(await list({ status: ['ROLLBACK_SUCCESSFUL'] })).toEqual([])
  })

  test('a revision keeps the digest that its first task resolved, also when the tag moves', async () => {
    const image = await cloud.push('api', 'moving', { version: 'before' })
    const definition = await cloud.define('api', image)
    await plain('pinned', { taskDefinition: definition })
    const running = async () => (await cloud.tasks('pinned')).map(({ containers }) => containers?.[0]?.imageDigest)
    const [before] = await running()
    await cloud.push('api', 'moving', { version: 'after' })
    await cloud.update('pinned', { desiredCount: 2 })
    await cloud.until('pinned', ({ runningCount }) => runningCount === 2)
    expect(await running()).toEqual([before, before])
    await cloud.update('pinned', { forceNewDeployment: true })
    await cloud.settled('pinned')
    const [after] = await running()
    expect(after).not.toBe(before)
    const deployment = await cloud.deployment('pinned')
    const { serviceRevisions } = await cloud.ecs.send(
      new DescribeServiceRevisionsCommand({
        serviceRevisionArns: [
          deployment.targetServiceRevision?.arn ?? '',
          deployment.sourceServiceRevisions?.[0]?.arn ?? '',
        ],
      }),
    )
    expect(serviceRevisions?.map(({ containerImages }) => containerImages)).toEqual([
      [{ containerName: 'api', image, imageDigest: after }],
      [{ containerName: 'api', image, imageDigest: before }],
    ])
  })

  test('what does not exist is MISSING', async () => {
    const arn = 'arn:aws:ecs:eu-west-1:123456789012:service-deployment/main/web/none'
    const deployments = await cloud.ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }))
    expect(deployments).toMatchObject({ serviceDeployments: [], failures: [{ arn, reason: 'MISSING' }] })
    const services = await cloud.ecs.send(new DescribeServicesCommand({ cluster: 'main', services: ['none', 'web'] }))
    expect(services.services).toHaveLength(1)
    expect(services.failures).toEqual([
      { arn: 'arn:aws:ecs:eu-west-1:123456789012:service/main/none', reason: 'MISSING' },
    ])
  })
})

describe('refusals', () => {
  test.each([
    [
      'more than ten services',
      () =>
        cloud.ecs.send(
          new DescribeServicesCommand({ cluster: 'main', services: Array.from({ length: 11 }, (_, n) => `s${n}`) }),
        ),
      'InvalidParameterException',
    ],
    [
      'more than twenty deployments',
      () =>
        cloud.ecs.send(
          new DescribeServiceDeploymentsCommand({
            serviceDeploymentArns: Array.from({ length: 21 }, (_, n) => `arn:${n}`),
          }),
        ),
      'InvalidParameterException',
    ],
    ['a service that does not exist', () => cloud.update('none', { desiredCount: 1 }), 'ServiceNotFoundException'],
    ['another cluster', () => cloud.update('web', { cluster: 'none' }), 'ClusterNotFoundException'],
    ['a task definition that does not exist', () => cloud.update('web', { taskDefinition: 'none' }), 'ClientException'],
    ['the same service twice', () => cloud.create('web', one), 'InvalidParameterException'],
    [
      'deleting a service with tasks',
      () => cloud.ecs.send(new DeleteServiceCommand({ cluster: 'main', service: 'web' })),
      'InvalidParameterException',
    ],
    [
      '100 percent of both',
      () => cloud.update('web', { deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 100 } }),
      'InvalidParameterException',
    ],
    [
      'a container that is not there',
      () =>
        cloud.update('web', {
          loadBalancers: [{ targetGroupArn: cloud.groups.web, containerName: 'other', containerPort: 8080 }],
        }),
      'InvalidParameterException',
    ],
    [
      'a port that is not mapped',
      () =>
        cloud.update('web', {
          loadBalancers: [{ targetGroupArn: cloud.groups.web, containerName: 'web', containerPort: 1 }],
        }),
      'InvalidParameterException',
    ],
  ])('%s', async (_, call, name) => {
    await expect(call()).rejects.toMatchObject({ name })
  })

  test('a target group behind no listener', async () => {
    const targetGroupArn = await cloud.targetGroup('lonely')
    const loadBalancers = [{ targetGroupArn, containerName: 'web', containerPort: 8080 }]
    await expect(cloud.create('api', one, { loadBalancers })).rejects.toThrow(
      `The target group with targetGroupArn ${targetGroupArn} does not have an associated load balancer.`,
    )
  })
})

test('tags come only when they are asked for', async () => {
  await plain('tagged', { desiredCount: 0, tags: [{ key: 'team', value: 'a' }] })
  const without = await cloud.described('tagged')
  expect(without.tags ?? []).toEqual([])
  const answer = await cloud.ecs.send(
    new DescribeServicesCommand({ cluster: 'main', services: ['tagged'], include: ['TAGS'] }),
  )
  expect(answer.services?.[0]?.tags).toEqual([{ key: 'team', value: 'a' }])
})

test('a deleted service drains, is not listed, and stays visible as INACTIVE', async () => {
  await plain('gone')
  const { service } = await cloud.ecs.send(new DeleteServiceCommand({ cluster: 'main', service: 'gone', force: true }))
  expect(service?.status).toBe('DRAINING')
  const { serviceArns } = await cloud.ecs.send(new ListServicesCommand({ cluster: 'main' }))
  expect(serviceArns?.map(arn => arn.split('/').at(-1))).not.toContain('gone')
  await cloud.until('gone', ({ status }) => status === 'INACTIVE')
  expect(await cloud.tasks('gone')).toEqual([])
  await expect(cloud.update('gone', { desiredCount: 1 })).rejects.toMatchObject({ name: 'ServiceNotActiveException' })
})

test('what a deploy needs, in IAM’s words', async () => {
  await cloud.deployment('web')
  await cloud.update('web', {})
  const needs = (operation: string) => cloud.aws.journal().findLast(entry => entry.operation === operation)?.needs
  const service = 'arn:aws:ecs:eu-west-1:123456789012:service/main/web'
  const context = { 'ecs:cluster': 'arn:aws:ecs:eu-west-1:123456789012:cluster/main' }
  expect(needs('UpdateService')).toEqual([{ action: 'ecs:UpdateService', resource: service, context }])
  expect(needs('ListServiceDeployments')).toEqual([
    { action: 'ecs:ListServiceDeployments', resource: service, context },
  ])
  expect(needs('DescribeServiceDeployments')?.[0]?.resource).toMatch(/:service-deployment\/main\/web\/[\w-]{21}$/)
})
