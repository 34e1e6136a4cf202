import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LocalAws, type PolicyDocument, startLocalAws } from '@aws-deploy-actions/local-aws'
import { packImage, runJavaScriptAction, startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr'
import { CreateRepositoryCommand as CreatePublicRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'

const action = fileURLToPath(new URL('..', import.meta.url))
const sha = '0123456789abcdef0123456789abcdef01234567'
const commit = { GITHUB_SHA: sha, GITHUB_REF: 'refs/heads/main', GITHUB_REPOSITORY: 'octo/app', GITHUB_RUN_ID: '42' }

let aws: LocalAws
let folder: string
let digest: string
let other: string
let name: string
let counter = 0

beforeAll(async () => {
  aws = await startLocalAws({ speed: 50 })
  folder = mkdtempSync(join(tmpdir(), 'ecr-push-'))
  const context = join(folder, 'app')
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY main.js /\nCMD ["main.js"]\n')
  writeFileSync(join(context, 'main.js'), 'console.log("one")')
  digest = (await packImage({ contextDirectory: context, output: join(folder, 'image.tar') })).digest
  writeFileSync(join(context, 'main.js'), 'console.log("two")')
  other = (await packImage({ contextDirectory: context, output: join(folder, 'other.tar') })).digest
})
afterAll(async () => {
  await aws?.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  name = `team/app${counter++}`
  await createRepository({})
})
afterEach(() => {
  aws.clearFaults()
  aws.setPolicy(undefined)
})

async function createRepository(settings: {
  imageTagMutability?: 'IMMUTABLE'
  repositoryName?: string
}): Promise<string> {
  const ecr = new ECRClient({ ...clientSettings(), region: 'eu-west-1' })
  const { repository } = await ecr.send(new CreateRepositoryCommand({ repositoryName: name, ...settings }))
  ecr.destroy()
  return repository?.repositoryUri ?? ''
}

function clientSettings() {
  return {
    endpoint: aws.endpoint,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
  }
}

function options(inputs: Readonly<Record<string, string>> = {}, environment: Readonly<Record<string, string>> = {}) {
  return {
    inputs: { repository: name, archive: 'image.tar', ...inputs },
    environment: { ...aws.environment(), ...commit, ...environment },
    workspace: folder,
    temp: mkdtempSync(join(folder, 'temp-')),
  }
}

async function push(inputs: Readonly<Record<string, string>> = {}, environment: Readonly<Record<string, string>> = {}) {
  const result = await runJavaScriptAction(action, options(inputs, environment))
  expect(result.stderr).toBe('')
  return result
}

function errorOf({ annotations }: Awaited<ReturnType<typeof push>>): string {
  const errors = annotations.filter(({ level }) => level === 'error')
  expect(errors).toHaveLength(1)
  return `${errors[0]?.title}\n${errors[0]?.message}`
}

function requests(since = 0): string[] {
  return aws
    .journal()
    .slice(since)
    .map(({ service, operation, status }) => `${service} ${operation} ${status}`)
}

test('an archive is pushed, told and summed up; the same again sends nothing', async () => {
  const first = await push({ tags: '{sha}\nlatest\n{branch}-{run}\n{version}' })
  const uri = `${aws.registryAddress}/${name}`
  const tags = [sha, 'latest', 'main-42']
  expect(first.exitCode).toBe(0)
  expect({ ...first.outputs, report: undefined }).toEqual({
    image: `${uri}@${digest}`,
    'tagged-image': `${uri}:${sha}`,
    'repository-uri': uri,
    repository: name,
    digest,
    tags: JSON.stringify(tags),
    images: JSON.stringify({
      [name]: { repository: name, reference: `ecr:${name}@${digest}`, digest, tags, status: 'pushed' },
    }),
    status: 'pushed',
    report: undefined,
  })
  expect(first.reports).toEqual([JSON.parse(first.outputs['report'] ?? '')])
  expect(first.reports[0]).toMatchObject({
    action: 'ecr-push',
    status: 'pushed',
    failures: [],
    images: [{ reference: `ecr:${name}@${digest}`, tags }],
  })
  const schema = JSON.parse(
    readFileSync(
      fileURLToPath(import.meta.resolve('@aws-deploy-actions/pipeline-report')).replace(/src.*/, 'report.schema.json'),
      'utf8',
    ),
  )
  expect(new Ajv2020({ strict: false, formats: { 'date-time': true } }).validate(schema, first.reports[0])).toBe(true)
  expect(first.summary).toContain('✅')
  expect(first.annotations).toEqual([
    { level: 'notice', title: 'Tag left out', message: 'The tag {version} is left out: this run has no version.' },
  ])
  expect(first.post?.exitCode).toBe(0)

  const since = aws.journal().length
  const second = await push({ tags: '{sha}\nlatest\n{branch}-{run}\n{version}' })
  expect({ ...second.outputs, report: undefined }).toEqual({ ...first.outputs, report: undefined })
  expect(requests(since).filter(line => /upload|PUT/.test(line))).toEqual([])
})

test('by default the image gets {sha} and latest; latest moves on', async () => {
  await push()
  const { outputs, exitCode } = await push({ archive: 'other.tar', tags: 'latest' })
  expect([exitCode, outputs['digest'], outputs['tags']]).toEqual([0, other, '["latest"]'])
})

test('a full URI and a full URI of another port lead to the same place', async () => {
  const { outputs } = await push({ repository: `${aws.registryAddress}/${name}` })
  expect(outputs['repository']).toBe(name)
  expect(outputs['digest']).toBe(digest)
  const aliased = await push({
    repository: `${aws.accountId}.dkr.ecr.eu-west-1.amazonaws.com/${name}`,
    'aws-region': 'us-west-2',
  })
  expect(aliased.outputs['repository-uri']).toBe(`${aws.registryAddress}/${name}`)
})

test('ECR Public, whatever the region', async () => {
  const ecr = new ECRPUBLICClient({ ...clientSettings(), region: 'us-east-1' })
  const made = await ecr.send(new CreatePublicRepositoryCommand({ repositoryName: 'open' }))
  ecr.destroy()
  const uri = made.repository?.repositoryUri ?? ''
  const { exitCode, outputs } = await push({ repository: 'open', registry: 'public' }, { AWS_REGION: 'ap-southeast-2' })
  expect(exitCode).toBe(0)
  expect(outputs).toMatchObject({ image: `${uri}@${digest}`, repository: 'open', digest })
  const reference = `ecr-public:${uri.slice(uri.indexOf('/') + 1)}@${digest}`
  expect(JSON.parse(outputs['images'] ?? '')).toMatchObject({ open: { reference } })
  // no region at all is needed, and the address that was told can be given back
  const again = await push({ repository: uri, registry: 'public' }, { AWS_REGION: '', AWS_DEFAULT_REGION: '' })
  expect(again.outputs['image']).toBe(`${uri}@${digest}`)

  for (const action of ['ecr-public:GetAuthorizationToken', 'sts:GetServiceBearerToken']) {
    aws.setPolicy(withoutAction(action))
    expect(errorOf(await push({ repository: 'open', registry: 'public' }))).toContain(
      `may not log in to ECR Public: ${action} is missing`,
    )
  }
})

test('immutable tags: the default latest is left out, the same image is fine, another one is a failure that shows both', async () => {
  name += '/fixed'
  await createRepository({ imageTagMutability: 'IMMUTABLE' })
  const first = await push()
  expect([first.exitCode, first.outputs['tags']]).toEqual([0, JSON.stringify([sha])])
  expect(first.annotations).toMatchObject([
    { level: 'notice', message: expect.stringMatching(/immutable.*latest is left out/) },
  ])
  expect((await push()).exitCode).toBe(0)

  const since = aws.journal().length
  const conflict = await push({ archive: 'other.tar', tags: `new\n${sha}` })
  expect(conflict.exitCode).toBe(1)
  expect(errorOf(conflict)).toMatch(new RegExp(`${sha} is ${digest} in the registry; this image is ${other}`))
  expect(requests(since).filter(line => /upload|PUT/.test(line))).toEqual([])
  expect(conflict.outputs).toMatchObject({ status: 'failed', repository: name })
  expect(conflict.outputs['digest']).toBeUndefined()

  // where the settings may not be read, the registry's refusal tells
  aws.setPolicy(withoutAction('ecr:DescribeRepositories'))
  const blind = await push({ tags: `new\n${sha}`, archive: 'other.tar' })
  expect(errorOf(blind)).toMatch(new RegExp(`${sha} is ${digest} in the registry; this image is ${other}`))
  // what was tagged before is told
  expect(blind.outputs).toMatchObject({ status: 'failed', digest: other, tags: '["new"]' })
})

test('all wrong inputs in one error, before AWS is asked', async () => {
  const since = aws.journal().length
  const result = await push({
    repository: 'Not A Name',
    registry: 'privat',
    archive: 'missing.tar',
    context: 'somewhere',
    target: 'x',
    'build-args': 'A=1\nA=2\nB',
    tags: 'a b\n{foo}',
    'push-attempts': '0',
    timeout: '5 minutes',
    'aws-region': 'nowhere',
  })
  expect(result.exitCode).toBe(1)
  const text = errorOf(result)
  for (const input of [
    'repository',
    'registry',
    'archive',
    'context',
    'target',
    'build-args',
    'tags',
    'push-attempts',
    'timeout',
    'aws-region',
  ]) {
    expect(text).toMatch(new RegExp(`^- ${input}: `, 'm'))
  }
  expect(text).toMatch(/"A" is given twice/)
  expect(text).toMatch(/"\{foo\}": \{foo\} is unknown/)
  expect(aws.journal()).toHaveLength(since)
})

test.each<[string, Record<string, string>, Record<string, string>, RegExp]>([
  ['no repository', { repository: '' }, {}, /repository: is required/],
  [
    'a tag in the repository',
    { repository: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:b' },
    {},
    /repository: .*without a tag/,
  ],
  [
    'a private address as public',
    { repository: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/app', registry: 'public' },
    {},
    /is in a private registry/,
  ],
  ['no region', {}, { AWS_REGION: '', AWS_DEFAULT_REGION: '' }, /aws-region: is not set/],
  ['no tag', { tags: '# nothing\n' }, {}, /tags: is empty/],
  ['no tag left', { tags: '{version}' }, {}, /no tag is left in this run.*has no version/],
  ['no time', { timeout: '0s' }, {}, /timeout: "0s": allowed is at least 1s/],
  [
    'no Dockerfile',
    { archive: '', context: 'app', file: 'app/Missing' },
    {},
    /file: "app\/Missing": there is no such file/,
  ],
  ['no context', { archive: '', context: 'nowhere' }, {}, /context: "nowhere": there is no such folder/],
])('%s is a wrong input', async (_, inputs, environment, problem) => {
  expect(errorOf(await push(inputs, environment))).toMatch(problem)
})

test('a missing repository: AWS’s words and what to do', async () => {
  const result = await push({ repository: 'no/where' })
  expect(result.exitCode).toBe(1)
  expect(errorOf(result)).toMatch(
    /repository no\/where does not exist[\s\S]*RepositoryNotFoundException: The repository with name 'no\/where' does not exist[\s\S]*aws ecr create-repository/,
  )
  expect(result.outputs['status']).toBe('failed')
  expect(JSON.parse(result.outputs['report'] ?? '')).toMatchObject({
    status: 'failed',
    failures: [{ resource: 'no/where' }],
  })
  aws.setPolicy(withoutAction('ecr:DescribeRepositories'))
  expect(errorOf(await push({ repository: 'no/where' }))).toMatch(/name unknown|NAME_UNKNOWN/i)
})

test('where the repository may not be looked up: the address as given, or of the registry of the login', async () => {
  aws.setPolicy(withoutAction('ecr:DescribeRepositories'))
  for (const repository of [name, `${aws.registryAddress}/${name}`]) {
    const { exitCode, outputs, annotations } = await push({ repository })
    expect([exitCode, outputs['image']]).toEqual([0, `${aws.registryAddress}/${name}@${digest}`])
    expect(annotations).toMatchObject([{ level: 'notice', title: 'Repository not looked up' }])
  }
})

test('a hostile archive: nothing is asked, nothing is tagged', async () => {
  writeFileSync(join(folder, 'cut.tar'), readFileSync(join(folder, 'image.tar')).subarray(0, 1300))
  const since = aws.journal().length
  const result = await push({ archive: 'cut.tar' })
  expect(errorOf(result)).toMatch(/cannot be pushed: nothing was sent[\s\S]*ends early/)
  expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
  expect(aws.journal()).toHaveLength(since)
})

test('faults of API and registry are ridden out', async () => {
  for (const operation of ['DescribeRepositories', 'GetAuthorizationToken']) {
    aws.addFault({ service: 'ecr', operation, kind: 'throttle', times: 1 })
    aws.addFault({ service: 'ecr', operation, kind: 'reset', times: 1 })
  }
  for (const operation of ['HEAD blob', 'POST upload', 'PATCH upload', 'PUT upload', 'PUT manifest']) {
    aws.addFault({ service: 'registry', operation, kind: 'error', status: 503, times: 1 })
  }
  const { exitCode, outputs } = await push()
  expect([exitCode, outputs['digest']]).toEqual([0, digest])
})

test('an image with as many tags as it can hold: ECR’s words, not a permission', async () => {
  const message =
    "Adding tag 'x' to an image in the repository with name 'app' in registry with id '1' exceeds the maximum allowed number of tags per image which is '1000'"
  aws.addFault({ service: 'registry', operation: 'PUT manifest', kind: 'error', status: 403, code: 'DENIED', message })
  const result = await push()
  expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
  expect(errorOf(result)).toMatch(/The registry says: .*number of tags per image which is '1000'[\s\S]*Delete tags/)
  expect(errorOf(result)).not.toMatch(/"Action"/)
})

test.each([
  ['private', 'ecr:BatchCheckLayerAvailability', 'arn:aws:ecr:eu-west-1:123456789012'],
  ['public', 'ecr-public:BatchCheckLayerAvailability', 'arn:aws:ecr-public::123456789012'],
] as const)(
  '%s: a denial without a word names the action and the ARN of the repository',
  async (registry, missing, of) => {
    const repository = `silent-${registry}`
    const created = await push({ repository, registry, 'create-repository': 'true', tags: 'v1' })
    expect(created.exitCode).toBe(0)
    aws.setPolicy(withoutAction(missing))
    const told = errorOf(await push({ repository, registry, archive: 'other.tar', tags: 'v2' }))
    const statement = JSON.stringify({ Effect: 'Allow', Action: missing, Resource: `${of}:repository/${repository}` })
    expect(told).toContain(`Resource: ${of}:repository/${repository}`)
    expect(told).toContain(statement)
  },
)

test('push-attempts: another attempt after a registry that failed for long', async () => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'reset', times: 11 })
  // two blobs at a time, each with five faults that are ridden out
  const once = await push({ 'push-attempts': '1' })
  expect(errorOf(once)).toMatch(/6 times in a row[\s\S]*The connection says: /)
  aws.clearFaults()
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'reset', times: 11 })
  const twice = await push({ 'push-attempts': '2' })
  expect([twice.exitCode, twice.outputs['status']]).toEqual([0, 'pushed'])
  expect(twice.stdout).toMatch(/Attempt 1 of 2 failed/)
})

