import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { shownText } from '../../../test/support/shown-text.ts'
import { gone, requireInTime, startLine } from '../../../test/support/step-end.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }

function described(cloud: ServiceCloud, taskDefinition: string | undefined) {
  return cloud.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }))
}

async function inWorkspace(files: Readonly<Record<string, string>>, body: (workspace: string) => Promise<void>) {
  const workspace = await mkdtemp(join(tmpdir(), 'workspace-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(workspace, name), text)
    await body(workspace)
  } finally {
    await rm(workspace, { recursive: true })
  }
}

describe('task definitions', () => {
  inServiceCloud('NAME=TASK-DEFINITION: a file, a family, family:revision and an ARN, side by side', async cloud => {
    const image = `${cloud.aws.registryAddress}/web:1`
    const container = { web: { image, portMappings: [{ containerPort: 8080 }] } }
    await cloud.register('other', container)
    await cloud.register('other', { web: { ...container.web, environment: [{ name: 'A', value: '2' }] } })
    const arn = await cloud.register('third', container)
    for (const name of ['by-file', 'by-family', 'by-revision', 'by-arn']) await cloud.create(name)
    const whole = await described(cloud, 'web')
    // As `aws ecs describe-task-definition` prints it, with all that only Describe returns.
    const printed = { ...whole, taskDefinition: { ...whole.taskDefinition, family: 'copied' }, $metadata: undefined }
    await inWorkspace({ 'web.json': JSON.stringify(printed) }, async workspace => {
      const { exitCode, outputs, annotations } = await cloud.run(
        { services: `by-file=web.json\nby-family=other\nby-revision=other:1\nby-arn=${arn}` },
        workspace,
      )
      expect(annotations).toEqual([])
      expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
      const services: { taskDefinition: string }[] = JSON.parse(outputs['services'] ?? '')
      expect(services.map(({ taskDefinition }) => taskDefinition)).toEqual([
        'copied:1',
        'other:2',
        'other:1',
        'third:1',
      ])
      expect(outputs['services'] ?? '').not.toMatch(new RegExp(`${cloud.aws.accountId}|127\\.0\\.0\\.1`))
    })
  })

  inServiceCloud('tags and empty values are kept; services that differ in tags only share no revision', async cloud => {
    await cloud.push('2')
    const { taskDefinition: first } = await described(cloud, 'web')
    for (const team of ['red', 'blue']) {
      await cloud.ecs.send(
        new RegisterTaskDefinitionCommand({
          family: 'web',
          networkMode: first?.networkMode,
          requiresCompatibilities: first?.requiresCompatibilities,
          cpu: first?.cpu,
          memory: first?.memory,
          executionRoleArn: first?.executionRoleArn,
          containerDefinitions: first?.containerDefinitions?.map(container => ({
            ...container,
            environment: [{ name: 'EMPTY', value: '' }],
          })),
          tags: [{ key: 'team', value: team }],
        }),
      )
    }
    for (const [index, name] of ['red', 'blue', 'blue-too'].entries())
      await cloud.create(name, { taskDefinition: `web:${index === 0 ? 2 : 3}` })
    const { outputs } = await cloud.run({
      services: 'red\nblue\nblue-too',
      images: 'ecr:web:2',
      environment: 'NOTHING=\nSPACE= a ',
    })
    expect(outputs['status']).toBe('deployed')
    const services: { taskDefinition: string }[] = JSON.parse(outputs['services'] ?? '')
    const [red, blue, blueToo] = await Promise.all(services.map(service => described(cloud, service.taskDefinition)))
    expect(red?.tags).toEqual([{ key: 'team', value: 'red' }])
    expect(blue?.tags).toEqual([{ key: 'team', value: 'blue' }])
    expect(blueToo?.taskDefinition?.revision).toBe(blue?.taskDefinition?.revision)
    expect(red?.taskDefinition?.containerDefinitions?.[0]?.environment).toEqual([
      { name: 'EMPTY', value: '' },
      { name: 'NOTHING', value: '' },
      { name: 'SPACE', value: ' a ' },
    ])
  })

  inServiceCloud('a file and a running revision that mean the same share one revision', async cloud => {
    await cloud.push('2')
    for (const name of ['api', 'web']) await cloud.create(name)
    const { taskDefinition } = await described(cloud, 'web')
    const reversed = Object.fromEntries(Object.entries(taskDefinition ?? {}).toReversed())
    await inWorkspace({ 'web.json': JSON.stringify(reversed) }, async workspace => {
      const { outputs } = await cloud.run({ services: 'api=web.json\nweb', images: 'ecr:web:2' }, workspace)
      expect(outputs['status']).toBe('deployed')
      const services: { taskDefinition: string }[] = JSON.parse(outputs['services'] ?? '')
      expect(services.map(service => service.taskDefinition)).toEqual(['web:2', 'web:2'])
    })
  })

  inServiceCloud('one that was deregistered while it runs: forced, and gone back to', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', {
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    })
    await cloud.ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'web:1' }))
    const forced = await cloud.run({ services: 'api', 'force-new-deployment': 'true' })
    expect(forced.outputs['status']).toBe('deployed')
    const failed = await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    expect(failed.outputs['status']).toBe('rolled-back')
    const { taskDefinition } = await described(cloud, (await cloud.service('api')).taskDefinition)
    expect(taskDefinition?.containerDefinitions?.[0]?.image).toMatch(/web:1$/)
  })

  inServiceCloud('no line of a difference is taken for a command', async cloud => {
    await cloud.create('api')
    const { stdout, outputs } = await cloud.run({
      services: 'api',
      'task-definition-patch': JSON.stringify({
        containerDefinitions: { web: { command: ['node', 'server.js\n::error::gotcha\n##[error]gotcha'] } },
      }),
      environment: 'LEVEL=debug',
      'show-values': 'true',
      'dry-run': 'true',
    })
    expect(outputs['status']).toBe('planned')
    expect(stdout).toContain('environment.LEVEL: (none) → debug')
    expect(stdout).toContain('gotcha')
    expect(stdout).not.toMatch(/^\s*::error::|##\[error\]/m)
  })
})

