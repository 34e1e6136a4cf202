import {
  ContinueServiceDeploymentCommand,
  CreateServiceCommand,
  type DeploymentConfiguration,
  ListServiceDeploymentsCommand,
  StopServiceDeploymentCommand,
} from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { network } from './support/cloud.ts'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
let one: string
let two: string
let booting: string
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 200 })
  const image = await cloud.push('web', 'v1')
  one = await cloud.define('web', image)
  two = await cloud.define('web', image, {}, { VERSION: '2' })
  // never gets an address: its tasks stay on their way
  const container = cloud.container('web', [], {
    image,
    portMappings: [{ containerPort: 8080 }],
    healthCheck: { command: ['CMD-SHELL', 'exit 1'], interval: 300, retries: 10 },
  })
  booting = await cloud.register([container], { family: 'web' })
})
afterAll(async () => {
  await cloud.stop()
})

async function running(serviceName: string, deploymentConfiguration: DeploymentConfiguration = {}) {
  await cloud.ecs.send(
    new CreateServiceCommand({
      cluster: 'main',
      serviceName,
      taskDefinition: one,
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: network,
      deploymentConfiguration,
    }),
  )
  return await cloud.settled(serviceName)
}
const stop = (serviceDeploymentArn = '', stopType?: 'ABORT' | 'ROLLBACK') =>
  cloud.ecs.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, ...(stopType ? { stopType } : {}) }))

