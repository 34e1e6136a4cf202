import type { DeploymentConfiguration, Service } from '@aws-sdk/client-ecs'
import { CreateServiceCommand } from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { network } from './support/cloud.ts'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
let good: string
let crashing: string
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 200 })
  const image = await cloud.push('web', 'v1')
  good = await cloud.define('web', image)
  crashing = await cloud.define('web', image, {}, { CRASH: '3' })
})
afterAll(async () => {
  await cloud.stop()
})

/** A service without a load balancer. */
async function plain(serviceName: string, taskDefinition: string, deploymentConfiguration?: DeploymentConfiguration) {
  await cloud.ecs.send(
    new CreateServiceCommand({
      cluster: 'main',
      serviceName,
      taskDefinition,
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: network,
      ...(deploymentConfiguration ? { deploymentConfiguration } : {}),
    }),
  )
}
const rollback = { deploymentCircuitBreaker: { enable: true, rollback: true } }
const events = ({ events: list = [] }: Service) => list.map(({ message }) => message)

test('with rollback: the failed entry beside the old one, then the old one alone', async () => {
  await cloud.create('web', good)
  const before = await cloud.settled('web')
  const oldId = before.deployments?.[0]?.id ?? ''
  const failedId = (await cloud.update('web', { taskDefinition: crashing })).deployments?.[0]?.id ?? ''
  const turned = await cloud.until('web', ({ deployments }) => deployments?.[0]?.id !== failedId)
  expect(turned.deployments).toMatchObject([
    {
      id: oldId,
      status: 'PRIMARY',
      taskDefinition: good,
      runningCount: 2,
      rolloutState: 'IN_PROGRESS',
      rolloutStateReason: `ECS deployment circuit breaker: rolling back to deploymentId ${oldId}.`,
    },
    {
      id: failedId,
      taskDefinition: crashing,
      rolloutState: 'FAILED',
      rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
    },
  ])
  expect(['ACTIVE', 'DRAINING']).toContain(turned.deployments?.[1]?.status)
  // two that crash at the same moment are both counted
  expect(turned.deployments?.[1]?.failedTasks).toBeGreaterThanOrEqual(3)
  const settled = await cloud.settled('web')
  expect(settled.taskDefinition).toBe(good)
  expect(await cloud.course('web')).toEqual(['PENDING', 'IN_PROGRESS', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_SUCCESSFUL'])
  const done = await cloud.deployment('web')
  const reason = 'Service deployment rolled back because the circuit breaker threshold was exceeded.'
  expect(done).toMatchObject({
    status: 'ROLLBACK_SUCCESSFUL',
    statusReason: reason,
    rollback: { reason, serviceRevisionArn: expect.stringContaining(oldId.replace('ecs-svc/', '')) },
    deploymentCircuitBreaker: { status: 'TRIGGERED', failureCount: turned.deployments?.[1]?.failedTasks, threshold: 3 },
  })
  expect(events(settled)).toEqual(
    expect.arrayContaining([
      `(service web) (deployment ${failedId}) deployment failed: tasks failed to start.`,
      `(service web) rolling back to deployment ${oldId}.`,
      `(service web) (deployment ${oldId}) deployment completed.`,
    ]),
  )
  const stopped = (await cloud.tasks('web', 'STOPPED')).filter(
    ({ taskDefinitionArn }) => taskDefinitionArn === crashing,
  )
  expect(stopped[0]).toMatchObject({ stopCode: 'EssentialContainerExited', containers: [{ exitCode: 3 }] })
})

test('without rollback: FAILED it stays, and the old tasks stay', async () => {
  const breaker = { deploymentCircuitBreaker: { enable: true, rollback: false } }
  await plain('stays', good, breaker)
  await cloud.settled('stays')
  await cloud.update('stays', { taskDefinition: crashing })
  const failed = await cloud.until('stays', ({ deployments }) => deployments?.[0]?.rolloutState === 'FAILED')
  expect(failed.deployments).toMatchObject([
    { status: 'PRIMARY', rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.' },
    { status: 'ACTIVE', runningCount: 1 },
  ])
  expect(await cloud.deployment('stays')).toMatchObject({ status: 'STOPPED' })
  const before = (await cloud.tasks('stays', 'STOPPED')).length
  await new Promise(resolve => setTimeout(resolve, 500))
  expect((await cloud.tasks('stays', 'STOPPED')).length).toBeLessThanOrEqual(before + 1)
  expect((await cloud.described('stays')).deployments?.[0]?.rolloutState).toBe('FAILED')
  // the way back is an update
  await cloud.update('stays', { taskDefinition: good })
  await cloud.settled('stays')
})

test('a first deployment that fails has nothing to go back to', async () => {
  await plain('first', crashing, rollback)
  const failed = await cloud.until('first', ({ deployments }) => deployments?.[0]?.rolloutState === 'FAILED')
  expect(failed.deployments).toHaveLength(1)
  const deployment = await cloud.deployment('first')
  expect(deployment).toMatchObject({
    status: 'ROLLBACK_FAILED',
    statusReason: 'No rollback candidate was found to run the rollback.',
  })
  expect(deployment.rollback).toBeUndefined()
})

test('no breaker: it is tried again and again', async () => {
  await plain('restless', good)
  await cloud.settled('restless')
  await cloud.update('restless', { taskDefinition: crashing })
  const late = await cloud.until('restless', ({ deployments }) => (deployments?.[0]?.failedTasks ?? 0) >= 5)
  expect(late.deployments).toMatchObject([{ rolloutState: 'IN_PROGRESS' }, { status: 'ACTIVE', runningCount: 1 }])
  expect(await cloud.deployment('restless')).toMatchObject({
    status: 'IN_PROGRESS',
    deploymentCircuitBreaker: { status: 'DISABLED' },
  })
  expect(events(late)).toContain(
    '(service restless) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.',
  )
})

test('a missing tag counts, and its reason is in the events', async () => {
  await plain('tagless', good, rollback)
  await cloud.settled('tagless')
  const image = (await cloud.push('web', 'v1')).replace(/:v1$/, ':none')
  await cloud.update('tagless', { taskDefinition: await cloud.define('web', image) })
  const settled = await cloud.until('tagless', ({ deployments, taskDefinition }) => {
    return taskDefinition === good && deployments?.length === 1
  })
  expect(events(settled).join('\n')).toMatch(
    /\(service tagless\) was unable to place a task\. Reason: CannotPullContainerError: .*:none: not found/,
  )
})

describe('the threshold', () => {
  test('COUNT 1 ends it at the first failure', async () => {
    await plain('once', good)
    await cloud.settled('once')
    const thresholdConfiguration = { type: 'COUNT' as const, value: 1 }
    await cloud.update('once', {
      taskDefinition: crashing,
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true, thresholdConfiguration } },
    })
    const turned = await cloud.until('once', ({ deployments }) => deployments?.[1]?.rolloutState === 'FAILED')
    expect(turned.deployments?.[1]?.failedTasks).toBe(1)
    expect((await cloud.deployment('once')).deploymentCircuitBreaker).toMatchObject({ failureCount: 1, threshold: 1 })
    await cloud.settled('once')
  })

  test.each([
    [true, 0],
    [false, 2],
  ])('a healthy task resets the count: %s', async (resetOnHealthyTask, failedTasks) => {
    const name = `reset-${resetOnHealthyTask}`
    const image = await cloud.push('web', name, { crashTimes: 2, version: name })
    const targetGroupArn = cloud.groups.web
    await cloud.createNamed(name, await cloud.define('web', image), {
      desiredCount: 1,
      loadBalancers: [{ targetGroupArn, containerName: 'web', containerPort: 8080 }],
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true, resetOnHealthyTask } },
    })
    const settled = await cloud.settled(name)
    expect(settled.deployments?.[0]?.failedTasks).toBe(failedTasks)
  })
})

