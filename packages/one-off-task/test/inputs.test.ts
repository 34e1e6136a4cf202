import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InputError, InputReader } from '@aws-deploy-actions/action-runtime'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { logConsoleUrl, taskConsoleUrl } from '../src/console.ts'
import { readTaskInputs, type TaskInputs } from '../src/index.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'task-inputs-'))
  await writeFile(
    join(folder, 'task.json'),
    JSON.stringify({
      family: 'shop-${env}',
      executionRoleArn: 'arn:aws:iam::${account}:role/x',
      containerDefinitions: [
        { name: 'app', image: '${image}', enviroment: [], environment: [{ name: 'P', value: 1 }] },
      ],
    }),
  )
  await writeFile(
    join(folder, 'right.yml'),
    'family: shop-${env}\ncontainerDefinitions: [{name: app, image: "${region}"}]\n',
  )
})
afterAll(() => rm(folder, { recursive: true }))

/** The inputs as the runner passes them: action.yml's defaults, then what is given. */
function read(given: Record<string, string>): { inputs: TaskInputs; problems: readonly string[] } {
  const all = {
    'aws-region': 'eu-west-1',
    timeout: '10m',
    preflight: 'true',
    logs: 'follow',
    cluster: 'default',
    ...given,
  }
  const environment = Object.entries(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
  const input = new InputReader({ ...Object.fromEntries(environment), GITHUB_WORKSPACE: folder })
  const inputs = readTaskInputs(input)
  try {
    input.finish()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return { inputs, problems: error.problems.map(({ input: name, problem }) => `${name}: ${problem}`) }
  }
  return { inputs, problems: [] }
}

test('everything given, everything read', () => {
  const { inputs, problems } = read({
    'task-definition': 'shop:7',
    cluster: ' main ',
    container: 'app',
    image: 'ecr:shop:1',
    secrets: 'DB=arn:aws:ssm:eu-west-1:1:parameter/db',
    entrypoint: '["sh", "-c"]',
    command: 'python manage.py "two words"',
    environment: 'A= 1 \nB=x=y',
    subnets: 'subnet-0a1\n # no\n subnet-0b2 ',
    'security-groups': 'sg-1',
    'assign-public-ip': 'False',
    'capacity-provider-strategy': 'FARGATE_SPOT=3\nFARGATE=1:2',
    'platform-version': '1.4.0',
    cpu: '.25 vCPU',
    memory: '0.5 GB',
    'ephemeral-storage': '21',
    'task-tags': 'team=a b\ncost=',
    'propagate-tags': 'task-definition',
    timeout: '1h',
    logs: 'after',
    'task-definition-patch': 'cpu: "512"',
  })
  expect(problems).toEqual([])
  expect(inputs).toMatchObject({
    region: 'eu-west-1',
    cluster: 'main',
    source: { kind: 'registered', name: 'shop:7' },
    patch: { cpu: '512' },
    image: { registry: 'private', repository: 'shop', version: ':1' },
    entryPoint: ['sh', '-c'],
    command: ['python', 'manage.py', 'two words'],
    subnets: ['subnet-0a1', 'subnet-0b2'],
    assignPublicIp: false,
    capacityProviderStrategy: [
      { capacityProvider: 'FARGATE_SPOT', weight: 3, base: 0 },
      { capacityProvider: 'FARGATE', weight: 1, base: 2 },
    ],
    cpu: '.25 vCPU',
    memory: '0.5 GB',
    ephemeralStorageGiB: 21,
    timeoutMs: 3_600_000,
    preflight: true,
    logs: 'after',
  })
  expect([...inputs.environment, ...inputs.taskTags]).toEqual([
    ['A', ' 1 '],
    ['B', 'x=y'],
    ['team', 'a b'],
    ['cost', ''],
  ])
})

test('nothing given is what action.yml promises', () => {
  const { inputs, problems } = read({ 'task-definition': 'shop' })
  expect(problems).toEqual([])
  expect(inputs).toMatchObject({
    cluster: 'default',
    subnets: [],
    capacityProviderStrategy: [],
    logs: 'follow',
    timeoutMs: 600_000,
  })
  for (const name of ['image', 'command', 'launchType', 'assignPublicIp', 'cpu', 'propagateTags'] as const)
    expect(inputs[name]).toBeUndefined()
})

test('all that is wrong, at once', () => {
  const { problems } = read({
    'aws-region': 'Europe',
    'task-definition': '',
    image: 'ecr:Shop',
    secrets: 'no equals',
    entrypoint: 'sh -c',
    command: "it's",
    environment: '1A=x',
    subnets: 'subnet-1\nsub',
    'security-groups': 'default',
    'assign-public-ip': 'ENABLED',
    'launch-type': 'fargate',
    'capacity-provider-strategy': 'FARGATE=many',
    'platform-version': 'newest',
    cpu: 'half',
    memory: '1 TB',
    'ephemeral-storage': '1',
    'propagate-tags': 'service',
    timeout: '0s',
    preflight: 'yes',
    logs: 'always',
    'task-definition-patch': '[1]',
  })
  const named = problems.map(line => line.slice(0, line.indexOf(':')))
  expect(named.toSorted()).toEqual(
    [
      'aws-region',
      'task-definition',
      'image',
      'secrets',
      'entrypoint',
      'command',
      'environment',
      'subnets',
      'security-groups',
      'assign-public-ip',
      'launch-type',
      'capacity-provider-strategy',
      'platform-version',
      'cpu',
      'memory',
      'ephemeral-storage',
      'propagate-tags',
      'timeout',
      'preflight',
      'logs',
      'task-definition-patch',
    ].toSorted(),
  )
  for (const line of problems) expect(line).toMatch(/allowed|required|no "="|not closed/)
  expect(problems.find(line => line.startsWith('cpu'))).toBe(
    'cpu: "half": allowed is CPU units (256) or vCPU (.25 vCPU)',
  )
})

test('a file is checked before AWS is asked anything, its values filled in and patched', () => {
  expect(read({ 'task-definition': 'task.json', 'template-values': 'env=prod' }).problems).toEqual([
    'task-definition: task.json: containerDefinitions[0].image ${image} has no value; add image=… to template-values (a literal ${image} is written $${image})',
    'task-definition: task.json: containerDefinitions[0].enviroment is not known to AWS; the nearest known key is environment',
    'task-definition: task.json: containerDefinitions[0].environment[0].value is 1; allowed is text (write it in quotes: "1")',
  ])
  const patch = 'containerDefinitions: {app: {enviroment: null, environment: {P: {value: "1"}}}}'
  const values = 'env=prod\nimage=x'
  const right = { 'task-definition': 'task.json', 'template-values': values, 'task-definition-patch': patch }
  expect(read(right).problems).toEqual([])
  expect(read({ 'task-definition': 'right.yml', 'template-values': 'env=' }).problems).toEqual([])
  expect(
    read({
      'task-definition': 'right.yml',
      'template-values': 'env=',
      'launch-type': 'EC2',
      'capacity-provider-strategy': 'a=1',
    }).problems,
  ).toEqual(['capacity-provider-strategy: excludes launch-type; give one of the two'])
  expect(read({ 'task-definition': 'gone.json' }).problems).toEqual([
    'task-definition: "gone.json": there is no such file; is the repository checked out?',
  ])
})

test('links to the console survive any name', () => {
  const arn = 'arn:aws:ecs:eu-west-1:1:task/main/f00'
  const page = 'https://eu-west-1.console.aws.amazon.com'
  expect(taskConsoleUrl('eu-west-1', 'arn:aws:ecs:eu-west-1:1:cluster/main', arn)).toBe(
    `${page}/ecs/v2/clusters/main/tasks/f00?region=eu-west-1`,
  )
  expect(taskConsoleUrl('eu-west-1', 'a) [b](c', arn)).toBe(
    `${page}/ecs/v2/clusters/a%29%20%5Bb%5D%28c/tasks/f00?region=eu-west-1`,
  )
  expect(logConsoleUrl({ container: 'app', region: 'eu-west-1', group: '/ecs/app (x)', stream: 'ecs/app/f00' })).toBe(
    `${page}/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fecs$252Fapp$2520$2528x$2529/log-events/ecs$252Fapp$252Ff00`,
  )
})