describe('inputs', () => {
  inServiceCloud('an image given twice is an error; what names more wins, whatever comes first', async cloud => {
    for (const tag of ['2', '3']) await cloud.push(tag)
    for (const name of ['api', 'web']) await cloud.create(name)
    const services = 'api\nweb'
    const twice = await cloud.run({ services, images: 'web=ecr:web:2\nweb=ecr:web:3\necr:web:2\necr:web:2' })
    expect([twice.exitCode, twice.annotations.length]).toEqual([1, 1])
    expect(twice.annotations[0]?.message).toContain('images: "web=ecr:web:3": web= is given twice; allowed is once')
    expect(twice.annotations[0]?.message).toContain('images: "ecr:web:2": a bare IMAGE is given twice; allowed is once')
    const { outputs } = await cloud.run({
      services,
      images: 'api/web=ecr:web:3\necr:web:2',
      environment: 'web/LEVEL=mine\nLEVEL=all',
    })
    expect(outputs['status']).toBe('deployed')
    const told: { images: { image: string }[] }[] = JSON.parse(outputs['services'] ?? '')
    expect(told.map(({ images }) => images[0]?.image)).toEqual(['ecr:web:3', 'ecr:web:2'])
    const { taskDefinition } = await described(cloud, outputs['task-definition-arn'])
    expect(taskDefinition?.containerDefinitions?.[0]?.environment).toEqual([{ name: 'LEVEL', value: 'mine' }])
  })

  inServiceCloud('`task-definition` is the base of the services that name none', async cloud => {
    const image = `${cloud.aws.registryAddress}/web:1`
    await cloud.register('general', { web: { image, environment: [{ name: 'FROM', value: 'general' }] } })
    await cloud.register('own', { web: { image } })
    for (const name of ['api', 'web']) await cloud.create(name)
    const { outputs } = await cloud.run({ services: 'api\nweb=own', 'task-definition': 'general' })
    expect(outputs['status']).toBe('deployed')
    const told: { taskDefinition: string }[] = JSON.parse(outputs['services'] ?? '')
    expect(told.map(({ taskDefinition }) => taskDefinition)).toEqual(['general:1', 'own:1'])
    expect((await cloud.service('api')).taskDefinition).toMatch(/general:1$/)
  })

  inServiceCloud(
    '`force-new-deployment` replaces the tasks of a revision that stays; `summary: false`',
    async cloud => {
      await cloud.create('api')
      const before = (await cloud.service('api')).deployments?.[0]?.id
      const { outputs, summary, reports } = await cloud.run({
        services: 'api',
        'force-new-deployment': 'true',
        summary: 'false',
      })
      expect(outputs['status']).toBe('deployed')
      const { deployments = [], taskDefinition } = await cloud.service('api')
      expect(taskDefinition).toMatch(/web:1$/)
      expect(outputs['deployment-id']).toBe(deployments.find(({ status }) => status === 'PRIMARY')?.id)
      expect(outputs['deployment-id']).not.toBe(before)
      expect(summary).toBe('')
      expect(reports).toHaveLength(1)
    },
  )

  inServiceCloud('`secrets` are added to, or replaced in, the revision', async cloud => {
    const arn = (name: string) => `arn:aws:ssm:eu-west-1:${cloud.aws.accountId}:parameter/${name}`
    const image = `${cloud.aws.registryAddress}/web:1`
    const secrets = ['KEPT', 'REPLACED'].map(name => ({ name, valueFrom: arn(`old/${name}`) }))
    await cloud.register('web', { web: { image, secrets }, side: { image, essential: false } })
    await cloud.create('api', { taskDefinition: 'web:2', desiredCount: 0 })
    const { outputs } = await cloud.run({
      services: 'api',
      secrets: `REPLACED=${arn('new')}\nside/ADDED=/plain/name`,
      preflight: 'false',
    })
    expect(outputs['status']).toBe('deployed')
    const { taskDefinition } = await described(cloud, outputs['task-definition-arn'])
    expect(taskDefinition?.containerDefinitions?.map(container => container.secrets)).toEqual([
      [
        { name: 'KEPT', valueFrom: arn('old/KEPT') },
        { name: 'REPLACED', valueFrom: arn('new') },
      ],
      [{ name: 'ADDED', valueFrom: '/plain/name' }],
    ])
  })

  inServiceCloud('the deployment that is told is that of the new version, not that of its way back', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', {
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    })
    const { outputs, stdout } = await cloud.run({ services: 'api', images: 'ecr:web:bad' })
    expect(outputs['status']).toBe('rolled-back')
    const begun = /api: web:1 → web:2, deployment (\S+)/.exec(stdout)?.[1]
    expect(outputs['deployment-id']).toBe(begun)
    expect(JSON.parse(outputs['services'] ?? '')[0].deploymentId).toBe(begun)
  })
})

