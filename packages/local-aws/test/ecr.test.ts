import * as ecr from '@aws-sdk/client-ecr'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type LocalAws, startLocalAws } from '../src/index.ts'
import { digestOf } from '../src/registry/digest.ts'
import { mediaTypes } from '../src/registry/manifest.ts'
import { manifestOf } from './registry-fixture.ts'

let aws: LocalAws
let client: ecr.ECRClient
const others: ecr.ECRClient[] = []

function clientIn(region: string): ecr.ECRClient {
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' }
  const created = new ecr.ECRClient({ endpoint: aws.endpoint, region, credentials, maxAttempts: 1 })
  others.push(created)
  return created
}

beforeAll(async () => {
  aws = await startLocalAws({ speed: 50 })
  client = clientIn('eu-west-1')
})

afterEach(() => {
  aws.setPolicy(undefined)
  aws.clearFaults()
})

afterAll(async () => {
  for (const other of others) other.destroy()
  await aws.stop()
})

async function create(
  repositoryName: string,
  more: Partial<ecr.CreateRepositoryRequest> = {},
): Promise<ecr.Repository> {
  const { repository } = await client.send(new ecr.CreateRepositoryCommand({ repositoryName, ...more }))
  return repository ?? {}
}

async function pushLayer(repositoryName: string, bytes: Buffer): Promise<string> {
  const layerDigest = digestOf(bytes)
  const { uploadId } = await client.send(new ecr.InitiateLayerUploadCommand({ repositoryName }))
  const part = { partFirstByte: 0, partLastByte: bytes.length - 1, layerPartBlob: bytes }
  await client.send(new ecr.UploadLayerPartCommand({ repositoryName, uploadId, ...part }))
  await client.send(new ecr.CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [layerDigest] }))
  return layerDigest
}

/** pushes an image of one layer through the API alone */
async function pushImage(repositoryName: string, imageTag: string, content: string): Promise<string> {
  const [config, layer] = [Buffer.from(JSON.stringify({ content })), Buffer.from(content)]
  for (const blob of [config, layer]) await pushLayer(repositoryName, blob)
  const imageManifest = manifestOf(config, [layer]).toString()
  const { image } = await client.send(new ecr.PutImageCommand({ repositoryName, imageManifest, imageTag }))
  return image?.imageId?.imageDigest ?? ''
}

async function failure(call: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error)) throw new Error('the call succeeded')
  return { name: error.name, message: error.message }
}

