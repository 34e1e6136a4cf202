import { BatchDeleteImageCommand, ECRClient } from '@aws-sdk/client-ecr'
import { ModifyTargetGroupAttributesCommand } from '@aws-sdk/client-elastic-load-balancing-v2'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 200 })
})
afterAll(async () => {
  await cloud.stop()
})

const breaker = { deploymentCircuitBreaker: { enable: true, rollback: true } }

test('a rollback goes to the last completed deployment, with its digests, not to the one before', async () => {
  const define = async (tag: string, version: string) =>
    await cloud.define('web', await cloud.push('web', tag, { version }))
  const good = await define('stable', 'good')
  await cloud.createNamed('last', good, { desiredCount: 1, deploymentConfiguration: breaker })
  await cloud.settled('last')
  const digestOf = async () => (await cloud.tasks('last'))[0]?.containers?.[0]?.imageDigest
  const digest = await digestOf()
  // the tag moves on while the good revision runs: the rollback must not pick up what it means now
  const crashing = await cloud.push('web', 'broken', { crash: 1 })
  await cloud.push('web', 'stable', { crash: 1, version: 'moved' })
  for (const round of ['1', '2']) {
    await cloud.update('last', { taskDefinition: await cloud.define('web', crashing, {}, { ROUND: round }) })
    await cloud.deploymentUntil('last', ({ status }) => status === 'ROLLBACK_SUCCESSFUL')
    const settled = await cloud.settled('last')
    expect(settled.taskDefinition).toBe(good)
    expect(await digestOf()).toBe(digest)
  }
})

test('a rollback whose own tasks fail is ROLLBACK_FAILED', async () => {
  const old = await cloud.push('api', 'old')
  await cloud.createNamed('lost', await cloud.define('api', old), {
    desiredCount: 1,
    // the old task goes before the new one comes
    deploymentConfiguration: { ...breaker, minimumHealthyPercent: 0, maximumPercent: 100 },
  })
  await cloud.settled('lost')
  const ecr = new ECRClient(cloud.settings)
  await ecr.send(new BatchDeleteImageCommand({ repositoryName: 'api', imageIds: [{ imageTag: 'old' }] }))
  const digest = (await cloud.tasks('lost'))[0]?.containers?.[0]?.imageDigest
  await ecr.send(new BatchDeleteImageCommand({ repositoryName: 'api', imageIds: [{ imageDigest: digest }] }))
  ecr.destroy()
  const crashing = await cloud.push('api', 'broken', { crash: 1 })
  await cloud.update('lost', { taskDefinition: await cloud.define('api', crashing) })
  await cloud.deploymentUntil('lost', ({ status }) => status === 'ROLLBACK_FAILED')
  expect(await cloud.course('lost')).toEqual(['PENDING', 'IN_PROGRESS', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_FAILED'])
  expect((await cloud.described('lost')).deployments?.[0]).toMatchObject({ status: 'PRIMARY', rolloutState: 'FAILED' })
})

test('early success comes before the old tasks are gone', async () => {
  const one = await cloud.define('web', await cloud.push('web', 'early'))
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '1000' }]
  await cloud.elb.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn: cloud.groups.web, Attributes }))
  await cloud.create('web', one)
  await cloud.settled('web')
  const earlySuccessCriteria = { enable: true, healthyPercent: 100, sourceServiceRevisionCleanup: 'DEFERRED' as const }
  await cloud.update('web', {
    taskDefinition: await cloud.define('web', await cloud.push('web', 'early'), {}, { VERSION: '2' }),
    deploymentConfiguration: { earlySuccessCriteria },
  })
  await cloud.deploymentUntil('web', ({ status }) => status === 'SUCCESSFUL')
  // draining takes 5 s of wall time here
  expect((await cloud.described('web')).deployments).toMatchObject([
    { status: 'PRIMARY', rolloutState: 'COMPLETED' },
    { status: expect.stringMatching(/^(ACTIVE|DRAINING)$/) },
  ])
  await cloud.settled('web')
})