describe('unhealthy tasks', () => {
  test('targets that answer 404 fail the deployment, their reason is in the events', async () => {
    await cloud.create('api', await cloud.define('api', await cloud.push('api', 'v1', { version: '1' })))
    await cloud.settled('api')
    const image = await cloud.push('api', 'lost', { health: 404 })
    await cloud.update('api', { taskDefinition: await cloud.define('api', image) })
    await cloud.until('api', ({ deployments = [] }) => deployments[1]?.rolloutState === 'FAILED')
    const settled = await cloud.settled('api')
    expect(events(settled).join('\n')).toMatch(
      new RegExp(
        `\\(service api\\) \\(task [0-9a-f]{32}\\) \\(port 8080\\) is unhealthy in \\(target-group ${cloud.groups.api}\\) due to \\(reason Health checks failed with these codes: \\[404\\]\\)\\.`,
      ),
    )
    const reasons = (await cloud.tasks('api', 'STOPPED')).map(({ stoppedReason }) => stoppedReason)
    expect(reasons).toContain(`Task failed ELB health checks in (target-group ${cloud.groups.api})`)
  })

  test('the grace period gives slow ones their time', async () => {
    // it says 503 until the grace period of 400 s (2 s of wall time) lets it
    const image = await cloud.push('api', 'slow', { bootMs: 2_500, version: 'slow' })
    await cloud.update('api', {
      taskDefinition: await cloud.define('api', image),
      healthCheckGracePeriodSeconds: 2_000,
    })
    await cloud.settled('api')
    expect(await cloud.deployment('api')).toMatchObject({ status: 'SUCCESSFUL' })
    expect(await (await fetch(`${cloud.url}/api/x`)).json()).toMatchObject({ version: 'slow', path: '/api/x' })
  })

  test('a container health check that fails stops the task', async () => {
    const image = await cloud.push('web', 'v1')
    const container = cloud.container('web', [], {
      image,
      portMappings: [{ containerPort: 8080 }],
      healthCheck: { command: ['CMD-SHELL', 'exit 1'], interval: 60, retries: 2 },
    })
    await plain('ill', good, rollback)
    await cloud.settled('ill')
    await cloud.update('ill', { taskDefinition: await cloud.register([container], { family: 'web' }) })
    await cloud.until('ill', ({ deployments = [] }) => deployments[1]?.rolloutState === 'FAILED')
    const settled = await cloud.settled('ill')
    expect(events(settled).join('\n')).toMatch(/\(service ill\) \(task [0-9a-f]{32}\) failed container health checks\./)
    const reasons = (await cloud.tasks('ill', 'STOPPED')).map(({ stoppedReason }) => stoppedReason)
    expect(reasons).toContain('Task failed container health checks')
  })
})