test('the time is over: timed-out, gone within 5 s, nothing tagged', async () => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'delay', delayMs: 60_000 })
  const since = aws.journal().length
  const result = await push({ timeout: '1s' })
  expect([result.exitCode, result.outputs['status']]).toEqual([1, 'timed-out'])
  expect(result.took).toBeLessThan(20_000)
  expect(errorOf(result)).toMatch(/not in the registry within 1s/)
  expect(requests(since).filter(line => line.includes('PUT manifest'))).toEqual([])
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends the step with %i, nothing tagged', async (signal, exitCode) => {
  aws.addFault({ service: 'registry', operation: 'PATCH upload', kind: 'delay', delayMs: 60_000 })
  const since = aws.journal().length
  const running = await startJavaScriptAction(action, options())
  for (let waits = 0; !requests(since).some(line => line.includes('POST upload')); waits++) {
    expect(waits).toBeLessThan(6000)
    await new Promise(wait => setTimeout(wait, 10))
  }
  const at = Date.now()
  running.signal(signal)
  const result = await running.result
  expect(Date.now() - at).toBeLessThan(20_000)
  expect([result.exitCode, result.outputs['status']]).toEqual([exitCode, 'cancelled'])
  expect(requests(since).filter(line => line.includes('PUT manifest'))).toEqual([])
})