describe('repositories', () => {
  test('are created with their settings and described by name', async () => {
    const repository = await create('team/app', {
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'latest' }],
      imageScanningConfiguration: { scanOnPush: true },
      tags: [{ Key: 'team', Value: 'a' }],
    })
    expect(repository).toMatchObject({
      repositoryArn: `arn:aws:ecr:eu-west-1:${aws.accountId}:repository/team/app`,
      registryId: aws.accountId,
      repositoryUri: `${aws.registryAddress}/team/app`,
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'AES256' },
    })
    expect(repository.createdAt).toBeInstanceOf(Date)
    const described = await client.send(new ecr.DescribeRepositoriesCommand({ repositoryNames: ['team/app'] }))
    expect(described.repositories).toEqual([repository])
    const resourceArn = repository.repositoryArn
    const { tags } = await client.send(new ecr.ListTagsForResourceCommand({ resourceArn }))
    expect(tags).toEqual([{ Key: 'team', Value: 'a' }])
  })

  test('errors have the names and texts of AWS', async () => {
    await create('twice')
    const registry = `in the registry with id '${aws.accountId}'`
    expect(await failure(create('twice'))).toEqual({
      name: 'RepositoryAlreadyExistsException',
      message: `The repository with name 'twice' already exists ${registry}`,
    })
    const missing = new ecr.DescribeRepositoriesCommand({ repositoryNames: ['twice', 'missing'] })
    expect(await failure(client.send(missing))).toEqual({
      name: 'RepositoryNotFoundException',
      message: `The repository with name 'missing' does not exist ${registry}`,
    })
    const constraint = "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
    expect(await failure(create('Upper'))).toEqual({
      name: 'InvalidParameterException',
      message: `${constraint}'must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''`,
    })
    expect((await failure(create('a'))).message).toBe(`${constraint}'must have length greater than or equal to 2'`)
    const filters = { imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD' as const, filter: 'x' }] }
    expect((await failure(create('filtered', filters))).name).toBe('InvalidParameterException')
  })

  test('belong to the region of the request', async () => {
    const west = clientIn('us-west-2')
    const { repository } = await west.send(new ecr.CreateRepositoryCommand({ repositoryName: 'regional' }))
    expect(repository?.repositoryArn).toBe(`arn:aws:ecr:us-west-2:${aws.accountId}:repository/regional`)
    const here = client.send(new ecr.DescribeRepositoriesCommand({ repositoryNames: ['regional'] }))
    expect((await failure(here)).name).toBe('RepositoryNotFoundException')
    await create('regional')
  })

  test('are listed in pages', async () => {
    const south = clientIn('eu-south-1')
    for (const repositoryName of ['one', 'two', 'three', 'four', 'five']) {
      await south.send(new ecr.CreateRepositoryCommand({ repositoryName }))
    }
    const names: (string | undefined)[] = []
    for await (const page of ecr.paginateDescribeRepositories({ client: south, pageSize: 2 }, {})) {
      names.push(...(page.repositories ?? []).map(repository => repository.repositoryName))
    }
    expect(names).toEqual(['one', 'two', 'three', 'four', 'five'])
  })

  test('with images are deleted by force only', async () => {
    await create('full')
    await pushImage('full', 'v1', 'full')
    const refused = await failure(client.send(new ecr.DeleteRepositoryCommand({ repositoryName: 'full' })))
    expect(refused.name).toBe('RepositoryNotEmptyException')
    await client.send(new ecr.DeleteRepositoryCommand({ repositoryName: 'full', force: true }))
    expect((await failure(client.send(new ecr.ListImagesCommand({ repositoryName: 'full' })))).name).toBe(
      'RepositoryNotFoundException',
    )
  })

  test('keep a lifecycle policy as it was given', async () => {
    const repositoryName = 'aging'
    await create(repositoryName)
    const none = await failure(client.send(new ecr.GetLifecyclePolicyCommand({ repositoryName })))
    expect(none.name).toBe('LifecyclePolicyNotFoundException')
    const selection = { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 }
    const lifecyclePolicyText = JSON.stringify({ rules: [{ rulePriority: 1, selection, action: { type: 'expire' } }] })
    await client.send(new ecr.PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }))
    const got = await client.send(new ecr.GetLifecyclePolicyCommand({ repositoryName }))
    expect(got).toMatchObject({ repositoryName, lifecyclePolicyText })
    const broken = new ecr.PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: '{"rules":[{}]}' })
    expect((await failure(client.send(broken))).name).toBe('InvalidParameterException')
  })

  test('change their settings', async () => {
    const repositoryName = 'changing'
    await create(repositoryName)
    await client.send(new ecr.PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' }))
    const imageScanningConfiguration = { scanOnPush: true }
    await client.send(new ecr.PutImageScanningConfigurationCommand({ repositoryName, imageScanningConfiguration }))
    const { repositories } = await client.send(
      new ecr.DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }),
    )
    expect(repositories).toMatchObject([{ imageTagMutability: 'IMMUTABLE', imageScanningConfiguration }])
  })
})

