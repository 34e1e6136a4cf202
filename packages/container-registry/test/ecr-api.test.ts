import {
  createdRepository,
  ecrRepository,
  expireImages,
  type Repository,
  RepositoryMissing,
  scanResult,
} from '@aws-deploy-actions/container-registry'
import { DescribeImagesCommand, DescribeRepositoriesCommand, GetLifecyclePolicyCommand } from '@aws-sdk/client-ecr'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { blob, digestOf, dockerSave, layoutOf, ociImage, ociIndex } from '../../../test/support/sample-archives.ts'
import { type RegistryCloud, startRegistryCloud } from './registry-cloud.ts'

const INDEX = 'application/vnd.oci.image.index.v1+json'
let cloud: RegistryCloud
beforeAll(async () => {
  cloud = await startRegistryCloud({ speed: 500 })
})
afterAll(() => cloud?.stop())
afterEach(() => {
  cloud.aws.clearFaults()
  cloud.aws.setPolicy(undefined)
})

const named = (name: string, registry: 'private' | 'public' = 'private') =>
  ({ registry, name, owner: undefined, region: undefined, uri: undefined }) as const

describe('creation', () => {
  const settings = { immutableTags: true, scanOnPush: true, lifecyclePolicy: undefined }

  test('a missing repository is told apart, and made with its settings', async () => {
    const wanted = named('made/one')
    await expect(ecrRepository(wanted, 'eu-west-1', cloud.step(), async () => undefined)).rejects.toBeInstanceOf(
      RepositoryMissing,
    )
    const lifecyclePolicy = JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          selection: { tagStatus: 'untagged', countType: 'imageCountMoreThan', countNumber: 3 },
          action: { type: 'expire' },
        },
      ],
    })
    const place = await createdRepository(wanted, { ...settings, lifecyclePolicy }, 'eu-west-1', cloud.step())
    expect(place).toMatchObject({ name: 'made/one', reference: 'ecr:made/one', region: 'eu-west-1', scanOnPush: true })
    expect(place.keeps('latest')).toBe(true)
    const { repositories } = await cloud.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: ['made/one'] }))
    expect(repositories?.[0]).toMatchObject({
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
    })
    const policy = await cloud.ecr.send(new GetLifecyclePolicyCommand({ repositoryName: 'made/one' }))
    expect(policy.lifecyclePolicyText).toBe(lifecyclePolicy)
  })

  test('one that is made at the same time is taken as it is; a lost answer is no trouble', async () => {
    await createdRepository(named('made/two'), { ...settings, immutableTags: false }, 'eu-west-1', cloud.step())
    const place = await createdRepository(named('made/two'), settings, 'eu-west-1', cloud.step())
    expect(place.keeps('latest')).toBe(false)
    cloud.aws.addFault({ service: 'ecr', operation: 'CreateRepository', kind: 'lost-answer', times: 1 })
    expect(await createdRepository(named('made/three'), settings, 'eu-west-1', cloud.step())).toMatchObject({
      name: 'made/three',
    })
  })

  test('a policy that AWS refuses is a failure that says so', async () => {
    await expect(
      createdRepository(named('made/four'), { ...settings, lifecyclePolicy: '{}' }, 'eu-west-1', cloud.step()),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/created, but AWS refused its lifecycle policy/),
      details: { said: expect.stringMatching(/Lifecycle policy validation failure/) },
    })
  })

  test('in ECR Public, whatever the region', async () => {
    const place = await createdRepository(named('open/one', 'public'), settings, 'ap-south-1', cloud.step())
    expect(place).toMatchObject({
      registry: 'public',
      region: 'us-east-1',
      reference: expect.stringMatching(/^ecr-public:.+\/open\/one$/),
    })
    expect(
      await ecrRepository(named('open/one', 'public'), 'ap-south-1', cloud.step(), async () => undefined),
    ).toMatchObject({ uri: place.uri })
  })
})

