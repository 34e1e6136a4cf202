import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  GetLifecyclePolicyCommand,
  PutAccountSettingCommand,
} from '@aws-sdk/client-ecr'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { errorOf, type PushCloud, startedPushCloud } from './support/push-cloud.ts'

let cloud: PushCloud
let one: string
let two: string
let counter = 0

beforeAll(async () => {
  cloud = await startedPushCloud()
  one = await cloud.archive('one.tar', 'one')
  two = await cloud.archive('two.tar', 'two')
})
afterAll(() => cloud?.stop())
afterEach(() => cloud.aws.clearFaults())

function fresh(): string {
  return `team/made${counter++}`
}

const since = (): number => cloud.aws.journal().length

describe('promotion', () => {
  test('within a registry layers are mounted, nothing is streamed; again nothing is sent', async () => {
    const [from, to] = [fresh(), fresh()]
    await cloud.repository(from)
    await cloud.repository(to)
    await cloud.ecr.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'ENABLED' }))
    await cloud.run({ repository: from, archive: 'one.tar', tags: 'staging' })
    const start = since()
    const first = await cloud.run({ repository: to, 'source-image': `ecr:${from}:staging`, tags: 'v1\nlatest' })
    expect([first.exitCode, first.outputs['status'], first.outputs['digest']]).toEqual([0, 'promoted', one])
    expect(JSON.parse(first.outputs['images'] ?? '')).toEqual({
      [to]: { repository: to, reference: `ecr:${to}@${one}`, digest: one, tags: ['v1', 'latest'], status: 'promoted' },
    })
    expect(cloud.requests(start).filter(line => /PATCH upload/.test(line))).toEqual([])
    const again = since()
    const second = await cloud.run({ repository: to, 'source-image': `ecr:${from}@${one}`, tags: 'v1\nlatest' })
    expect([second.exitCode, second.outputs['status']]).toEqual([0, 'promoted'])
    expect(cloud.requests(again).filter(line => /upload|PUT/.test(line))).toEqual([])
  })

  test('from public to private, by full address', async () => {
    const name = `open${counter++}`
    const uri = await cloud.publicRepository(name)
    await cloud.run({ repository: name, registry: 'public', archive: 'two.tar', tags: 'v1' })
    const to = fresh()
    await cloud.repository(to)
    const result = await cloud.run({ repository: to, 'source-image': `${uri}:v1`, tags: 'v1' })
    expect([result.exitCode, result.outputs['digest']]).toEqual([0, two])
  })

  test('a missing source is red and named; nothing is tagged', async () => {
    const to = fresh()
    await cloud.repository(to)
    const start = since()
    const result = await cloud.run({ repository: to, 'source-image': `ecr:${to}:nothing`, tags: 'v1' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(errorOf(result)).toContain(`${to}:nothing`)
    expect(cloud.requests(start).filter(line => line.includes('PUT'))).toEqual([])
  })
})

describe('create-repository', () => {
  test('a missing repository is created with its settings', async () => {
    const name = fresh()
    const policy = {
      rules: [
        {
          rulePriority: 1,
          selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 5 },
          action: { type: 'expire' },
        },
      ],
    }
    writeFileSync(join(cloud.folder, 'policy.json'), JSON.stringify(policy))
    const result = await cloud.run({
      repository: name,
      archive: 'one.tar',
      'create-repository': 'true',
      'immutable-tags': 'true',
      'lifecycle-policy': 'policy.json',
    })
    // the default latest is left out: tags are immutable
    expect([result.exitCode, JSON.parse(result.outputs['tags'] ?? '[]').length]).toEqual([0, 1])
    const { repositories } = await cloud.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }))
    expect(repositories?.[0]).toMatchObject({
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
    })
    const { lifecyclePolicyText } = await cloud.ecr.send(new GetLifecyclePolicyCommand({ repositoryName: name }))
    expect(JSON.parse(lifecyclePolicyText ?? '')).toEqual(policy)
  })

  test.each<[string, string, string, object, object]>([
    ['false', 'true', 'nightly', { scanOnPush: false }, { imageTagMutability: 'IMMUTABLE' }],
    ['true', 'false', '', { scanOnPush: true }, { imageTagMutability: 'MUTABLE' }],
    ['', '', '', { scanOnPush: true }, { imageTagMutability: 'MUTABLE' }],
  ])(
    'scan-on-push "%s", immutable-tags "%s", lifecycle-policy "%s" reach AWS',
    async (scan, immutable, policy, scanning, mutability) => {
      const name = fresh()
      const selection = { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 1 }
      const rule = { rulePriority: 7, description: policy, selection, action: { type: 'expire' } }
      const text = JSON.stringify({ rules: [rule] })
      writeFileSync(join(cloud.folder, 'own.json'), text)
      const start = since()
      const result = await cloud.run({
        repository: name,
        archive: 'one.tar',
        tags: 'v1',
        'create-repository': 'true',
        'scan-on-push': scan,
        'immutable-tags': immutable,
        'lifecycle-policy': policy === '' ? '' : 'own.json',
      })
      expect(result.exitCode).toBe(0)
      const asked = (operation: string): unknown[] =>
        cloud.aws
          .journal()
          .slice(start)
          .flatMap(entry => (entry.operation === operation ? [entry.input] : []))
      expect(asked('CreateRepository')).toEqual([
        { repositoryName: name, imageScanningConfiguration: scanning, ...mutability },
      ])
      expect(asked('PutLifecyclePolicy')).toEqual(
        policy === '' ? [] : [{ repositoryName: name, lifecyclePolicyText: text }],
      )
      const { repositories } = await cloud.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }))
      expect(repositories?.[0]).toMatchObject({ imageScanningConfiguration: scanning, ...mutability })
    },
  )

  test('a public one too; without it a missing repository is a failure that says so', async () => {
    const name = `public-made${counter++}`
    const result = await cloud.run({
      repository: name,
      registry: 'public',
      archive: 'one.tar',
      'create-repository': 'true',
    })
    expect([result.exitCode, result.outputs['digest']]).toEqual([0, one])
    const missing = await cloud.run({ repository: fresh(), archive: 'one.tar' })
    expect(errorOf(missing)).toMatch(/does not exist[\s\S]*create-repository: true/)
  })
})