describe('images', () => {
  test('are described by tag, by digest, and all', async () => {
    const repositoryName = 'described'
    await create(repositoryName)
    const first = await pushImage(repositoryName, 'v1', 'one')
    const second = await pushImage(repositoryName, 'v2', 'two')
    await pushImage(repositoryName, 'v1', 'three')
    const { imageDetails } = await client.send(
      new ecr.DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: 'v2' }] }),
    )
    expect(imageDetails).toMatchObject([
      {
        registryId: aws.accountId,
        repositoryName,
        imageDigest: second,
        imageTags: ['v2'],
        imageSizeInBytes: '{"content":"two"}'.length + 'two'.length,
        imageManifestMediaType: mediaTypes.ociManifest,
        artifactMediaType: 'application/vnd.oci.image.config.v1+json',
      },
    ])
    expect(Math.abs(Date.now() - (imageDetails?.[0]?.imagePushedAt?.getTime() ?? 0))).toBeLessThan(60_000)
    const untagged = new ecr.DescribeImagesCommand({ repositoryName, filter: { tagStatus: 'UNTAGGED' } })
    const left = (await client.send(untagged)).imageDetails
    expect(left).toMatchObject([{ imageDigest: first }])
    expect(left?.[0]).not.toHaveProperty('imageTags')
    const tags: (string | undefined)[] = []
    for await (const page of ecr.paginateListImages({ client, pageSize: 1 }, { repositoryName })) {
      tags.push(...(page.imageIds ?? []).map(({ imageTag }) => imageTag))
    }
    expect(tags).toEqual([undefined, 'v2', 'v1'])
    const missing = new ecr.DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: 'v9' }] })
    expect(await failure(client.send(missing))).toEqual({
      name: 'ImageNotFoundException',
      message: `The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name 'described' in the registry with id '${aws.accountId}'`,
    })
  })

  test('get a further tag with the manifest verbatim; the push time stays', async () => {
    const repositoryName = 'promoted'
    await create(repositoryName)
    const imageDigest = await pushImage(repositoryName, 'abc123', 'promote me')
    const pushed = (await client.send(new ecr.DescribeImagesCommand({ repositoryName }))).imageDetails?.[0]
      ?.imagePushedAt
    const acceptedMediaTypes = Object.values(mediaTypes)
    const wanted = { repositoryName, imageIds: [{ imageTag: 'abc123' }, { imageTag: 'nope' }], acceptedMediaTypes }
    const { images, failures } = await client.send(new ecr.BatchGetImageCommand(wanted))
    expect(failures).toEqual([
      { imageId: { imageTag: 'nope' }, failureCode: 'ImageNotFound', failureReason: 'Requested image not found' },
    ])
    const [image] = images ?? []
    const retag = {
      repositoryName,
      imageTag: 'production',
      imageManifest: image?.imageManifest,
      imageManifestMediaType: image?.imageManifestMediaType,
    }
    const { image: put } = await client.send(new ecr.PutImageCommand(retag))
    expect(put?.imageId).toEqual({ imageDigest, imageTag: 'production' })
    const { imageDetails } = await client.send(new ecr.DescribeImagesCommand({ repositoryName }))
    expect(imageDetails).toMatchObject([{ imageTags: ['abc123', 'production'], imagePushedAt: pushed }])
    expect(await failure(client.send(new ecr.PutImageCommand(retag)))).toEqual({
      name: 'ImageAlreadyExistsException',
      message: `Image with digest '${imageDigest}' and tag 'production' already exists in the repository with name 'promoted' in registry with id '${aws.accountId}'`,
    })
  })

  test('an immutable tag is not moved', async () => {
    const repositoryName = 'immutable'
    await create(repositoryName, { imageTagMutability: 'IMMUTABLE' })
    await pushImage(repositoryName, 'v1', 'one')
    expect(await failure(pushImage(repositoryName, 'v1', 'two'))).toEqual({
      name: 'ImageTagAlreadyExistsException',
      message:
        "The image tag 'v1' already exists in the 'immutable' repository and cannot be overwritten because the tag is immutable.",
    })
  })

  test('are deleted by tag and by digest, what is missing is a failure', async () => {
    const repositoryName = 'emptied'
    await create(repositoryName)
    const imageDigest = await pushImage(repositoryName, 'v1', 'one')
    const command = new ecr.BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest }, { imageTag: 'v2' }] })
    const { imageIds, failures } = await client.send(command)
    expect(imageIds).toEqual([{ imageDigest, imageTag: 'v1' }])
    expect(failures).toMatchObject([{ imageId: { imageTag: 'v2' }, failureCode: 'ImageNotFound' }])
    expect((await client.send(new ecr.ListImagesCommand({ repositoryName }))).imageIds).toEqual([])
  })
})