const policy: { Version: string; Statement: { Effect: 'Allow'; Action: string[]; Resource: string }[] } = JSON.parse(
  readFileSync(join(action, 'iam-policy.json'), 'utf8'),
)

function withoutAction(action: string): PolicyDocument {
  return {
    ...policy,
    Statement: policy.Statement.map(statement => ({
      ...statement,
      Action: statement.Action.filter(entry => entry !== action),
    })),
  }
}

test.each([
  ['that succeeds', undefined],
  ['that fails', 'PUT upload'],
])('a run %s shows no secret anywhere: logs, outputs, summary, report, files', async (_, broken) => {
  if (broken !== undefined) {
    aws.addFault({ service: 'registry', operation: broken, kind: 'error', status: 400, message: 'no' })
  }
  const given = options()
  const result = await runJavaScriptAction(action, given)
  expect(result.exitCode).toBe(broken === undefined ? 0 : 1)
  const files = readdirSync(given.temp, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const captured = [
    result.stdout,
    JSON.stringify([result.outputs, result.state, result.reports]),
    result.summary,
    result.post?.stdout ?? '',
    ...files.map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
  ].join('\n')
  expect(files.map(entry => entry.name)).toEqual([expect.stringMatching(/^ecr-push-.*\.json$/)])
  expect(captured).not.toContain(aws.environment()['AWS_SECRET_ACCESS_KEY'])
  // the token, and the password in it, as ECR's begin: base64 of "AWS:", base64 of {"payload":
  expect(captured).not.toMatch(/QVdTO[A-Za-z0-9+/=]{8}|eyJwYXlsb2FkIj/)
  expect(captured).not.toMatch(/password|authorizationToken/i)
  for (const output of broken === undefined ? ['images', 'report'] : ['report']) {
    expect(result.outputs[output]).not.toMatch(/\d{12}|127\.0\.0\.1|localhost/)
  }
})