describe('keep-tagged', () => {
  test.each(['private', 'public'])('%s: the oldest go, but not the new one and the protected', async registry => {
    const name = `kept-${registry}`
    const uri = registry === 'private' ? await cloud.repository(name) : await cloud.publicRepository(name)
    for (const tag of ['r1', 'r2', 'r3', 'r4']) {
      await cloud.archive(`${tag}.tar`, `${registry} ${tag}`)
      await cloud.run({ repository: name, registry, archive: `${tag}.tar`, tags: tag })
    }
    await cloud.archive('r5.tar', `${registry} r5`)
    const inputs = { repository: name, registry, archive: 'r5.tar', tags: 'r5', 'protect-tags': 'r1' }
    const result = await cloud.run({ ...inputs, 'keep-tagged': '2' })
    expect(result.exitCode).toBe(0)
    expect(await tagsThere(uri, ['r1', 'r2', 'r3', 'r4', 'r5'])).toEqual(['r1', 'r3', 'r4', 'r5'])
    expect(result.stdout).toMatch(/1 images deleted/)
  })

  test('0 keeps what was just pushed, what is protected and the cache', async () => {
    const name = fresh()
    const uri = await cloud.repository(name)
    for (const tag of ['cache', 'r1', 'safe']) {
      await cloud.archive(`${tag}.tar`, `${name} ${tag}`)
      await cloud.run({ repository: name, archive: `${tag}.tar`, tags: tag })
    }
    const inputs = { repository: name, archive: 'one.tar', tags: 'new', 'protect-tags': 'safe' }
    const result = await cloud.run({ ...inputs, 'keep-tagged': '0' })
    expect(result.exitCode).toBe(0)
    expect(await tagsThere(uri, ['cache', 'r1', 'safe', 'new'])).toEqual(['cache', 'safe', 'new'])
  })

  test('what could not be deleted is a failure; the image is pushed and told', async () => {
    const name = fresh()
    await cloud.repository(name)
    await cloud.run({ repository: name, archive: 'two.tar', tags: 'old' })
    await cloud.run({ repository: name, archive: 'r1.tar', tags: 'older' })
    const body = {
      imageIds: [],
      failures: [{ imageId: { imageDigest: two }, failureCode: 'KmsError', failureReason: 'no key' }],
    }
    cloud.aws.addFault({ service: 'ecr', operation: 'BatchDeleteImage', kind: 'answer', body })
    const result = await cloud.run({ repository: name, archive: 'one.tar', tags: 'new', 'keep-tagged': '1' })
    expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([1, 'failed', one])
    expect(errorOf(result)).toMatch(/1 old images of .* could not be deleted[\s\S]*no key/)
  })

  test('the time is over while old images are looked for: red, and it says that the image is there', async () => {
    const name = fresh()
    await cloud.repository(name)
    cloud.aws.addFault({ service: 'ecr', operation: 'DescribeImages', kind: 'delay', delayMs: 60_000 })
    const result = await cloud.run({
      repository: name,
      archive: 'one.tar',
      tags: 'v1',
      'keep-tagged': '1',
      timeout: '8s',
    })
    expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([1, 'timed-out', one])
    const told = errorOf(result)
    expect(told).toContain('The image is in the registry, but what comes after the push did not end within 8s.')
    expect(told).not.toMatch(/not in the registry/)
  })

  async function tagsThere(uri: string, tags: string[]): Promise<string[]> {
    const there: string[] = []
    const [host = ''] = uri.split('/')
    for (const tag of tags) {
      const copy = fresh()
      await cloud.repository(copy)
      const { exitCode } = await cloud.run({ repository: copy, 'source-image': `${uri}:${tag}`, tags: 'x' })
      if (exitCode === 0) there.push(tag)
    }
    expect(host).not.toBe('')
    return there
  }
})

