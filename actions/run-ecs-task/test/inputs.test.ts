import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { CreateServiceCommand } from '@aws-sdk/client-ecs'
import { describe, expect, test } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { LOG_GROUP } from '../../../test/support/task-cloud.ts'

const FOLDER = new URL('..', import.meta.url).pathname

describe('wrong inputs', () => {
  test('are one error that lists all of them, before anything is touched', async () => {
    const { exitCode, annotations, outputs, reports } = await runJavaScriptAction(FOLDER, {
      // No endpoint and no credentials: any call would show.
      environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
      inputs: {
        'aws-region': 'Frankfurt',
        'task-definition': 'no/such/file.yml',
        environment: 'A=1\nA=2\nnonsense',
        command: 'say "hello',
        entrypoint: 'not json',
        timeout: '10 minutes',
        logs: 'loud',
        preflight: 'yes',
        'launch-type': 'FARGATE',
        'capacity-provider-strategy': 'FARGATE_SPOT=lots',
        subnets: 'subnet-1\nvpc-2',
        image: 'ecr:NoSuch Name',
        'ephemeral-storage': '10',
        'task-definition-patch': '[1]',
      },
    })
    expect(exitCode).toBe(1)
    expect(outputs).toEqual({})
    expect(annotations).toHaveLength(1)
    // Nobody masks secrets in a file: it names the inputs, and quotes none.
    expect(reports).toMatchObject([
      { status: 'failed', failures: [{ next: [expect.stringContaining('Mend aws-region, ')] }] },
    ])
    expect(JSON.stringify(reports)).not.toMatch(/hello|Frankfurt|nonsense/)
    const { message = '' } = annotations[0] ?? {}
    for (const problem of [
      'aws-region: "Frankfurt": allowed is a region such as eu-west-1',
      'task-definition: "no/such/file.yml": there is no such file',
      'environment: the key "A" is given twice',
      'environment: a line after "A" has no "="',
      'command: "say "hello": a " is not closed',
      'entrypoint: "not json": allowed is a JSON array',
      'timeout: "10 minutes": allowed is a duration such as 500ms, 45s, 10m or 1h30m',
      'logs: "loud": allowed is follow, after, none',
      'preflight: "yes": allowed is true or false',
      'capacity-provider-strategy: "FARGATE_SPOT=lots": allowed is PROVIDER=WEIGHT (0 to 1000)',
      'capacity-provider-strategy: excludes launch-type',
      'subnets: "vpc-2": allowed is a subnet id',
      'image: "ecr:NoSuch Name": allowed is ecr:NAME:TAG',
      'ephemeral-storage: "10": allowed is a whole number from 20 to 200',
      'task-definition-patch: allowed is an object',
    ]) {
      expect(message).toContain(problem)
    }
  })

  test('a runner that is neither Linux nor x64 or arm64 is refused before anything else', async () => {
    const pretended = 'Object.defineProperty(process,"platform",{value:"darwin"})'
    const { exitCode, annotations } = await runJavaScriptAction(FOLDER, {
      environment: {
        AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(pretended)}`,
      },
      inputs: {},
    })
    expect(exitCode).toBe(1)
    expect(annotations.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^This action runs on Linux \(x64 or arm64\), not on darwin/),
    ])
  })

  test('a task-definition file: unknown keys, unresolved values and wrong types with their path', async () => {
    const workspace = await mkdtemp(join(tmpdir(), 'workspace-'))
    const definition = {
      family: 'app',
      enviroment: [],
      containerDefinitions: [
        {
          name: 'app',
          image: '${image}',
          memory: 'lots',
          portMapings: [{ containerPort: 80 }],
          environment: [{ name: 'A', value: 1 }],
        },
      ],
    }
    await writeFile(join(workspace, 'task.json'), JSON.stringify(definition))
    const { annotations } = await runJavaScriptAction(FOLDER, {
      environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_REGION: 'eu-west-1' },
      workspace,
      inputs: { 'task-definition': 'task.json' },
    })
    await rm(workspace, { recursive: true })
    const { message = '' } = annotations[0] ?? {}
    for (const problem of [
      'containerDefinitions[0].image ${image} has no value',
      'enviroment is not known to AWS; the nearest known key is',
      'containerDefinitions[0].portMapings is not known to AWS; the nearest known key is portMappings',
      'containerDefinitions[0].memory is "lots"; allowed is a number',
      'containerDefinitions[0].environment[0].value is 1; allowed is text',
    ]) {
      expect(message).toContain(problem)
    }
  })
})

describe('what the inputs become', () => {
  inCloud('a file with values and a patch: one revision, registered only when it differs', async cloud => {
    const workspace = await mkdtemp(join(tmpdir(), 'workspace-'))
    const file = `
family: from-file
requiresCompatibilities: [FARGATE]
networkMode: awsvpc
cpu: 256
memory: "512"
executionRoleArn: arn:aws:iam::\${account}:role/execution
tags: [{ key: team, value: shop }]
containerDefinitions:
  - name: app
    image: \${image}
    entryPoint: [sh, -c]
    command: ['test "$GREETING" = "a=b  c" && test -z "$EMPTY" && test "$LITERAL" = "$\${HOME}"']
    environment:
      - { name: EMPTY, value: "" }
      - { name: LITERAL, value: "$\${HOME}" }
    logConfiguration:
      logDriver: awslogs
      options: { awslogs-group: ${LOG_GROUP}, awslogs-region: "\${region}", awslogs-stream-prefix: app }
`.replace('$\\${HOME}', '')
    await writeFile(join(workspace, 'task.yml'), file)
    const inputs = {
      'task-definition': 'task.yml',
      'template-values': `image=${cloud.image}`,
      'task-definition-patch': 'memory: "1024"\ncontainerDefinitions: { app: { stopTimeout: 5 } }',
      command: `["test \\"$GREETING\\" = \\"a=b  c\\" && test -z \\"$EMPTY\\" && test \\"$LITERAL\\" = '\${HOME}'"]`,
      environment: 'GREETING=a=b  c',
    }
    const first = await cloud.runIn(workspace, inputs)
    const second = await cloud.runIn(workspace, inputs)
    await rm(workspace, { recursive: true })
    expect([first.exitCode, second.exitCode]).toEqual([0, 0])
    expect(first.outputs['task-definition-arn']).toMatch(/from-file:1$/)
    expect(second.outputs['task-definition-arn']).toMatch(/from-file:1$/)
    expect(second.stdout).toContain('Using from-file:1 as it is.')
    const [registered] = cloud.calls('RegisterTaskDefinition')
    expect(registered?.input).toMatchObject({
      cpu: '256',
      memory: '1024',
      executionRoleArn: `arn:aws:iam::${cloud.aws.accountId}:role/execution`,
      tags: [{ key: 'team', value: 'shop' }],
      containerDefinitions: [{ stopTimeout: 5 }],
    })
  })

  inCloud('image, entrypoint and secrets make a new revision that keeps the tags', async cloud => {
    await cloud.register('app', { app: 'exit 1' }, { tags: [{ key: 'team', value: 'shop' }] })
    const { exitCode, outputs, stdout } = await cloud.run({
      'task-definition': 'app',
      entrypoint: '["sh", "-c"]',
      image: 'ecr:app:1',
      command: '\'test "$0" = x || exit 0\'',
    })
    expect(exitCode).toBe(0)
    // The image is the one it has, by another name: no difference, no revision.
    expect(outputs['task-definition-arn']).toMatch(/app:1$/)
    expect(stdout).toContain('Using app:1 as it is.')
    const changed = await cloud.run({ 'task-definition': 'app', entrypoint: '["true"]' })
    expect(changed.outputs['task-definition-arn']).toMatch(/app:2$/)
    expect(changed.stdout).toContain('containerDefinitions.app.entryPoint[0]: sh → true')
    expect(cloud.calls('RegisterTaskDefinition').at(-1)?.input).toMatchObject({
      tags: [{ key: 'team', value: 'shop' }],
    })
  })

  inCloud('overrides, tags and capacity reach RunTask as AWS takes them', async cloud => {
    await cloud.register('app', { app: {} })
    const { exitCode, stdout } = await cloud.run({
      'task-definition': 'app',
      command: `printf '%s|' "a b" \\$HOME ''`,
      environment: '# a comment\nA=1\n\n  B=two words \nEMPTY=',
      'security-groups': 'sg-1\nsg-2',
      'assign-public-ip': 'true',
      'capacity-provider-strategy': 'FARGATE_SPOT=3\nFARGATE=1:1',
      'platform-version': '1.4.0',
      cpu: '512',
      memory: '1024',
      'ephemeral-storage': '30',
      'task-tags': 'run=1',
      'propagate-tags': 'task-definition',
    })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('app | a b|$HOME||\n')
    const [task] = await cloud.tasks()
    expect(task?.overrides?.containerOverrides?.[0]?.environment).toEqual([
      { name: 'A', value: '1' },
      { name: 'B', value: 'two words ' },
      { name: 'EMPTY', value: '' },
    ])
    const { input } = cloud.calls('RunTask')[0] ?? {}
    expect(input).toMatchObject({
      cluster: 'apps',
      count: 1,
      capacityProviderStrategy: [
        { capacityProvider: 'FARGATE_SPOT', weight: 3, base: 0 },
        { capacityProvider: 'FARGATE', weight: 1, base: 1 },
      ],
      platformVersion: '1.4.0',
      propagateTags: 'TASK_DEFINITION',
      tags: [{ key: 'run', value: '1' }],
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: ['subnet-0a1b2c'],
          securityGroups: ['sg-1', 'sg-2'],
          assignPublicIp: 'ENABLED',
        },
      },
      overrides: {
        cpu: '512',
        memory: '1024',
        ephemeralStorage: { sizeInGiB: 30 },
        containerOverrides: [
          {
            name: 'app',
            command: ['printf', '%s|', 'a b', '$HOME', ''],
          },
        ],
      },
    })
    expect(input).not.toHaveProperty('launchType')
  })

  inCloud('the network of a service; what is given wins', async cloud => {
    await cloud.register('app', { app: 'exit 0' })
    await cloud.ecs.send(
      new CreateServiceCommand({
        cluster: 'apps',
        serviceName: 'web',
        taskDefinition: 'app',
        desiredCount: 0,
        capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
        networkConfiguration: {
          awsvpcConfiguration: { subnets: ['subnet-0web'], securityGroups: ['sg-0web'], assignPublicIp: 'DISABLED' },
        },
      }),
    )
    const copied = await cloud.run({ 'task-definition': 'app', 'network-from-service': 'web', subnets: '' })
    const own = await cloud.run({
      'task-definition': 'app',
      'network-from-service': 'web',
      subnets: 'subnet-0own',
      'launch-type': 'FARGATE',
    })
    const missing = await cloud.run({ 'task-definition': 'app', 'network-from-service': 'gone' })
    const none = await cloud.run({ 'task-definition': 'app', subnets: '' })
    expect([copied, own, missing, none].map(({ exitCode }) => exitCode)).toEqual([0, 0, 1, 1])
    const [first, second] = cloud.calls('RunTask').map(({ input }) => input)
    expect(first).toMatchObject({
      capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
      networkConfiguration: {
        awsvpcConfiguration: { subnets: ['subnet-0web'], securityGroups: ['sg-0web'], assignPublicIp: 'DISABLED' },
      },
    })
    expect(second).toMatchObject({
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0own'], securityGroups: ['sg-0web'] } },
    })
    expect(missing.annotations[0]?.message).toContain('The service gone does not exist')
    expect(none.annotations[0]?.message).toContain('no subnets are given')
    expect(cloud.calls('RunTask')).toHaveLength(2)
  })

  inCloud('a container or task definition that does not exist', async cloud => {
    await cloud.register('app', { app: 'exit 0', side: 'exit 0' })
    const container = await cloud.run({ 'task-definition': 'app', container: 'web' })
    const family = await cloud.run({ 'task-definition': 'nope' })
    expect(container.annotations[0]?.message).toContain('Set container to one of: app, side.')
    expect(family.annotations[0]?.message).toContain('The task definition nope does not exist in eu-west-1.')
    expect([container, family].map(({ outputs }) => outputs['status'])).toEqual(['not-started', 'not-started'])
  })

  inCloud('summary: false writes none; the report is there all the same', async cloud => {
    await cloud.register('app', { app: 'exit 0' })
    const { summary, outputs } = await cloud.run({ 'task-definition': 'app', summary: 'false' })
    expect(summary).toBe('')
    expect(outputs['report']).toContain('"status":"succeeded"')
  })
})
