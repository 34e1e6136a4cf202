import * as ecrPublic from '@aws-sdk/client-ecr-public'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type LocalAws, startLocalAws } from '../src/index.ts'
import { digestOf } from '../src/registry/digest.ts'
import { mediaTypes } from '../src/registry/manifest.ts'
import { manifestOf } from './registry-fixture.ts'

let aws: LocalAws
let client: ecrPublic.ECRPUBLICClient
const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' }

beforeAll(async () => {
  aws = await startLocalAws({ speed: 50 })
  client = new ecrPublic.ECRPUBLICClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
})

afterEach(() => {
  aws.setPolicy(undefined)
})

afterAll(async () => {
  client.destroy()
  await aws.stop()
})

async function failure(call: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error)) throw new Error('the call succeeded')
  return { name: error.name, message: error.message }
}

test('one token without an address, which needs two permissions', async () => {
  const token = new ecrPublic.GetAuthorizationTokenCommand({})
  const { authorizationData } = await client.send(token)
  expect(Object.keys(authorizationData ?? {}).sort()).toEqual(['authorizationToken', 'expiresAt'])
  const actions = ['ecr-public:GetAuthorizationToken', 'sts:GetServiceBearerToken']
  for (const missing of actions) {
    const allowed = actions.filter(action => action !== missing)
    aws.setPolicy({ Statement: { Effect: 'Allow', Action: allowed, Resource: '*' } })
    const refused = await failure(client.send(token))
    expect([refused.name, refused.message]).toEqual(['AccessDeniedException', expect.stringContaining(missing)])
  }
  aws.setPolicy({ Statement: { Effect: 'Allow', Action: actions, Resource: '*' } })
  await client.send(token)
})

test('a request that was signed for another region is refused', async () => {
  const elsewhere = new ecrPublic.ECRPUBLICClient({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials,
    maxAttempts: 1,
  })
  expect((await failure(elsewhere.send(new ecrPublic.DescribeRepositoriesCommand({})))).name).toBe(
    'InvalidSignatureException',
  )
  elsewhere.destroy()
})

test('a repository under the alias: pushed with the token, described, pulled, emptied', async () => {
  const repositoryName = 'team/site'
  const { repository } = await client.send(new ecrPublic.CreateRepositoryCommand({ repositoryName }))
  const { registries } = await client.send(new ecrPublic.DescribeRegistriesCommand({}))
  const alias = registries?.[0]?.aliases?.[0]?.name ?? ''
  expect(repository).toMatchObject({
    repositoryArn: `arn:aws:ecr-public::${aws.accountId}:repository/${repositoryName}`,
    registryId: aws.accountId,
    repositoryUri: `${aws.publicRegistryAddress}/${alias}/${repositoryName}`,
  })
  const { authorizationData } = await client.send(new ecrPublic.GetAuthorizationTokenCommand({}))
  const authorization = `Bearer ${authorizationData?.authorizationToken}`
  const base = `http://${aws.publicRegistryAddress}/v2/${alias}/${repositoryName}`
  const [config, layer] = [Buffer.from('{}'), Buffer.from('layer')]
  for (const body of [config, layer]) {
    const pushed = await fetch(`${base}/blobs/uploads/?digest=${digestOf(body)}`, {
      method: 'POST',
      body,
      headers: { authorization },
    })
    expect(pushed.status).toBe(201)
  }
  const body = manifestOf(config, [layer])
  const headers = { authorization, 'content-type': mediaTypes.ociManifest }
  expect((await fetch(`${base}/manifests/v1`, { method: 'PUT', body, headers })).status).toBe(201)

  const imageDigest = digestOf(body)
  const again = new ecrPublic.PutImageCommand({ repositoryName, imageManifest: body.toString(), imageTag: 'latest' })
  expect((await client.send(again)).image?.imageId).toEqual({ imageDigest, imageTag: 'latest' })
  const { imageDetails } = await client.send(new ecrPublic.DescribeImagesCommand({ repositoryName }))
  expect(imageDetails).toMatchObject([{ imageDigest, imageTags: ['v1', 'latest'], imageSizeInBytes: 7 }])
  const { imageTagDetails } = await client.send(new ecrPublic.DescribeImageTagsCommand({ repositoryName }))
  expect(imageTagDetails).toMatchObject([
    { imageTag: 'v1', imageDetail: { imageDigest } },
    { imageTag: 'latest', imageDetail: { imageDigest } },
  ])
  const layerDigests = [digestOf(layer)]
  const { layers } = await client.send(
    new ecrPublic.BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests }),
  )
  expect(layers).toMatchObject([{ layerAvailability: 'AVAILABLE', layerSize: 5 }])

  const token: unknown = await (await fetch(`http://${aws.publicRegistryAddress}/token/`)).json()
  const anonymous = { authorization: `Bearer ${Object(token).token}` }
  expect((await fetch(`${base}/manifests/v1`, { headers: anonymous })).status).toBe(200)

  const imageIds = [{ imageTag: 'v1' }, { imageTag: 'latest' }]
  await client.send(new ecrPublic.BatchDeleteImageCommand({ repositoryName, imageIds }))
  expect((await client.send(new ecrPublic.DescribeImagesCommand({ repositoryName }))).imageDetails).toEqual([])
  await client.send(new ecrPublic.DeleteRepositoryCommand({ repositoryName }))
  const gone = new ecrPublic.DescribeRepositoriesCommand({ repositoryNames: [repositoryName] })
  expect((await failure(client.send(gone))).name).toBe('RepositoryNotFoundException')
})