describe('scan-fail-on', () => {
  const critical = { name: 'CVE-2026-1', severity: 'CRITICAL', package: 'openssl' }

  test.each<[string, object, string, RegExp]>([
    ['basic', { findings: [critical] }, 'critical', /CVE-2026-1/],
    ['enhanced', { type: 'ENHANCED', findings: [critical] }, 'high', /CVE-2026-1/],
    ['not supported', { states: [{ status: 'UNSUPPORTED_IMAGE' }] }, 'low', /UNSUPPORTED_IMAGE/],
    ['failed', { states: [{ status: 'FAILED', description: 'no luck' }] }, 'low', /FAILED/],
  ])('%s: red, and the outputs are there', async (_, script, failOn, words) => {
    const name = fresh()
    await cloud.repository(name, { imageScanningConfiguration: { scanOnPush: true } })
    cloud.aws.scriptScan(name, script)
    const result = await cloud.run({ repository: name, archive: 'one.tar', tags: 'v1', 'scan-fail-on': failOn })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(errorOf(result)).toMatch(words)
    expect(result.outputs).toMatchObject({ digest: one, tags: '["v1"]' })
    expect(JSON.parse(result.outputs['images'] ?? '')).toMatchObject({ [name]: { digest: one, status: 'pushed' } })
    expect(result.summary.indexOf('❌')).toBeLessThan(result.summary.indexOf('| Repository'))
  })

  test('below the severity: green', async () => {
    const name = fresh()
    await cloud.repository(name, { imageScanningConfiguration: { scanOnPush: true } })
    cloud.aws.scriptScan(name, { findings: [{ name: 'CVE-2026-2', severity: 'LOW' }] })
    const result = await cloud.run({ repository: name, archive: 'one.tar', tags: 'v1', 'scan-fail-on': 'medium' })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'pushed'])
  })

  test('never finishing: timed-out, with the last state; the outputs are there', async () => {
    const name = fresh()
    await cloud.repository(name, { imageScanningConfiguration: { scanOnPush: true } })
    cloud.aws.scriptScan(name, { states: [{ status: 'IN_PROGRESS' }] })
    const result = await cloud.run({
      repository: name,
      archive: 'one.tar',
      tags: 'v1',
      'scan-fail-on': 'high',
      'scan-timeout': '1s',
    })
    expect([result.exitCode, result.outputs['status'], result.outputs['digest']]).toEqual([1, 'timed-out', one])
    expect(errorOf(result)).toMatch(/did not end within 1s[\s\S]*IN_PROGRESS/)
  })
})

test.each(['us-east-1', 'eu-west-1', 'ap-southeast-2', 'xx-optin-7'])('ECR Public with AWS_REGION %s', async region => {
  const name = `from-${region}`
  const uri = await cloud.publicRepository(name)
  const start = since()
  const { exitCode, outputs } = await cloud.run(
    { repository: name, registry: 'public', archive: 'one.tar' },
    { AWS_REGION: region, AWS_DEFAULT_REGION: region },
  )
  expect([exitCode, outputs['image']]).toEqual([0, `${uri}@${one}`])
  expect(
    cloud.aws
      .journal()
      .slice(start)
      .every(({ service }) => service !== 'ecr'),
  ).toBe(true)
})

test('immutable repository, default tags, three commits: green, one image each', async () => {
  const name = fresh()
  await cloud.repository(name, { imageTagMutability: 'IMMUTABLE' })
  for (const run of [1, 2, 3]) {
    await cloud.archive('fresh.tar', `run ${run}`)
    const sha = cloud.commit()
    const { exitCode, outputs, annotations } = await cloud.run({ repository: name, archive: 'fresh.tar' })
    expect([exitCode, outputs['tags']]).toEqual([0, JSON.stringify([sha])])
    expect(annotations).toMatchObject([{ level: 'notice', message: expect.stringContaining('latest is left out') }])
  }
  const { imageDetails } = await cloud.ecr.send(new DescribeImagesCommand({ repositoryName: name }))
  expect(imageDetails?.length).toBe(3)
})

test('byte-identical: the manifest in the registry is the archive’s', async () => {
  const name = fresh()
  await cloud.repository(name)
  await cloud.run({ repository: name, archive: 'one.tar', tags: 'v1' })
  const { images } = await cloud.ecr.send(
    new BatchGetImageCommand({ repositoryName: name, imageIds: [{ imageTag: 'v1' }] }),
  )
  expect(images?.[0]?.imageId?.imageDigest).toBe(one)
  expect(readFileSync(join(cloud.folder, 'one.tar')).includes(images?.[0]?.imageManifest ?? 'nothing')).toBe(true)
})
