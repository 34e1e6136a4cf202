import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { CreatePullThroughCacheRuleCommand, ECRClient } from '@aws-sdk/client-ecr'
import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs'
import { describe, expect, test } from '@jest/globals'
import { pushForeignImage } from '../../../test/support/foreign-image.ts'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { denying } from '../../../test/support/policy.ts'
import { commandsIn } from '../../../test/support/runner-commands.ts'
import { shownText } from '../../../test/support/shown-text.ts'
import { awslogs } from '../../../test/support/task-cloud.ts'

const FOLDER = new URL('..', import.meta.url).pathname

async function inWorkspace<Result>(
  files: Readonly<Record<string, string>>,
  body: (workspace: string) => Promise<Result>,
): Promise<Result> {
  const workspace = await mkdtemp(join(tmpdir(), 'workspace-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(workspace, name), text)
    return await body(workspace)
  } finally {
    await rm(workspace, { recursive: true })
  }
}

describe('wrong inputs', () => {
  test('are one error that lists all of them, before anything is touched', async () => {
    const definition = { family: 'app', containerDefinitions: [{ name: 'app', image: '${image}', portMapings: [] }] }
    const { exitCode, annotations, outputs } = await inWorkspace(
      { 'api.json': JSON.stringify(definition) },
      workspace =>
        runJavaScriptAction(FOLDER, {
          // No endpoint and no credentials: any call would show.
          environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
          workspace,
          inputs: {
            'aws-region': 'Frankfurt',
            services: 'api=api.json\nweb=no/such.yml\nnot a name\ntwice=a\ntwice=b',
            images: 'api/web=ecr:No Such\nnobody/web=ecr:web:1',
            environment: 'A=1\nA=2\n1bad=x',
            secrets: 'nonsense',
            'desired-count': '-1',
            'max-parallel': '0',
            rollback: 'some',
            operation: 'destroy',
            'rollback-to': 'not json',
            timeout: '30 minutes',
            wait: 'maybe',
            'task-definition-patch': '[1]',
          },
        }),
    )
    expect([exitCode, outputs]).toEqual([1, {}])
    expect(annotations).toHaveLength(1)
    const { message = '' } = annotations[0] ?? {}
    for (const problem of [
      'aws-region: "Frankfurt": allowed is a region such as eu-west-1',
      'services: "web=no/such.yml": there is no such file',
      'services: "not a name": allowed is the name of a service',
      'services: "twice=b": twice is listed with two task definitions',
      'api.json: containerDefinitions[0].image ${image} has no value',
      'api.json: containerDefinitions[0].portMapings is not known to AWS; the nearest known key is portMappings',
      'images: "api/web=ecr:No Such": allowed is CONTAINER=IMAGE',
      'images: "nobody/web=ecr:web:1": nobody is not among services',
      'environment: the key "A" is given twice',
      'environment: the key "1bad"',
      'secrets: the line "nonsense" has no "="',
      'desired-count: "-1"',
      'max-parallel: "0"',
      'rollback: "some": allowed is failed, all, none',
      'operation: "destroy": allowed is deploy, rollback',
      'rollback-to: "not json": allowed is the services output',
      'timeout: "30 minutes"',
      'wait: "maybe": allowed is true or false',
      'task-definition-patch: allowed is an object',
    ]) {
      expect(message).toContain(problem)
    }
  })

  inServiceCloud('that only AWS can tell: the containers of every service, all in one error', async cloud => {
    const image = `${cloud.aws.registryAddress}/web:1`
    await cloud.register('pair', { front: { image }, back: { image } })
    await cloud.create('pair', { taskDefinition: 'pair', desiredCount: 0 })
    await cloud.create('api')
    const { exitCode, annotations } = await cloud.run({
      services: 'api\npair',
      images: 'api/nginx=ecr:web:1',
      environment: 'LEVEL=debug',
    })
    expect(exitCode).toBe(1)
    expect(annotations).toHaveLength(1)
    expect(annotations[0]?.message).toContain('has no container "nginx"')
    expect(annotations[0]?.message).toContain('"LEVEL" names no container')
    expect(annotations[0]?.message).toContain('front, back')
    expect(cloud.calls('UpdateService')).toEqual([])
  })

  inServiceCloud('preflight: tag, platform, log group, parameter and secret, all in one error', async cloud => {
    // The task runs on X86_64 where nothing else is said.
    await pushForeignImage(cloud.aws, 'web', 'arm', 'arm64')
    for (const name of ['api', 'jobs']) await cloud.create(name)
    const registered = cloud.calls('RegisterTaskDefinition').length
    const secret = `arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:none-AbCdEf`
    const { exitCode, annotations, summary } = await cloud.run({
      services: 'api\njobs',
      images: 'api/web=ecr:web:nope\njobs/web=ecr:web:arm',
      secrets: `TOKEN=/no/such/parameter\nPASSWORD=${secret}`,
      'task-definition-patch':
        'containerDefinitions: { web: { logConfiguration: { options: { awslogs-group: /none } } } }',
    })
    expect(exitCode).toBe(1)
    expect(annotations).toHaveLength(1)
    for (const miss of [
      'Preflight found 5 things missing',
      /web:nope does not exist in ECR: push the tag/,
      /web:arm is for linux\/arm64, the task runs on linux\/amd64: build it for that platform, or set runtimePlatform/,
      'log group /none does not exist',
      '/no/such/parameter does not exist',
      'secret:none-AbCdEf does not exist',
    ]) {
      for (const text of [annotations[0]?.message ?? '', shownText(summary)])
        expect(text).toMatch(typeof miss === 'string' ? new RegExp(miss) : miss)
    }
    expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(registered)
    expect(cloud.calls('UpdateService')).toEqual([])
  })
})

describe('what preflight may not look at is one notice, and no error', () => {
  inServiceCloud('images and log groups that may not be read', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    cloud.aws.setPolicy(denying('ecr:BatchGetImage', 'logs:DescribeLogGroups'))
    const { exitCode, outputs, stdout } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    expect(uncheckedIn(stdout)).toEqual([expect.stringMatching(/image \S+web:2[\s\S]*log group \/ecs\/app/)])
  })

  inServiceCloud('an image that a pull-through cache may still fetch', async cloud => {
    await cloud.create('api')
    const ecr = new ECRClient({
      endpoint: cloud.aws.endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
    })
    const rule = { ecrRepositoryPrefix: 'quay', upstreamRegistryUrl: 'quay.io' }
    await ecr.send(new CreatePullThroughCacheRuleCommand(rule))
    ecr.destroy()
    const registry = `${cloud.aws.accountId}.dkr.ecr.eu-west-1.amazonaws.com`
    const result = await cloud.run({ services: 'api', images: `${registry}/quay/tools/job:1`, 'dry-run': 'true' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'planned'])
    expect(uncheckedIn(result.stdout)).toEqual([expect.stringContaining('the pull-through cache may still fetch it')])
    const other = await cloud.run({ services: 'api', images: `${registry}/tools/job:1`, 'dry-run': 'true' })
    expect([other.exitCode, other.annotations[0]?.message]).toEqual([1, expect.stringContaining('does not exist')])
  })
})

