import { DeleteServiceCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { BREAKER, type ServiceCloud } from '../../../test/support/service-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_ROLLBACK = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }
const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

async function revisionOf(cloud: ServiceCloud, name = 'api'): Promise<string> {
  return (await cloud.service(name)).taskDefinition?.split('/').at(-1) ?? ''
}

describe('a new version', () => {
  inServiceCloud('is deployed, and its digest runs', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    const { exitCode, outputs, annotations, summary } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    expect(annotations).toEqual([])
    expect(exitCode).toBe(0)
    const [service] = JSON.parse(outputs['services'] ?? '')
    expect(outputs['status']).toBe('deployed')
    expect(service).toMatchObject({
      name: 'api',
      status: 'deployed',
      taskDefinition: 'web:2',
      previousTaskDefinition: 'web:1',
      images: [{ container: 'web', image: 'ecr:web:2' }],
    })
    const running = (await cloud.tasks()).find(({ lastStatus }) => lastStatus === 'RUNNING')
    expect(service.images[0].digest).toBe(running?.containers?.[0]?.imageDigest)
    expect(outputs['services']).not.toContain(cloud.aws.accountId)
    expect(summary).toContain('### ✅ api: deployed')
  })

  inServiceCloud('that is what runs already changes nothing: no revision, no deployment', async cloud => {
    await cloud.create('api')
    const { exitCode, outputs } = await cloud.run({ services: 'api', images: 'web=ecr:web:1' })
    expect(exitCode).toBe(0)
    expect(outputs['status']).toBe('unchanged')
    expect(cloud.calls('UpdateService')).toEqual([])
    expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(1)
  })

  inServiceCloud('behind a tag that moved is deployed with the same revision', async cloud => {
    await cloud.create('api')
    const before = await revisionOf(cloud)
    await cloud.push('2')
    await cloud.retag('2', '1')
    const { exitCode, outputs, stdout } = await cloud.run({ services: 'api' })
    expect(stdout).toContain('the tag of web means another image now')
    expect(outputs['status']).toBe('deployed')
    expect(exitCode).toBe(0)
    expect(await revisionOf(cloud)).toBe(before)
  })

  inServiceCloud(
    'for several services that share it is one revision; a service listed twice is deployed once',
    async cloud => {
      await cloud.push('2')
      for (const name of ['api', 'web', 'jobs']) await cloud.create(name)
      const { exitCode, outputs } = await cloud.run({ services: 'api\nweb\njobs\napi', images: 'ecr:web:2' })
      expect(exitCode).toBe(0)
      expect(
        JSON.parse(outputs['services'] ?? '').map(({ taskDefinition }: { taskDefinition: string }) => taskDefinition),
      ).toEqual(['web:2', 'web:2', 'web:2'])
      expect(cloud.calls('UpdateService')).toHaveLength(3)
    },
  )

  inServiceCloud('without waiting: started', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    const { exitCode, outputs } = await cloud.run({ services: 'api', images: 'ecr:web:2', wait: 'false' })
    expect([exitCode, outputs['status']]).toEqual([0, 'started'])
  })

  inServiceCloud('dry run: prints what a reviewer needs, calls nothing that changes', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    const before = cloud.aws.journal().length
    const { exitCode, outputs, stdout, summary } = await cloud.run({
      services: 'api',
      images: 'ecr:web:2',
      environment: 'LEVEL=very-secret',
      'dry-run': 'true',
    })
    expect([exitCode, outputs['status']]).toEqual([0, 'planned'])
    expect(stdout).toMatch(/containerDefinitions\.web\.image: .*web:1 → .*web:2/)
    expect(stdout).toMatch(/containerDefinitions\.web\.environment\.LEVEL: \(none\) → sha256:[0-9a-f]{8}/)
    expect(summary).toContain('Dry run: 1 of 1 services would change; nothing was touched.')
    expect(stdout + summary).not.toContain('very-secret')
    const called = cloud.aws.journal().slice(before)
    expect(called.filter(({ operation }) => !/^(?:Describe|List|Get|BatchGet|HEAD|GET)/.test(operation))).toEqual([])
  })
})

