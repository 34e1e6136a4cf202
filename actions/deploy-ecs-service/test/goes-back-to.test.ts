import { UpdateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { denying } from '../../../test/support/policy.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { isSettled, runningDigests } from '../../../test/support/serving.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

async function revisionOf(cloud: ServiceCloud): Promise<string | undefined> {
  return (await cloud.service('api')).taskDefinition?.split('/').at(-1)
}

/** What another tool does: it always registers a revision, whatever is in it. */
async function deploysElsewhere(cloud: ServiceCloud, tag: string): Promise<void> {
  const taskDefinition = await cloud.register('web', {
    web: { image: `${cloud.aws.registryAddress}/web:${tag}`, portMappings: [{ containerPort: 8080 }] },
  })
  await cloud.ecs.send(new UpdateServiceCommand({ cluster: 'apps', service: 'api', taskDefinition }))
  await until('it is deployed', () => isSettled(cloud, 'api'))
}

describe('a version is what is in it, not its revision', () => {
  inServiceCloud('the same content, registered again, is nothing to go back to', async cloud => {
    await cloud.create('api')
    const good = await runningDigests(cloud, 'api')
    await cloud.push('2')
    await cloud.run({ services: 'api', images: 'ecr:web:2' })
    await deploysElsewhere(cloud, '2')
    expect(await revisionOf(cloud)).toBe('web:3')
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status'], await revisionOf(cloud)]).toEqual([0, 'rolled-back', 'web:1'])
    expect(await runningDigests(cloud, 'api')).toEqual(good)
  })

  inServiceCloud('a former version that was deployed again by hand has left what came between', async cloud => {
    await cloud.create('api')
    for (const tag of ['2', '3']) {
      await cloud.push(tag)
      await cloud.run({ services: 'api', images: `ecr:web:${tag}` })
    }
    await deploysElsewhere(cloud, '2')
    expect(await revisionOf(cloud)).toBe('web:4')
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status'], await revisionOf(cloud)]).toEqual([0, 'rolled-back', 'web:1'])
  })

  inServiceCloud('each task definition of a long history is described once', async cloud => {
    await cloud.create('api')
    const images = `ecr:web@${(await runningDigests(cloud, 'api'))[0]}`
    for (const level of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await cloud.run({ services: 'api', environment: `LEVEL=${level}`, images })
    }
    const before = cloud.calls('DescribeTaskDefinition').length
    const { outputs } = await cloud.run({ services: 'api', operation: 'rollback', 'dry-run': 'true' })
    expect(outputs['status']).toBe('planned')
    expect(cloud.calls('DescribeTaskDefinition').length - before).toBeLessThanOrEqual(7)
  })
})

/** Makes the tag of the service mean a broken image, or another that works, and deploys it. */
async function moved(cloud: ServiceCloud, inputs: Readonly<Record<string, string>> = {}): Promise<string> {
  await cloud.push('2')
  await cloud.retag('2', '1')
  const { outputs } = await cloud.run({ services: 'api', ...inputs })
  return outputs['services'] ?? ''
}

describe('`rollback-to` the outputs of a deployment that only put in another image behind the same tag', () => {
  inServiceCloud('and was not waited for: the image before it', async cloud => {
    await cloud.create('api')
    const good = await runningDigests(cloud, 'api')
    const services = await moved(cloud, { wait: 'false' })
    expect(JSON.parse(services)[0]).toMatchObject({ status: 'started', taskDefinition: 'web:1' })
    await until('it is there', () => isSettled(cloud, 'api'))
    expect(await runningDigests(cloud, 'api')).not.toEqual(good)
    const { exitCode, outputs } = await cloud.run({
      services: 'api',
      operation: 'rollback',
      'rollback-to': services,
    })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await runningDigests(cloud, 'api')).toEqual(good)
  })

  inServiceCloud('and is in no record: an error, never green with the new image', async cloud => {
    await cloud.create('api')
    const services = await moved(cloud)
    const bad = await runningDigests(cloud, 'api')
    const updates = cloud.calls('UpdateService').length
    const inputs = { services: 'api', operation: 'rollback', 'rollback-to': services }
    const nothing = { serviceDeployments: [] }
    cloud.aws.addFault({ service: 'ecs', operation: 'ListServiceDeployments', kind: 'answer', body: nothing })
    const { exitCode, annotations } = await cloud.run(inputs)
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toMatch(
      /^api: which images ran behind the tags of web before ecs-svc\/\d+ put web:1/,
    )
    cloud.aws.clearFaults()
    cloud.aws.setPolicy(denying('ecs:ListServiceDeployments'))
    const denied = await cloud.run(inputs)
    expect(denied.exitCode).toBe(1)
    expect(denied.annotations[0]?.message).toContain('ecs:ListServiceDeployments')
    expect(cloud.calls('UpdateService')).toHaveLength(updates)
    expect(await runningDigests(cloud, 'api')).toEqual(bad)
  })
})

describe('`rollback-to` another revision', () => {
  inServiceCloud('goes there where the history may not be read, and says what it does not know', async cloud => {
    await cloud.create('api')
    await cloud.push('2')
    const { outputs } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    cloud.aws.setPolicy(denying('ecs:ListServiceDeployments'))
    const back = await cloud.run({
      services: 'api',
      operation: 'rollback',
      'rollback-to': outputs['services'] ?? '',
    })
    expect([back.exitCode, back.outputs['status'], await revisionOf(cloud)]).toEqual([0, 'rolled-back', 'web:1'])
    const notice = back.annotations.find(({ title }) => title === 'The images that ran then are not known')
    expect(notice?.message).toMatch(/api, web:1: web\. .*ecs:ListServiceDeployments/)
  })
})

describe('a tag that was put back while the other image is still being tried', () => {
  for (const operation of ['deploy', 'rollback']) {
    inServiceCloud(`${operation}: a new deployment replaces the one that never starts`, async cloud => {
      await cloud.create('api', NO_BREAKER)
      const good = await runningDigests(cloud, 'api')
      await cloud.push('bad', 'exits')
      await cloud.retag('1', 'kept')
      await cloud.retag('bad', '1')
      expect((await cloud.run({ services: 'api', wait: 'false' })).outputs['status']).toBe('started')
      await until('it was tried', async () =>
        (await cloud.tasks()).some(
          ({ containers = [], lastStatus }) => lastStatus === 'STOPPED' && containers[0]?.imageDigest !== good[0],
        ),
      )
      await cloud.retag('kept', '1')
      const { exitCode, outputs } = await cloud.run({ services: 'api', operation, timeout: '2m' })
      expect([exitCode, outputs['status']]).toEqual([0, operation === 'deploy' ? 'deployed' : 'rolled-back'])
      expect(await runningDigests(cloud, 'api')).toEqual(good)
    })
  }
})
