import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ActionMetadata, actionMetadata, actionNames, withTables } from '@aws-deploy-actions/action-docs'
import { describe, expect, test } from '@jest/globals'
import { namesInCode } from './support/action-sources.ts'
import { root } from './support/module-graph.ts'

const KEBAB_CASE = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/
/** summarize speaks GitHub's words for the results of jobs instead, and waits for nothing. */
const commonStatuses = (name: string): string[] =>
  name === 'summarize' ? ['failure', 'cancelled'] : ['failed', 'timed-out', 'cancelled']

describe.each(actionNames(root))('actions/%s', name => {
  const metadata = actionMetadata(root, name)
  const { inputs, outputs, runs } = metadata

  test('runs on Node 24 from files that are there', () => {
    expect(runs.using).toBe('node24')
    const files = [runs.main, ...(runs.post === undefined ? [] : [runs.post])]
    expect(files.filter(file => !existsSync(join(root, 'actions', name, file)))).toEqual([])
  })

  test('says what it and each of its inputs and outputs is', () => {
    expect(metadata.title).not.toBe('')
    expect(metadata.description).not.toBe('')
    expect(namesOf([...inputs, ...outputs].filter(({ description }) => description.trim() === ''))).toEqual([])
  })

  test('has kebab-case names', () => {
    expect(namesOf([...inputs, ...outputs]).filter(entry => !KEBAB_CASE.test(entry))).toEqual([])
  })

  test('requires nothing that has a default', () => {
    expect(namesOf(inputs.filter(({ required, default: fallback }) => required && fallback !== undefined))).toEqual([])
  })

  test('has what every action has', () => {
    expect(inputs.find(input => input.name === 'summary')?.default).toBe('true')
    expect(namesOf(outputs)).toEqual(expect.arrayContaining(['status', 'report']))
    const statuses = outputs.find(output => output.name === 'status')?.description ?? ''
    expect(commonStatuses(name).filter(status => !statuses.includes(`\`${status}\``))).toEqual([])
  })

  test('reads the inputs that it declares, and declares those that it reads', async () => {
    const { inputs: read } = await namesInCode(name)
    expect([...read].sort()).toEqual(namesOf(inputs).sort())
  })

  test('sets the outputs that it declares, and declares those that it sets', async () => {
    const { outputs: set } = await namesInCode(name)
    expect([...set].sort()).toEqual(namesOf(outputs).sort())
  })

  test('has a README with its tables as they are in action.yml', () => {
    const readme = readFileSync(join(root, 'actions', name, 'README.md'), 'utf8')
    expect(withTables(readme, metadata)).toBe(readme)
  })
})

/** Input → default; `undefined` for none. */
const TASK_INPUTS: Readonly<Record<string, string | undefined>> = {
  'aws-region': undefined,
  cluster: 'default',
  'task-definition': undefined,
  'template-values': undefined,
  'task-definition-patch': undefined,
  container: undefined,
  image: undefined,
  secrets: undefined,
  entrypoint: undefined,
  command: undefined,
  environment: undefined,
  'network-from-service': undefined,
  subnets: undefined,
  'security-groups': undefined,
  'assign-public-ip': undefined,
  'launch-type': undefined,
  'platform-version': undefined,
  cpu: undefined,
  memory: undefined,
  'ephemeral-storage': undefined,
  'task-tags': undefined,
  'propagate-tags': undefined,
  'capacity-provider-strategy': undefined,
  timeout: '10m',
  preflight: 'true',
  logs: 'follow',
  summary: 'true',
}
const TASK_OUTPUTS = [
  'task-arn',
  'task-definition-arn',
  'exit-code',
  'stop-code',
  'stopped-reason',
  'log-group',
  'log-streams',
  'duration-seconds',
  'status',
  'report',
]
const PUSH_INPUTS: typeof TASK_INPUTS = {
  repository: undefined,
  registry: 'private',
  context: '.',
  file: undefined,
  target: undefined,
  'build-args': undefined,
  'build-secrets': undefined,
  'build-contexts': undefined,
  platforms: undefined,
  labels: undefined,
  pull: 'false',
  'no-cache': 'false',
  images: undefined,
  'max-parallel': '2',
  tags: '{sha}\nlatest',
  push: 'true',
  archive: undefined,
  'source-image': undefined,
  'create-repository': 'false',
  'immutable-tags': 'false',
  'scan-on-push': 'true',
  'lifecycle-policy': undefined,
  'skip-unchanged': 'false',
  'keep-tagged': undefined,
  'protect-tags': undefined,
  cache: 'none',
  'scan-fail-on': 'none',
  'scan-timeout': '10m',
  'push-attempts': '3',
  timeout: '30m',
  'aws-region': undefined,
  summary: 'true',
}
const PUSH_OUTPUTS = [
  'image',
  'tagged-image',
  'repository-uri',
  'repository',
  'digest',
  'tags',
  'images',
  'status',
  'report',
]

interface Contract {
  readonly inputs: Readonly<Record<string, string | undefined>>
  readonly outputs: readonly string[]
  readonly required: readonly string[]
  /** its own, beside the common ones */
  readonly statuses: readonly string[]
}