describe('a version that fails', () => {
  inServiceCloud(
    'is taken back by ECS: an error at the first sign, followed to its end',
    async cloud => {
      await cloud.push('bad', 'exits')
      await cloud.create('api')
      const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
      await until('the first sign', () => action.output().includes('::error'))
      expect(action.output()).not.toContain('rolled back:')
      const { exitCode, outputs, annotations, summary } = await action.result
      expect(exitCode).toBe(1)
      expect(outputs['status']).toBe('rolled-back')
      expect(annotations).toHaveLength(1)
      for (const seen of [
        'ECS is rolling back',
        'circuit breaker',
        'exit code 3',
        'web | boom: no configuration',
        'event: ',
      ]) {
        expect(annotations[0]?.message).toContain(seen)
      }
      expect(summary).toContain('boom: no configuration')
      expect(await revisionOf(cloud)).toBe('web:1')
      // so slow that the rollback is seen while it goes on
    },
    { speed: 10 },
  )

  inServiceCloud('with the service-deployment API denied: the same verdict from deployments[]', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    cloud.aws.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: ['ecs:ListServiceDeployments', 'ecs:DescribeServiceDeployments'], Resource: '*' },
      ],
    })
    const { exitCode, outputs } = await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
    expect(await revisionOf(cloud)).toBe('web:1')
  })

  inServiceCloud('where ECS does not roll back: we do', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_ROLLBACK)
    const { exitCode, outputs, stdout } = await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
    expect(stdout).toContain('api: going back to web:1')
    expect(await revisionOf(cloud)).toBe('web:1')
  })

  inServiceCloud('rollback: none leaves it as it is', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_ROLLBACK)
    const { exitCode, outputs } = await cloud.run({ services: 'api', images: 'ecr:web:bad', rollback: 'none' })
    expect([exitCode, outputs['status']]).toEqual([1, 'failed'])
    expect(await revisionOf(cloud)).toBe('web:2')
  })

  inServiceCloud('without a circuit breaker: timed out, the rollback accepted', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const { exitCode, outputs, took, stdout, annotations } = await cloud.run({
      services: 'api',
      images: 'ecr:web:bad',
      timeout: '12s',
    })
    expect(annotations).toHaveLength(1)
    for (const seen of [
      'did not end within 12s',
      'A rollback was requested and accepted',
      'web | boom: no configuration',
    ])
      expect(annotations[0]?.message).toContain(seen)
    expect([exitCode, outputs['status']]).toEqual([1, 'timed-out'])
    expect(took).toBeLessThan(12_000 + 5000 + 2000)
    expect(stdout).toContain('rollback requested, ECS accepted it')
    await until('the former revision runs', async () => (await revisionOf(cloud)) === 'web:1')
  })

  inServiceCloud('one of three, with each way to roll back', async cloud => {
    await cloud.push('2')
    await cloud.push('bad', 'exits')
    for (const name of ['api', 'web', 'jobs']) await cloud.create(name)
    const images = 'api/web=ecr:web:bad\nweb/web=ecr:web:2\njobs/web=ecr:web:2'
    const failed = await cloud.run({ services: 'api\nweb\njobs', images })
    expect(failed.outputs['status']).toBe('rolled-back')
    expect(await Promise.all(['api', 'web', 'jobs'].map(name => revisionOf(cloud, name)))).toEqual([
      'web:1',
      'web:3',
      'web:3',
    ])
    const all = await cloud.run({
      services: 'api\nweb\njobs',
      images: 'api/web=ecr:web:bad\nweb/web=ecr:web:1\njobs/web=ecr:web:1',
      rollback: 'all',
    })
    expect(all.outputs['status']).toBe('rolled-back')
    expect(all.summary).toContain('| Took | Reason |')
    expect(JSON.parse(all.outputs['services'] ?? '').map(({ status }: { status: string }) => status)).toEqual([
      'rolled-back',
      'rolled-back',
      'rolled-back',
    ])
    expect(await Promise.all(['web', 'jobs'].map(name => revisionOf(cloud, name)))).toEqual(['web:3', 'web:3'])
  })
})

describe('what others do', () => {
  inServiceCloud('another deployment that takes over: superseded, nothing is rolled back', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.push('3')
    const other = await cloud.register('web', {
      web: { image: `${cloud.aws.registryAddress}/web:3`, portMappings: [{ containerPort: 8080 }] },
    })
    await cloud.create('api', { ...NO_BREAKER, taskDefinition: 'web:1' })
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('in progress'))
    await cloud.ecs.send(new UpdateServiceCommand({ cluster: 'apps', service: 'api', taskDefinition: other }))
    const { exitCode, outputs } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'superseded'])
    expect(await revisionOf(cloud)).toBe('web:2')
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    inServiceCloud(`${signal}: a rollback is requested, the old version serves`, async cloud => {
      await cloud.push('bad', 'exits')
      await cloud.create('api', NO_BREAKER)
      const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
      await until('ours goes on', () => action.output().includes('in progress'))
      action.signal(signal)
      const { exitCode, outputs, stdout } = await action.result
      expect(exitCode).toBe(signal === 'SIGINT' ? 130 : 143)
      expect(outputs['status']).toBe('cancelled')
      expect(stdout).toContain('rollback requested, ECS accepted it')
      await until('the former revision runs', async () => (await revisionOf(cloud)) === 'web:1')
    })
  }

  inServiceCloud('killed: post asks for the rollback', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', NO_BREAKER)
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('in progress'))
    action.signal('SIGKILL')
    const { post } = await action.result
    expect(post?.stdout).toContain('requested, ECS accepted it')
  })
})

describe('refused before anything is registered', () => {
  inServiceCloud(
    'services that do not exist, are inactive, or have another controller: all in one error',
    async cloud => {
      await cloud.create('api')
      await cloud.create('old')
      await cloud.create('blue', { deploymentController: { type: 'CODE_DEPLOY' }, deploymentConfiguration: undefined })
      await cloud.ecs.send(new DeleteServiceCommand({ cluster: 'apps', service: 'old', force: true }))
      const registered = cloud.calls('RegisterTaskDefinition').length
      const { exitCode, annotations } = await cloud.run({ services: 'api\nold\nblue\nnope', environment: 'A=1' })
      expect(exitCode).toBe(1)
      expect(annotations).toHaveLength(1)
      for (const why of ['nope: does not exist', 'old: is ', 'blue: is deployed by CodeDeploy'])
        expect(annotations[0]?.message).toContain(why)
      expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(registered)
      expect(cloud.calls('UpdateService')).toEqual([])
    },
  )
})

describe('operation: rollback', () => {
  inServiceCloud('goes to the last successful revision, not merely the one before', async cloud => {
    await cloud.push('2')
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    await cloud.run({ services: 'api', images: 'ecr:web:2' })
    await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    await cloud.run({ services: 'api', environment: 'LEVEL=debug' })
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await revisionOf(cloud)).toBe('web:2')
    expect(JSON.parse(outputs['services'] ?? '')[0].images[0].image).toBe('ecr:web:2')
  })

  inServiceCloud('with nothing earlier is a failure that says so', async cloud => {
    await cloud.create('api', BREAKER)
    const { exitCode, annotations } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain('api has no earlier deployment that succeeded')
  })
})