describe('many services', () => {
  inServiceCloud('never more at a time than max-parallel', async cloud => {
    await cloud.push('2')
    const names = ['s1', 's2', 's3']
    for (const name of names) await cloud.create(name, { desiredCount: 0 })
    const running = new Set<string>()
    let most = 0
    const action = await cloud.start({ services: names.join('\n'), images: 'ecr:web:2', 'max-parallel': '1' })
    const { stdout, outputs } = await action.result
    expect(outputs['status']).toBe('deployed')
    for (const line of stdout.split('\n')) {
      const [, begun] = /^(s\d): web:1 → /.exec(line) ?? []
      const [, over] = /^(s\d) \| deployed/.exec(line) ?? []
      if (begun !== undefined) running.add(begun)
      if (over !== undefined) running.delete(over)
      most = Math.max(most, running.size)
    }
    expect(most).toBe(1)
  })

  inServiceCloud('superseded wins over rolled-back; both are told', async cloud => {
    await cloud.push('bad', 'exits')
    const other = await cloud.register('other', { web: { image: `${cloud.aws.registryAddress}/web:1` } })
    await cloud.create('api', NO_BREAKER)
    await cloud.create('web')
    const action = await cloud.start({ services: 'api\nweb', images: 'ecr:web:bad' })
    await until('ours goes on', () => action.output().includes('api | in progress'))
    await cloud.ecs.send(new UpdateServiceCommand({ cluster: 'apps', service: 'api', taskDefinition: other }))
    const { outputs, exitCode, annotations } = await action.result
    expect([exitCode, outputs['status']]).toEqual([1, 'superseded'])
    const services: { status: string }[] = JSON.parse(outputs['services'] ?? '')
    expect(services.map(({ status }) => status)).toEqual(['superseded', 'rolled-back'])
    expect(annotations.map(({ message }) => message).join('\n')).toContain('api: superseded')
  })

  inServiceCloud(
    '200: the report stays within 8 KiB, the outputs name each',
    async cloud => {
      const names = Array.from({ length: 200 }, (_, index) => `a-service-with-a-rather-long-name-${index}`)
      await Promise.all(names.map(name => cloud.createUnwatched(name, { desiredCount: 0 })))
      const { outputs, reports } = await cloud.run({
        services: names.join('\n'),
        environment: 'LEVEL=debug',
        'max-parallel': '200',
      })
      expect(outputs['status']).toBe('deployed')
      expect(Buffer.byteLength(outputs['report'] ?? '')).toBeLessThanOrEqual(8192)
      expect(JSON.parse(outputs['services'] ?? '')).toHaveLength(200)
      expect(JSON.stringify(reports[0])).toContain(names[199])
      expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(2)
    },
    { speed: 20 },
  )
})

