import { CreateRuleCommand } from '@aws-sdk/client-elastic-load-balancing-v2'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 50 })
})
afterAll(async () => {
  await cloud.stop()
})

test('a rolling deployment and a rollback lose none of 5,000 requests', async () => {
  for (const name of ['api', 'web'] as const) {
    await cloud.create(name, await cloud.define(name, await cloud.push(name, 'v1', { version: '1' })))
  }
  await Promise.all([cloud.settled('api'), cloud.settled('web')])
  const streams = [cloud.traffic(['/', '/api/items'], 7), cloud.traffic(['/slow?ms=50', '/api/slow?ms=50'])]
  const asked = () => streams.reduce((total, stream) => total + stream.total(), 0)
  for (let round = 0; round === 0 || asked() < 5_000; round += 1) {
    for (const name of ['api', 'web'] as const) {
      const image = await cloud.push(name, `v2-${round}`, { version: '2' })
      await cloud.update(name, { taskDefinition: await cloud.define(name, image) })
    }
    await Promise.all([cloud.settled('api'), cloud.settled('web')])
    const crashing = await cloud.push('web', `v3-${round}`, { version: '3', crash: 1 })
    const sick = await cloud.push('api', `v3-${round}`, { version: '3', health: 500 })
    await cloud.update('web', { taskDefinition: await cloud.define('web', crashing) })
    await cloud.update('api', { taskDefinition: await cloud.define('api', sick) })
    await cloud.deploymentUntil('web', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
    await cloud.deploymentUntil('api', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
  }
  await Promise.all(streams.map(stream => stream.stop()))
  expect(streams.flatMap(stream => stream.failures())).toEqual([])
  expect(streams.reduce((total, stream) => total + stream.failed(), 0)).toBe(0)
  expect(asked()).toBeGreaterThanOrEqual(5_000)
  const versions = new Set(streams.flatMap(stream => stream.versions()))
  expect([...versions].sort()).toEqual(['1', '2'])
}, 60_000)

test('SIGTERM comes only when nothing is under way: a server that dies at once loses nothing either', async () => {
  const define = async (tag: string) => await cloud.define('web', await cloud.push('web', tag, { abrupt: true }))
  const stream = cloud.traffic(['/slow?ms=100'], 6)
  for (const tag of ['abrupt-1', 'abrupt-2', 'abrupt-3']) {
    await cloud.update('web', { taskDefinition: await define(tag) })
    await cloud.settled('web')
  }
  await stream.stop()
  expect(stream.failures()).toEqual([])
}, 60_000)

test('a canary gets its share of the traffic, then all of it', async () => {
  const blue = await cloud.targetGroup('canary-a')
  const green = await cloud.targetGroup('canary-b')
  const { Rules } = await cloud.elb.send(
    new CreateRuleCommand({
      ListenerArn: cloud.listenerArn,
      Priority: 5,
      Conditions: [{ Field: 'path-pattern', Values: ['/canary/*'] }],
      Actions: [
        {
          Type: 'forward',
          ForwardConfig: {
            TargetGroups: [blue, green].map((TargetGroupArn, n) => ({ TargetGroupArn, Weight: n === 0 ? 100 : 0 })),
          },
        },
      ],
    }),
  )
  const loadBalancer = {
    targetGroupArn: blue,
    containerName: 'web',
    containerPort: 8080,
    advancedConfiguration: {
      alternateTargetGroupArn: green,
      productionListenerRule: Rules?.[0]?.RuleArn,
      roleArn: 'arn:aws:iam::123456789012:role/ecs-elb',
    },
  }
  const strategy = {
    strategy: 'CANARY' as const,
    canaryConfiguration: { canaryPercent: 30, canaryBakeTimeInMinutes: 2 },
    bakeTimeInMinutes: 0,
  }
  const define = async (version: string) =>
    await cloud.define('web', await cloud.push('web', `canary-${version}`, { version }))
  // the service `web` of the other test stays as it is
  const service = await cloud.createNamed('canary', await define('1'), {
    loadBalancers: [loadBalancer],
    deploymentConfiguration: strategy,
  })
  expect(service.serviceName).toBe('canary')
  await cloud.settled('canary')
  await cloud.update('canary', { taskDefinition: await define('2') })
  const shifting = await cloud.deploymentUntil(
    'canary',
    ({ lifecycleStage }) => lifecycleStage === 'PRODUCTION_TRAFFIC_SHIFT',
  )
  expect(shifting.targetServiceRevision?.requestedProductionTrafficWeight).toBe(30)
  const stream = cloud.traffic(['/canary/x'])
  await cloud.settled('canary')
  for (let n = 0; n < 20; n += 1) {
    expect(await (await fetch(`${cloud.url}/canary/y`)).json()).toMatchObject({ version: '2' })
  }
  await stream.stop()
  expect(stream.failures()).toEqual([])
  expect([...stream.versions()].sort()).toEqual(['1', '2'])
}, 60_000)