describe('layers', () => {
  const repositoryName = 'layers'
  beforeAll(async () => {
    await create(repositoryName)
  })

  test('are there after their upload, and can be downloaded without authentication', async () => {
    const layerDigest = await pushLayer(repositoryName, Buffer.from('content'))
    const unknown = digestOf(Buffer.from('unknown'))
    const layerDigests = [layerDigest, unknown, 'nonsense']
    const checked = await client.send(new ecr.BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests }))
    expect(checked.layers).toEqual([
      { layerDigest, layerAvailability: 'AVAILABLE', layerSize: 7 },
      { layerDigest: unknown, layerAvailability: 'UNAVAILABLE' },
    ])
    expect(checked.failures).toMatchObject([{ layerDigest: 'nonsense', failureCode: 'InvalidLayerDigest' }])
    const { downloadUrl = '' } = await client.send(
      new ecr.GetDownloadUrlForLayerCommand({ repositoryName, layerDigest }),
    )
    expect(await (await fetch(downloadUrl)).text()).toBe('content')
    const missing = new ecr.GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: unknown })
    expect((await failure(client.send(missing))).name).toBe('LayersNotFoundException')
  })

  test('parts must follow one another and be large but for the last', async () => {
    const { uploadId, partSize } = await client.send(new ecr.InitiateLayerUploadCommand({ repositoryName }))
    expect(partSize).toBe(10 * 1024 * 1024)
    const part = (first: number, text: string): Promise<unknown> => {
      const range = { partFirstByte: first, partLastByte: first + text.length - 1, layerPartBlob: Buffer.from(text) }
      return client.send(new ecr.UploadLayerPartCommand({ repositoryName, uploadId, ...range }))
    }
    expect((await failure(part(5, 'gap'))).name).toBe('InvalidLayerPartException')
    await part(0, 'small')
    expect((await failure(part(5, 'more'))).name).toBe('LayerPartTooSmallException')
    const layerDigests = [digestOf(Buffer.from('wrong'))]
    const complete = new ecr.CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests })
    expect((await failure(client.send(complete))).name).toBe('InvalidLayerException')
    expect((await failure(client.send(complete))).name).toBe('UploadNotFoundException')
  })
})