describe('keep-tagged', () => {
  async function tagsIn(name: string): Promise<string[]> {
    const { imageDetails = [] } = await cloud.ecr.send(new DescribeImagesCommand({ repositoryName: name }))
    return imageDetails.flatMap(({ imageTags = ['-'] }) => imageTags).toSorted()
  }

  test('the newest stay, protected and just pushed ones do not count; an index keeps what it names', async () => {
    const { place, repository } = await cloud.repository()
    const parts = [ociImage(['x']), ociImage(['y'], 'arm64')]
    const index = ociIndex(parts)
    await cloud.push(dockerSave(['0']), repository, 'stable')
    for (const tag of ['1', '2', '3']) await cloud.push(dockerSave([tag]), repository, `v${tag}`)
    await cloud.push(layoutOf([...parts.flatMap(part => part.members), blob(index)], index, INDEX), repository, 'v4')
    const { digest: pushed } = await cloud.push(dockerSave(['5']), repository, 'v5')
    const expired = await expireImages(
      place,
      repository,
      { keep: 2, protect: ['stable'], justPushed: [pushed] },
      cloud.step(),
    )
    expect(expired.deleted.flatMap(({ tags }) => tags).toSorted()).toEqual(['v1', 'v2'])
    expect(expired).toMatchObject({ keptTagged: 4, failures: [] })
    // the index's two images are untagged
    expect(await tagsIn(place.name)).toEqual(['-', '-', 'stable', 'v3', 'v4', 'v5'])
    for (const { manifest } of parts) expect(await repository.digestOf(digestOf(manifest))).toBeDefined()
  })

  test('deletion is in batches of 100, over several pages; throttling is ridden out', async () => {
    const { place, repository } = await cloud.repository()
    const base = ociImage(['many'])
    const { digest } = await cloud.push(layoutOf(base.members, base.manifest), repository, 'first')
    for (let index = 0; index < 230; index++) {
      const bytes = Buffer.from(`${base.manifest}${' '.repeat(index + 1)}`)
      await repository.putManifest(`n${index}`, {
        ...(await manifestOf(repository, digest)),
        bytes,
        digest: digestOf(bytes),
      })
    }
    cloud.aws.addFault({ service: 'ecr', operation: 'BatchDeleteImage', kind: 'throttle', times: 1 })
    const { deleted, keptTagged } = await expireImages(
      place,
      repository,
      { keep: 3, protect: ['first'], justPushed: [] },
      cloud.step(),
    )
    expect(deleted).toHaveLength(227)
    expect(keptTagged).toBe(4)
    // Which of those with the same push time are the newest is not defined.
    const kept = (await tagsIn(place.name)).filter(tag => tag !== 'first')
    expect(kept).toHaveLength(3)
    for (const tag of kept) expect(Number(tag.slice(1))).toBeGreaterThan(200)
  })

  test('in ECR Public', async () => {
    const place = await createdRepository(
      named('open/old', 'public'),
      { immutableTags: false, scanOnPush: false, lifecyclePolicy: undefined },
      'eu-west-1',
      cloud.step(),
    )
    const { ecrLogin, Repository } = await import('@aws-deploy-actions/container-registry')
    const { credentials } = await ecrLogin('public', 'eu-west-1', cloud.step(), () => undefined)
    const [host = ''] = place.uri.split('/')
    const repository = new Repository(
      cloud.connection(host, credentials),
      place.uri.slice(host.length + 1),
      'ecr-public',
    )
    for (const tag of ['1', '2', '3']) await cloud.push(dockerSave([tag]), repository, tag)
    const { deleted } = await expireImages(place, repository, { keep: 1, protect: [], justPushed: [] }, cloud.step())
    expect(deleted.flatMap(({ tags }) => tags).toSorted()).toEqual(['1', '2'])
    expect(await repository.digestOf('3')).toBeDefined()
  })
})

async function manifestOf(repository: Repository, reference: string) {
  const manifest = await repository.manifest(reference)
  if (manifest === undefined) throw new Error(`no ${reference}`)
  return manifest
}