describe('StopServiceDeployment', () => {
  test('ROLLBACK: requested, in progress, successful, without the breaker', async () => {
    const before = await running('back')
    await cloud.update('back', { taskDefinition: booting })
    const { serviceDeploymentArn: arn } = await cloud.deployment('back')
    await stop(arn, 'ROLLBACK')
    const done = await cloud.deploymentUntil('back', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
    expect(done.rollback?.serviceRevisionArn).toContain(before.deployments?.[0]?.id?.replace('ecs-svc/', ''))
    expect((await cloud.course('back')).slice(-3)).toEqual([
      'ROLLBACK_REQUESTED',
      'ROLLBACK_IN_PROGRESS',
      'ROLLBACK_SUCCESSFUL',
    ])
    const settled = await cloud.settled('back')
    expect(settled.taskDefinition).toBe(one)
    expect(settled.deployments?.[0]?.id).toBe(before.deployments?.[0]?.id)
    await expect(stop(arn)).rejects.toMatchObject({ name: 'ConflictException' })
  })

  test('ABORT: requested, then stopped; nothing goes back', async () => {
    await running('aborted')
    await cloud.update('aborted', { taskDefinition: booting })
    await stop((await cloud.deployment('aborted')).serviceDeploymentArn, 'ABORT')
    await cloud.deploymentUntil('aborted', ({ status }) => status === 'STOPPED')
    expect((await cloud.course('aborted')).slice(-2)).toEqual(['STOP_REQUESTED', 'STOPPED'])
    expect((await cloud.described('aborted')).deployments?.[0]).toMatchObject({ rolloutState: 'FAILED' })
  })

  test('what does not exist', async () => {
    const arn = 'arn:aws:ecs:eu-west-1:123456789012:service-deployment/main/back/none'
    await expect(stop(arn)).rejects.toMatchObject({ name: 'ServiceDeploymentNotFoundException' })
  })
})

test('a newer deployment takes over: the earlier one is STOPPED', async () => {
  await running('overtaken')
  await cloud.update('overtaken', { taskDefinition: booting })
  await cloud.deploymentUntil('overtaken', ({ status }) => status === 'IN_PROGRESS')
  const updated = await cloud.update('overtaken', { taskDefinition: two })
  expect(updated.deployments).toHaveLength(3)
  await cloud.settled('overtaken')
  const { serviceDeployments } = await cloud.ecs.send(
    new ListServiceDeploymentsCommand({ cluster: 'main', service: 'overtaken' }),
  )
  expect(serviceDeployments?.map(({ status }) => status)).toEqual(['SUCCESSFUL', 'STOPPED', 'SUCCESSFUL'])
})

describe('alarms', () => {
  const alarms = { alarms: { enable: true, rollback: true, alarmNames: ['errors', 'latency'] } }

  test('one that goes off takes the deployment back', async () => {
    const before = await running('alarmed', alarms)
    const id = before.deployments?.[0]?.id
    const failedId = (await cloud.update('alarmed', { taskDefinition: booting })).deployments?.[0]?.id
    await cloud.deploymentUntil('alarmed', ({ status }) => status === 'IN_PROGRESS')
    expect((await cloud.deployment('alarmed')).alarms).toEqual({
      status: 'MONITORING',
      alarmNames: ['errors', 'latency'],
      triggeredAlarmNames: [],
    })
    const response = await fetch(`${cloud.aws.endpoint}/_local/alarms/errors`, {
      method: 'PUT',
      body: JSON.stringify({ state: 'ALARM' }),
    })
    expect(response.status).toBe(204)
    const done = await cloud.deploymentUntil('alarmed', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
    expect(done.alarms).toMatchObject({ status: 'TRIGGERED', triggeredAlarmNames: ['errors'] })
    const settled = await cloud.settled('alarmed')
    expect(settled.deployments?.[0]?.id).toBe(id)
    expect(settled.events?.map(({ message }) => message)).toContain(
      `(service alarmed) (deployment ${failedId}) deployment failed: alarm detected.`,
    )
    cloud.aws.setAlarm('errors', 'OK')
  })

  test('one that rings already is not looked at, so that a fix can be deployed', async () => {
    cloud.aws.setAlarm('latency', 'ALARM')
    await running('ringing', alarms)
    expect(await cloud.deployment('ringing')).toMatchObject({ status: 'SUCCESSFUL', alarms: { status: 'DISABLED' } })
    cloud.aws.setAlarm('latency', 'INSUFFICIENT_DATA')
  })

  test('a state that CloudWatch does not know is refused', async () => {
    const response = await fetch(`${cloud.aws.endpoint}/_local/alarms/errors`, {
      method: 'PUT',
      body: JSON.stringify({ state: 'RED' }),
    })
    expect(response.status).toBe(400)
  })
})

describe('stages', () => {
  test('blue/green goes through its stages; a PAUSE hook waits to be continued', async () => {
    const hook = { targetType: 'PAUSE' as const, lifecycleStages: ['POST_SCALE_UP' as const] }
    await running('stages', { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 1 })
    await cloud.update('stages', {
      taskDefinition: two,
      deploymentConfiguration: { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 5, lifecycleHooks: [hook] },
    })
    const paused = await cloud.deploymentUntil('stages', one => one.lifecycleHookDetails !== undefined)
    expect(paused).toMatchObject({
      status: 'IN_PROGRESS',
      lifecycleStage: 'POST_SCALE_UP',
      lifecycleHookDetails: [{ targetType: 'PAUSE', status: 'AWAITING_ACTION', timeoutAction: 'ROLLBACK' }],
      targetServiceRevision: { runningTaskCount: 1, requestedProductionTrafficWeight: 0 },
    })
    expect((await cloud.described('stages')).deployments).toMatchObject([
      { status: 'PRIMARY', runningCount: 1 },
      { status: 'ACTIVE', runningCount: 1 },
    ])
    const [detail] = paused.lifecycleHookDetails ?? []
    await cloud.ecs.send(
      new ContinueServiceDeploymentCommand({
        serviceDeploymentArn: paused.serviceDeploymentArn,
        hookId: detail?.hookId,
      }),
    )
    await cloud.deploymentUntil('stages', ({ status }) => status === 'SUCCESSFUL')
    expect(await cloud.course('stages')).toEqual([
      'PENDING',
      'IN_PROGRESS',
      'PRE_SCALE_UP',
      'SCALE_UP',
      'POST_SCALE_UP',
      'TEST_TRAFFIC_SHIFT',
      'POST_TEST_TRAFFIC_SHIFT',
      'PRODUCTION_TRAFFIC_SHIFT',
      'POST_PRODUCTION_TRAFFIC_SHIFT',
      'BAKE_TIME',
      'CLEAN_UP',
      'SUCCESSFUL',
    ])
    expect((await cloud.settled('stages')).taskDefinition).toBe(two)
  })

  test('a PAUSE hook answered with ROLLBACK takes it back', async () => {
    const hook = { targetType: 'PAUSE' as const, lifecycleStages: ['PRE_SCALE_UP' as const] }
    const before = await running('refused', { strategy: 'BLUE_GREEN' })
    const tasks = (await cloud.tasks('refused')).map(({ taskArn }) => taskArn)
    await cloud.update('refused', {
      taskDefinition: two,
      deploymentConfiguration: { strategy: 'BLUE_GREEN', lifecycleHooks: [hook] },
    })
    const paused = await cloud.deploymentUntil('refused', one => one.lifecycleHookDetails !== undefined)
    await cloud.ecs.send(
      new ContinueServiceDeploymentCommand({
        serviceDeploymentArn: paused.serviceDeploymentArn,
        hookId: paused.lifecycleHookDetails?.[0]?.hookId,
        action: 'ROLLBACK',
      }),
    )
    const done = await cloud.deploymentUntil('refused', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
    expect(done.statusReason).toBe('Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed.')
    expect((await cloud.settled('refused')).deployments?.[0]?.id).toBe(before.deployments?.[0]?.id)
    // blue never stopped
    expect((await cloud.tasks('refused')).map(({ taskArn }) => taskArn)).toEqual(tasks)
  })

  test('a canary that crashes is rolled back by the breaker', async () => {
    const breaker = { deploymentCircuitBreaker: { enable: true, rollback: true } }
    const canaryConfiguration = { canaryPercent: 10, canaryBakeTimeInMinutes: 1 }
    await running('canary', { strategy: 'CANARY', canaryConfiguration, ...breaker })
    const tasks = (await cloud.tasks('canary')).map(({ taskArn }) => taskArn)
    await cloud.update('canary', {
      taskDefinition: await cloud.define('web', await cloud.push('web', 'v1'), {}, { CRASH: '1' }),
    })
    const done = await cloud.deploymentUntil('canary', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
    expect(done).toMatchObject({ lifecycleStage: 'SCALE_UP' })
    expect((await cloud.settled('canary')).taskDefinition).toBe(one)
    expect((await cloud.tasks('canary')).map(({ taskArn }) => taskArn)).toEqual(tasks)
  })

  test('linear shifts the traffic in steps', async () => {
    const linearConfiguration = { stepPercent: 40, stepBakeTimeInMinutes: 1 }
    await running('linear', { strategy: 'LINEAR', linearConfiguration })
    await cloud.update('linear', { taskDefinition: two })
    const done = await cloud.deploymentUntil('linear', ({ status }) => status === 'SUCCESSFUL')
    expect(done.targetServiceRevision?.requestedProductionTrafficWeight).toBe(100)
    const shifts = (await cloud.course('linear')).filter(stage => stage === 'PRODUCTION_TRAFFIC_SHIFT')
    // 40, 80, 100 percent
    expect(shifts).toHaveLength(3)
  })
})