describe('the registry', () => {
  test('gives a token for twelve hours that opens it', async () => {
    const { authorizationData } = await client.send(new ecr.GetAuthorizationTokenCommand({}))
    const [data] = authorizationData ?? []
    expect(data?.proxyEndpoint).toBe(`http://${aws.registryAddress}`)
    expect((data?.expiresAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(11.9 * 3600 * 1000)
    expect(Buffer.from(data?.authorizationToken ?? '', 'base64').toString()).toMatch(/^AWS:.{100,}$/)
    const headers = { authorization: `Basic ${data?.authorizationToken}` }
    expect((await fetch(`${data?.proxyEndpoint}/v2/`, { headers })).status).toBe(200)
  })

  test('a policy holds for the API and for the registry', async () => {
    await create('guarded')
    const { authorizationData } = await client.send(new ecr.GetAuthorizationTokenCommand({}))
    const headers = { authorization: `Basic ${authorizationData?.[0]?.authorizationToken}` }
    aws.setPolicy({ Statement: { Effect: 'Allow', Action: ['ecr:Describe*', 'ecr:BatchGetImage'], Resource: '*' } })
    const push = await fetch(`http://${aws.registryAddress}/v2/guarded/blobs/uploads/`, { method: 'POST', headers })
    const resource = `arn:aws:ecr:eu-west-1:${aws.accountId}:repository/guarded`
    expect([push.status, await push.json()]).toMatchObject([
      403,
      {
        errors: [
          { code: 'DENIED', message: expect.stringContaining(`ecr:InitiateLayerUpload on resource: ${resource}`) },
        ],
      },
    ])
    expect((await failure(client.send(new ecr.GetAuthorizationTokenCommand({})))).message).toContain(
      'ecr:GetAuthorizationToken',
    )
    await client.send(new ecr.DescribeRepositoriesCommand({}))
  })

  test('has blob mounting off until it is turned on', async () => {
    const name = 'BLOB_MOUNTING'
    expect(await client.send(new ecr.GetAccountSettingCommand({ name }))).toMatchObject({ name, value: 'DISABLED' })
    await client.send(new ecr.PutAccountSettingCommand({ name, value: 'ENABLED' }))
    expect(await client.send(new ecr.GetAccountSettingCommand({ name }))).toMatchObject({ value: 'ENABLED' })
    expect((await failure(client.send(new ecr.GetAccountSettingCommand({ name: 'NOTHING' })))).name).toBe(
      'InvalidParameterException',
    )
  })

  test('keeps pull-through rules', async () => {
    const ecrRepositoryPrefix = 'ecr-public'
    const rule = { ecrRepositoryPrefix, upstreamRegistryUrl: 'public.ecr.aws' }
    await client.send(new ecr.CreatePullThroughCacheRuleCommand(rule))
    expect((await failure(client.send(new ecr.CreatePullThroughCacheRuleCommand(rule)))).name).toBe(
      'PullThroughCacheRuleAlreadyExistsException',
    )
    const { pullThroughCacheRules } = await client.send(new ecr.DescribePullThroughCacheRulesCommand({}))
    expect(pullThroughCacheRules).toMatchObject([
      { ...rule, registryId: aws.accountId, upstreamRepositoryPrefix: 'ROOT' },
    ])
    await client.send(new ecr.DeletePullThroughCacheRuleCommand({ ecrRepositoryPrefix }))
    const wanted = new ecr.DescribePullThroughCacheRulesCommand({ ecrRepositoryPrefixes: [ecrRepositoryPrefix] })
    expect((await failure(client.send(wanted))).name).toBe('PullThroughCacheRuleNotFoundException')
  })
})

test('an image pushed to a repository with scan on push is scanned', async () => {
  const repositoryName = 'scanned'
  await create(repositoryName, { imageScanningConfiguration: { scanOnPush: true } })
  const imageDigest = await pushImage(repositoryName, 'v1', 'scan me')
  const find = (): Promise<ecr.DescribeImageScanFindingsCommandOutput> =>
    client.send(new ecr.DescribeImageScanFindingsCommand({ repositoryName, imageId: { imageTag: 'v1' } }))
  expect(await find()).toMatchObject({ imageId: { imageDigest, imageTag: 'v1' } })
  await ecr.waitUntilImageScanComplete(
    { client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 },
    { repositoryName, imageId: { imageTag: 'v1' } },
  )
  expect((await find()).imageScanFindings?.findingSeverityCounts).toEqual({})
  const again = client.send(new ecr.StartImageScanCommand({ repositoryName, imageId: { imageTag: 'v1' } }))
  expect((await failure(again)).name).toBe('LimitExceededException')
  await create('unscanned')
  await pushImage('unscanned', 'v1', 'never')
  const none = { repositoryName: 'unscanned', imageId: { imageTag: 'v1' } }
  expect((await failure(client.send(new ecr.DescribeImageScanFindingsCommand(none)))).name).toBe(
    'ScanNotFoundException',
  )
  const { imageScanStatus } = await client.send(new ecr.StartImageScanCommand(none))
  expect(imageScanStatus).toEqual({ status: 'IN_PROGRESS' })
})

test('findings come as scripted, basic and enhanced', async () => {
  const findings = [
    { name: 'CVE-2026-0001', severity: 'CRITICAL', package: 'openssl', version: '3.0.1' },
    { name: 'CVE-2026-0002', severity: 'LOW' },
    { name: 'CVE-2026-0003', severity: 'LOW' },
  ]
  aws.scriptScan('basic', { states: [{ status: 'COMPLETE' }], findings })
  aws.scriptScan('enhanced', { states: [{ status: 'ACTIVE' }], findings, type: 'ENHANCED' })
  aws.scriptScan('broken', { states: [{ status: 'FAILED' }], findings })
  const scanned = async (repositoryName: string, page: { nextToken?: string; maxResults?: number } = {}) => {
    const wanted = { repositoryName, imageId: { imageTag: 'v1' }, ...page }
    return await client.send(new ecr.DescribeImageScanFindingsCommand(wanted))
  }
  for (const repositoryName of ['basic', 'enhanced', 'broken']) {
    await create(repositoryName, { imageScanningConfiguration: { scanOnPush: true } })
    await pushImage(repositoryName, 'v1', repositoryName)
  }
  const first = await scanned('basic', { maxResults: 2 })
  expect(first).toMatchObject({
    imageScanStatus: { status: 'COMPLETE', description: 'The scan was completed successfully.' },
    imageScanFindings: {
      findingSeverityCounts: { CRITICAL: 1, LOW: 2 },
      findings: [
        { name: 'CVE-2026-0001', severity: 'CRITICAL', attributes: [{ key: 'package_name', value: 'openssl' }, {}] },
        { name: 'CVE-2026-0002' },
      ],
    },
  })
  const { nextToken = '' } = first
  expect((await scanned('basic', { nextToken })).imageScanFindings?.findings).toMatchObject([{ name: 'CVE-2026-0003' }])
  expect(await scanned('enhanced')).toMatchObject({
    imageScanStatus: { status: 'ACTIVE' },
    imageScanFindings: { enhancedFindings: [{ severity: 'CRITICAL', type: 'PACKAGE_VULNERABILITY' }, {}, {}] },
  })
  const failed = await scanned('broken')
  expect([failed.imageScanStatus?.status, failed.imageScanFindings]).toEqual(['FAILED', undefined])
  const { imageDetails } = await client.send(new ecr.DescribeImagesCommand({ repositoryName: 'basic' }))
  expect(imageDetails).toMatchObject([{ imageScanFindingsSummary: { findingSeverityCounts: { CRITICAL: 1, LOW: 2 } } }])
})
