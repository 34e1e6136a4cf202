import { CreateServiceCommand, DeleteServiceCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { denying } from '../../../test/support/policy.ts'
import { BREAKER, type ServiceCloud } from '../../../test/support/service-cloud.ts'
import { deploymentStatuses, isSettled, runningDigests } from '../../../test/support/serving.ts'
import { shownText } from '../../../test/support/shown-text.ts'
import { requireInTime, startLine } from '../../../test/support/step-end.ts'
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

  inServiceCloud('unchanged, as far as may be seen: that digests cannot be read is said', async cloud => {
    await cloud.create('api')
    cloud.aws.setPolicy(denying('ecs:DescribeServiceRevisions'))
    const { outputs, annotations, stdout } = await cloud.run({ services: 'api' })
    expect(outputs['status']).toBe('unchanged')
    expect(annotations.filter(({ level }) => level === 'error')).toEqual([])
    expect(stdout).toMatch(/::notice[^\n]*Running digests are not known[^\n]*ecs:DescribeServiceRevisions/)
  })

  inServiceCloud('behind a tag that moved is deployed with the same revision', async cloud => {
    for (const name of ['api', 'other']) await cloud.create(name)
    const before = await revisionOf(cloud)
    await cloud.push('2')
    const [old] = await runningDigests(cloud, 'api')
    // What the digest of the new image is, another service tells.
    expect((await cloud.run({ services: 'other', images: 'ecr:web:2' })).outputs['status']).toBe('deployed')
    const [pushed] = await runningDigests(cloud, 'other')
    expect(pushed).not.toBe(old)
    await cloud.retag('2', '1')
    const { exitCode, outputs, stdout } = await cloud.run({ services: 'api' })
    expect(stdout).toContain('the tag of web means another image now')
    expect(outputs['status']).toBe('deployed')
    expect(exitCode).toBe(0)
    expect(await revisionOf(cloud)).toBe(before)
    expect(await runningDigests(cloud, 'api')).toEqual([pushed])
    expect(JSON.parse(outputs['services'] ?? '')[0].images[0].digest).toBe(pushed)
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

  for (const [what, takeAway, notice] of [
    [
      'denied',
      (cloud: ServiceCloud) =>
        cloud.aws.setPolicy(denying('ecs:ListServiceDeployments', 'ecs:DescribeServiceDeployments')),
      /Without ecs:(?:List|Describe)ServiceDeployments/,
    ],
    [
      'absent',
      (cloud: ServiceCloud) => {
        for (const operation of ['ListServiceDeployments', 'DescribeServiceDeployments']) {
          const fault = { code: 'UnknownOperationException', message: 'No such operation.', status: 400 }
          cloud.aws.addFault({ service: 'ecs', operation, kind: 'error', ...fault })
        }
      },
      /Without that API/,
    ],
  ] as const) {
    inServiceCloud(
      `with the service-deployment API ${what}: the same from deployments[]`,
      async cloud => {
        await cloud.push('bad', 'exits')
        await cloud.create('api')
        takeAway(cloud)
        const action = await cloud.start({ services: 'api', images: 'ecr:web:bad' })
        await until('the first sign', () => action.output().includes('::error'))
        expect(action.output()).not.toContain('rolled back:')
        const { exitCode, outputs, annotations, summary, stdout } = await action.result
        expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
        expect(stdout).toMatch(/::notice[^\n]*Service deployments cannot be read/)
        expect(stdout).toMatch(notice)
        expect(stdout).toMatch(/^api \| rolling back: [\s\S]*^api \| rolled back: /m)
        const errors = annotations.filter(({ level }) => level === 'error')
        expect(errors).toHaveLength(1)
        for (const seen of ['circuit breaker', 'exit code 3', 'web | boom: no configuration', 'event: ']) {
          expect(errors[0]?.message).toContain(seen)
          expect(shownText(summary)).toContain(seen)
        }
        expect(await revisionOf(cloud)).toBe('web:1')
      },
      { speed: 10 },
    )
  }

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
    const [digest] = await runningDigests(cloud, 'api')
    const action = await cloud.start({ services: 'api', images: 'ecr:web:bad', timeout: '12s' })
    const began = await startLine(action)
    await requireInTime(action, began, 12_000)
    const { exitCode, outputs, stdout, annotations } = await action.result
    expect(annotations).toHaveLength(1)
    for (const seen of [
      'did not end within 12s',
      'A rollback was requested and accepted',
      'web | boom: no configuration',
    ])
      expect(annotations[0]?.message).toContain(seen)
    expect([exitCode, outputs['status']]).toEqual([1, 'timed-out'])
    expect(stdout).toContain('rollback requested, ECS accepted it')
    await until('all is settled', () => isSettled(cloud, 'api'))
    expect(await revisionOf(cloud)).toBe('web:1')
    expect(await runningDigests(cloud, 'api')).toEqual([digest])
    expect(await deploymentStatuses(cloud, 'api')).toEqual(['ROLLBACK_SUCCESSFUL', 'SUCCESSFUL'])
  })

  for (const [rollback, status, each, revisions] of [
    ['failed', 'rolled-back', ['rolled-back', 'deployed', 'deployed'], ['web:1', 'web:3', 'web:3']],
    ['all', 'rolled-back', ['rolled-back', 'rolled-back', 'rolled-back'], ['web:1', 'web:1', 'web:1']],
    ['none', 'failed', ['failed', 'deployed', 'deployed'], ['web:2', 'web:3', 'web:3']],
  ] as const) {
    inServiceCloud(`one of three, with \`rollback: ${rollback}\``, async cloud => {
      await cloud.push('2')
      await cloud.push('bad', 'exits')
      const names = ['api', 'web', 'jobs']
      // What goes back does so because of us: ECS does not.
      for (const name of names) await cloud.create(name, NO_ROLLBACK)
      const { exitCode, outputs, summary } = await cloud.run({
        services: names.join('\n'),
        images: 'api/web=ecr:web:bad\nweb/web=ecr:web:2\njobs/web=ecr:web:2',
        rollback,
      })
      expect([exitCode, outputs['status']]).toEqual([1, status])
      expect(summary).toContain('| Took | Reason |')
      const told: { status: string }[] = JSON.parse(outputs['services'] ?? '')
      expect(told.map(service => service.status)).toEqual(each)
      expect(await Promise.all(names.map(name => revisionOf(cloud, name)))).toEqual(revisions)
    })
  }
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
      await cloud.ecs.send(
        new CreateServiceCommand({
          cluster: 'apps',
          serviceName: 'green',
          desiredCount: 1,
          deploymentController: { type: 'EXTERNAL' },
        }),
      )
      await cloud.ecs.send(new DeleteServiceCommand({ cluster: 'apps', service: 'old', force: true }))
      const registered = cloud.calls('RegisterTaskDefinition').length
      const { exitCode, annotations } = await cloud.run({ services: 'api\nold\nblue\ngreen\nnope', environment: 'A=1' })
      expect(exitCode).toBe(1)
      expect(annotations).toHaveLength(1)
      for (const why of [
        'nope: does not exist',
        'old: is ',
        'blue: is deployed by CodeDeploy',
        'green: is deployed by an external controller (EXTERNAL, task sets)',
      ])
        expect(annotations[0]?.message).toContain(why)
      expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(registered)
      expect(cloud.calls('UpdateService')).toEqual([])
    },
  )
})

describe('operation: rollback', () => {
  inServiceCloud('goes to the last successful revision, not merely the one before', async cloud => {
    for (const tag of ['2', '4']) await cloud.push(tag)
    await cloud.push('bad', 'exits')
    await cloud.create('api')
    await cloud.run({ services: 'api', images: 'ecr:web:2' })
    const [second] = await runningDigests(cloud, 'api')
    await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    await cloud.run({ services: 'api', images: 'ecr:web:4' })
    expect(await runningDigests(cloud, 'api')).not.toEqual([second])
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await revisionOf(cloud)).toBe('web:2')
    expect(await runningDigests(cloud, 'api')).toEqual([second])
    expect(JSON.parse(outputs['services'] ?? '')[0].images).toEqual([
      { container: 'web', image: 'ecr:web:2', digest: second },
    ])
  })

  inServiceCloud('with nothing earlier is a failure that says so', async cloud => {
    await cloud.create('api', BREAKER)
    const { exitCode, annotations } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain('api has no earlier deployment that succeeded')
  })
})