const PROMISED: Readonly<Record<string, Contract>> = {
  'ecr-push': {
    inputs: PUSH_INPUTS,
    outputs: PUSH_OUTPUTS,
    required: [],
    statuses: ['built', 'reused', 'promoted', 'pushed'],
  },
  'run-ecs-task': {
    inputs: TASK_INPUTS,
    outputs: TASK_OUTPUTS,
    required: ['task-definition'],
    statuses: ['succeeded', 'not-started'],
  },
  'run-migration-task': {
    inputs: {
      ...TASK_INPUTS,
      database: undefined,
      'database-variable': 'DATABASE_NAME',
      lock: 'true',
      'lock-timeout': '0s',
      'verify-command': undefined,
    },
    required: ['task-definition'],
    outputs: [...TASK_OUTPUTS, 'verify-exit-code'],
    statuses: ['succeeded', 'not-started'],
  },
  'smoke-test': {
    inputs: {
      urls: undefined,
      checks: undefined,
      'expect-status': '2xx',
      'expect-body': undefined,
      'expect-version': undefined,
      'version-path': undefined,
      'max-latency': undefined,
      headers: undefined,
      timeout: '5m',
      interval: '2s',
      'request-timeout': '10s',
      successes: '1',
      'follow-redirects': 'true',
      'tls-min-days': '0',
      'max-parallel': '10',
      summary: 'true',
    },
    required: [],
    outputs: ['status', 'passed', 'results', 'report'],
    statuses: ['passed'],
  },
  summarize: {
    inputs: {
      needs: undefined,
      reports: '$RUNNER_TEMP/deploy-reports/*.json',
      title: undefined,
      'environment-url': undefined,
      junit: undefined,
      coverage: undefined,
      'fail-on': 'failure\ncancelled',
      'allowed-to-fail': undefined,
      'allowed-to-skip': undefined,
      'pull-request-comment': 'false',
      'github-token': '${{ github.token }}',
      summary: 'true',
    },
    required: ['needs'],
    outputs: ['status', 'environment-url', 'markdown', 'report'],
    statuses: ['success', 'failure', 'cancelled', 'skipped'],
  },
}

const DEPLOY_INPUTS: typeof TASK_INPUTS = {
  'aws-region': undefined,
  cluster: 'default',
  services: undefined,
  'task-definition': undefined,
  'template-values': undefined,
  'task-definition-patch': undefined,
  images: undefined,
  environment: undefined,
  secrets: undefined,
  'desired-count': undefined,
  'force-new-deployment': 'false',
  wait: 'true',
  timeout: '30m',
  rollback: 'failed',
  operation: 'deploy',
  'rollback-to': undefined,
  'max-parallel': '100',
  preflight: 'true',
  'dry-run': 'false',
  'show-values': 'false',
  summary: 'true',
}

describe('the promise of deploy-ecs-service', () => {
  const metadata = actionMetadata(root, 'deploy-ecs-service')

  test('every input, with its default', () => {
    const declared = metadata.inputs.map(input => [input.name, input.default])
    expect(Object.fromEntries(declared)).toEqual(DEPLOY_INPUTS)
    expect(namesOf(metadata.inputs.filter(({ required }) => required))).toEqual(['services'])
  })

  test('every output, and every status', () => {
    expect(namesOf(metadata.outputs).sort()).toEqual([
      'deployment-id',
      'previous-task-definition-arn',
      'report',
      'services',
      'status',
      'task-definition-arn',
    ])
    const status = metadata.outputs.find(output => output.name === 'status')?.description ?? ''
    for (const own of ['deployed', 'unchanged', 'rolled-back', 'superseded', 'planned', 'started'])
      expect(status).toContain(`\`${own}\``)
  })
})

describe.each(Object.entries(PROMISED))('the promise of %s', (name, promised) => {
  const metadata = actionMetadata(root, name)

  test('every input, with its default', () => {
    const declared = metadata.inputs.map(input => [input.name, input.default])
    expect(Object.fromEntries(declared)).toEqual(promised.inputs)
  })

  test('nothing is required but what it says', () => {
    expect(namesOf(metadata.inputs.filter(({ required }) => required))).toEqual(promised.required)
  })

  test('every output', () => {
    expect(namesOf(metadata.outputs).sort()).toEqual([...promised.outputs].sort())
  })

  test('its own statuses are named', () => {
    const status = metadata.outputs.find(output => output.name === 'status')?.description ?? ''
    expect(promised.statuses.filter(own => !status.includes(`\`${own}\``))).toEqual([])
  })
})

test('run-migration-task is run-ecs-task and more: what both have is described alike', () => {
  const own = new Set(['task-arn'])
  const task = descriptionsOf(actionMetadata(root, 'run-ecs-task'))
  const migration = descriptionsOf(actionMetadata(root, 'run-migration-task'))
  for (const [name, text] of task) {
    expect([...migration.keys()]).toContain(name)
    if (!own.has(name)) expect([name, migration.get(name)]).toEqual([name, text])
  }
})

function descriptionsOf({ inputs, outputs }: ActionMetadata): Map<string, string> {
  return new Map([...inputs, ...outputs].map(({ name, description }) => [name, description]))
}

function namesOf(entries: readonly { readonly name: string }[]): string[] {
  return entries.map(({ name }) => name)
}