describe('a deadline is a deadline', () => {
  for (const [name, signal] of [
    ['when nothing answers any more', undefined],
    ['a cancel when nothing answers any more', 'SIGINT'],
  ] as const) {
    inServiceCloud(name, async cloud => {
      await cloud.push('bad', 'exits')
      await cloud.create('api', NO_BREAKER)
      const action = await cloud.start({ services: 'api', images: 'ecr:web:bad', timeout: '6s' })
      const began = await startLine(action)
      await until('ours goes on', () => action.output().includes('in progress'))
      cloud.aws.addFault({ kind: 'delay', delayMs: 60_000 })
      const asked = performance.now()
      if (signal !== undefined) action.signal(signal)
      if (signal === undefined) await requireInTime(action, began, 6000)
      else expect((await gone(action)) - asked).toBeLessThan(7500)
      cloud.aws.clearFaults()
      const { outputs, exitCode, stdout, summary } = await action.result
      expect(outputs['status']).toBe(signal === undefined ? 'timed-out' : 'cancelled')
      expect(exitCode).toBe(signal === undefined ? 1 : 130)
      expect(stdout).toContain('api goes on')
      expect(shownText(summary)).toContain('api')
      expect(JSON.parse(outputs['services'] ?? '')[0].images).toHaveLength(1)
    })
  }
})

describe('a success that only met transient faults', () => {
  inServiceCloud('stays green when the registry breaks a connection or answers nonsense', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    for (const kind of ['reset', 'malformed', 'error'] as const) {
      cloud.aws.addFault({ service: 'ecr', kind, times: 1 })
      cloud.aws.addFault({ service: 'registry', operation: 'GET blob', kind, times: 1 })
    }
    const { exitCode, outputs, annotations } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    expect(annotations).toEqual([])
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
  })
})

describe('refused', () => {
  inServiceCloud('a cluster that does not exist: named, with what to do', async cloud => {
    const { exitCode, annotations, summary } = await cloud.run({ services: 'api', cluster: 'nowhere' })
    expect(exitCode).toBe(1)
    for (const text of [annotations[0]?.message ?? '', shownText(summary)]) {
      expect(text).toContain('The cluster nowhere does not exist')
      expect(text).toContain('ClusterNotFoundException')
      expect(text).toContain('Correct cluster, aws-region or the role')
    }
  })
})