describe('scan gate', () => {
  const finding = (name: string, severity: string) => ({ name, severity, package: 'openssl' })

  async function scanned(script: object | undefined, scanOnPush = true, members = dockerSave(['scanned'])) {
    const { place, repository } = await cloud.repository({ imageScanningConfiguration: { scanOnPush } })
    if (script !== undefined) cloud.aws.scriptScan(place.name, script)
    const { digest } = await cloud.push(members, repository)
    return (failOn: 'critical' | 'high' | 'medium' | 'low', timeMs = 20_000) =>
      scanResult(place, repository, digest, failOn, timeMs, cloud.step())
  }

  test.each(['BASIC', 'ENHANCED'])('%s findings close it at and above the limit', async type => {
    const gate = await scanned({ type, findings: [finding('CVE-1', 'HIGH'), finding('CVE-2', 'LOW')] })
    expect(await gate('critical')).toMatchObject({ failure: undefined, counts: { HIGH: 1, LOW: 1 }, findings: [] })
    const closed = await gate('low')
    expect(closed.findings).toEqual([
      { name: 'CVE-1', severity: 'HIGH', package: 'openssl' },
      { name: 'CVE-2', severity: 'LOW', package: 'openssl' },
    ])
    expect(closed.failure).toMatchObject({ message: expect.stringMatching(/found 1 HIGH, 1 LOW/) })
    expect((await gate('high')).failure?.message).toMatch(/found 1 HIGH\./)
  })

  test('an index is judged by all of its platforms', async () => {
    const parts = [ociImage(['p']), ociImage(['q'], 'arm64')]
    const index = ociIndex(parts)
    const members = layoutOf([...parts.flatMap(part => part.members), blob(index)], index, INDEX)
    const gate = await scanned({ findings: [finding('CVE-1', 'CRITICAL')] }, true, members)
    expect(await gate('critical')).toMatchObject({ counts: { CRITICAL: 2 } })
  })

  test('without scan on push a scan is started', async () => {
    const gate = await scanned(undefined, false)
    expect((await gate('low')).failure).toBeUndefined()
    expect(cloud.aws.journal().some(({ operation, status }) => operation === 'StartImageScan' && status === 200)).toBe(
      true,
    )
  })

  test('an image that ECR does not know yet is asked for again', async () => {
    const gate = await scanned(undefined, false)
    const unknown = {
      kind: 'error',
      status: 400,
      code: 'ImageNotFoundException',
      message: 'not there',
      times: 1,
    } as const
    cloud.aws.addFault({ service: 'ecr', operation: 'StartImageScan', ...unknown })
    expect((await gate('low', 10_000)).failure).toBeUndefined()
  })

  test.each(['FAILED', 'UNSUPPORTED_IMAGE', 'SCAN_ELIGIBILITY_EXPIRED', 'FINDINGS_UNAVAILABLE', 'LIMIT_EXCEEDED'])(
    '%s is not passed',
    async status => {
      const gate = await scanned({ states: [{ status: 'IN_PROGRESS', lastsMs: 1000 }, { status }] })
      const { failure } = await gate('critical')
      expect(failure?.message).toMatch(/was not scanned/)
      expect(failure?.details.said).toMatch(status)
    },
  )

  test.each(['IN_PROGRESS', 'PENDING'])('%s for ever runs out of time', async status => {
    const gate = await scanned({ states: [{ status }] })
    await expect(gate('critical', 300)).rejects.toMatchObject({
      name: 'DeadlineExceeded',
      details: { cause: expect.stringMatching(status) },
    })
  })

  test('a denied look names the permission', async () => {
    const gate = await scanned(undefined)
    cloud.aws.setPolicy({
      Statement: [
        { Effect: 'Allow', Action: ['ecr:*'], Resource: '*' },
        { Effect: 'Deny', Action: ['ecr:DescribeImageScanFindings'], Resource: '*' },
      ],
    })
    await expect(gate('critical')).rejects.toMatchObject({ action: 'ecr:DescribeImageScanFindings' })
  })
})