/** The notices about what preflight could not check. */
function uncheckedIn(stdout: string): string[] {
  return commandsIn(stdout).flatMap(({ name, properties, data }) =>
    name === 'notice' && properties['title'] === 'Preflight could not check everything' ? [data] : [],
  )
}

describe('what the inputs become', () => {
  inServiceCloud('a file with several containers: values, patch, variables and secrets per container', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    const logs = JSON.stringify(awslogs())
    const file = `
family: web
networkMode: awsvpc
requiresCompatibilities: [FARGATE]
cpu: "256"
memory: "512"
executionRoleArn: arn:aws:iam::\${account}:role/execution
containerDefinitions:
  - { name: web, image: "\${image}", environment: [{ name: EMPTY, value: "" }], logConfiguration: ${logs} }
  - { name: side, image: "\${image}", essential: false, logConfiguration: ${logs} }
`
    const { outputs, exitCode } = await inWorkspace({ 'web.yml': file }, workspace =>
      cloud.run(
        {
          services: 'api=web.yml',
          'template-values': `image=${cloud.aws.registryAddress}/web:1`,
          'task-definition-patch': 'cpu: "512"\nmemory: "1024"',
          images: 'side=ecr:web:2',
          environment: 'LEVEL=debug\nside/MODE=quiet',
          preflight: 'false',
        },
        workspace,
      ),
    )
    expect([exitCode, outputs['status']]).toEqual([0, 'deployed'])
    const { taskDefinition } = await cloud.ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: outputs['task-definition-arn'] }),
    )
    const [web, side] = taskDefinition?.containerDefinitions ?? []
    expect(taskDefinition).toMatchObject({ cpu: '512', memory: '1024' })
    expect(web?.environment).toEqual([
      { name: 'EMPTY', value: '' },
      { name: 'LEVEL', value: 'debug' },
    ])
    expect(side?.environment).toEqual([{ name: 'MODE', value: 'quiet' }])
    expect([web?.image, side?.image]).toEqual(['1', '2'].map(tag => `${cloud.aws.registryAddress}/web:${tag}`))
  })

  inServiceCloud('a revision that exists is used as it is', async cloud => {
    await cloud.push('2')
    await cloud.register('web', { web: { image: `${cloud.aws.registryAddress}/web:2` } })
    await cloud.create('api', { taskDefinition: 'web:1' })
    const registered = cloud.calls('RegisterTaskDefinition').length
    const { outputs } = await cloud.run({ services: 'api=web:2' })
    expect(outputs['status']).toBe('deployed')
    expect(outputs['task-definition-arn']).toMatch(/\/web:2$/)
    expect(cloud.calls('RegisterTaskDefinition')).toHaveLength(registered)
  })

  inServiceCloud('only another number of tasks: no deployment, and it waits until they run', async cloud => {
    await cloud.create('api')
    const { exitCode, outputs } = await cloud.run({ services: 'api', 'desired-count': '2' })
    expect(exitCode).toBe(0)
    expect((await cloud.service('api')).runningCount).toBe(2)
    expect(JSON.parse(outputs['services'] ?? '')[0].taskDefinition).toBe('web:1')
  })

  inServiceCloud('a rollback to what an earlier step names; its dry run changes nothing', async cloud => {
    await cloud.push('2')
    await cloud.create('api')
    const { outputs } = await cloud.run({ services: 'api', images: 'ecr:web:2' })
    const inputs = { services: 'api', operation: 'rollback', 'rollback-to': outputs['services'] ?? '' }
    const planned = await cloud.run({ ...inputs, 'dry-run': 'true' })
    expect(planned.outputs['status']).toBe('planned')
    expect(planned.stdout).toMatch(/image: .*web:2 → .*web:1/)
    expect(cloud.calls('UpdateService')).toHaveLength(1)
    const back = await cloud.run(inputs)
    expect([back.exitCode, back.outputs['status']]).toEqual([0, 'rolled-back'])
    expect((await cloud.service('api')).taskDefinition).toMatch(/web:1$/)
  })

  inServiceCloud('a rollback behind a tag that moved puts in the digest that ran', async cloud => {
    await cloud.create('api')
    const first = (await cloud.tasks())[0]?.containers?.[0]?.imageDigest
    await cloud.push('2')
    await cloud.retag('2', '1')
    await cloud.run({ services: 'api' })
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
    expect(JSON.parse(outputs['services'] ?? '')[0].images[0].digest).toBe(first)
  })
})
