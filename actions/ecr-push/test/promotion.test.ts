import { type LocalAws, startLocalAws } from '@aws-deploy-actions/local-aws'
import { CreateRepositoryCommand, ECRClient, PutAccountSettingCommand } from '@aws-sdk/client-ecr'
import { CreateRepositoryCommand as CreatePublicRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  blob,
  digestOf,
  layoutOf,
  noise,
  OCI_INDEX,
  ociImage,
  ociIndex,
} from '../../../test/support/sample-archives.ts'
import { type HeldContent, heldIn } from './support/held-content.ts'
import { type PushCloud, startedPushCloud } from './support/push-cloud.ts'

const OTHER_ACCOUNT = '210987654321'
const big = noise(1_500_000, 'promoted')
const images = [ociImage(['one', big]), ociImage(['two', 'shared'], 'arm64')]
const index = ociIndex(images)
const digest = digestOf(index)
const contents = [...images.map(({ config }) => config), 'one', big, 'two', 'shared']

let cloud: PushCloud
let name: string
let counter = 0
const clients: { destroy(): void }[] = []

beforeAll(async () => {
  cloud = await startedPushCloud()
  cloud.tar('image.tar', layoutOf([...images.flatMap(image => image.members), blob(index)], index, OCI_INDEX))
  await cloud.repository('source')
  expect((await cloud.run({ repository: 'source', archive: 'image.tar', tags: 'v1' })).exitCode).toBe(0)
})
afterAll(async () => {
  for (const client of clients) client.destroy()
  await cloud?.stop()
})
beforeEach(() => {
  name = `promoted/to${counter++}`
})

const REFERENCES = [
  ['by tag', ':v1'],
  ['by digest', `@${digest}`],
] as const

function clientIn(region: string): ECRClient {
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) }
  const client = new ECRClient({ endpoint: cloud.aws.endpoint, region, credentials })
  clients.push(client)
  return client
}

const since = (): number => cloud.aws.journal().length

/** The index, both images and all their blobs, byte for byte, under all tags. */
async function expectWhole(held: HeldContent, tags: readonly string[]): Promise<void> {
  for (const reference of [...tags, digest]) expect(await held.manifest(reference)).toBe(index)
  for (const { manifest } of images) expect(await held.manifest(digestOf(manifest))).toBe(manifest)
  for (const content of contents) {
    expect((await held.blob(digestOf(content))).equals(Buffer.from(content))).toBe(true)
  }
  expect(Object.entries(await held.tags()).filter(([tag]) => tag !== '')).toEqual(tags.map(tag => [tag, digest]))
}

async function promote(source: string, inputs: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const start = since()
  const wanted = { repository: name, 'source-image': source, tags: 'prod\nlatest', ...inputs }
  const { exitCode, outputs } = await cloud.run(wanted)
  expect([exitCode, outputs['status'], outputs['digest']]).toEqual([0, 'promoted', digest])
  return cloud.requests(start)
}

const streamed = (requests: readonly string[]): number =>
  requests.filter(line => line.startsWith('registry PATCH upload')).length

describe.each(REFERENCES)('an index for several platforms, %s', (_, reference) => {
  test.each([
    ['mounted', 'ENABLED', 0],
    ['streamed where the account did not turn that on', 'DISABLED', contents.length],
  ] as const)('within one registry: %s', async (_, value, uploads) => {
    await cloud.ecr.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value }))
    await cloud.repository(name)
    const requests = await promote(`ecr:source${reference}`)
    expect(streamed(requests)).toBe(uploads)
    expect(requests.filter(line => line.startsWith('registry PUT upload'))).toHaveLength(uploads)
    await expectWhole(heldIn(cloud.ecr, name), ['prod', 'latest'])

    const again = await promote(`ecr:source${reference}`)
    expect(again.filter(line => /upload|PUT/.test(line))).toEqual([])
  })

  test('to another region: streamed', async () => {
    const far = clientIn('us-west-2')
    await far.send(new CreateRepositoryCommand({ repositoryName: name }))
    const requests = await promote(`${cloud.aws.accountId}.dkr.ecr.eu-west-1.amazonaws.com/source${reference}`, {
      'aws-region': 'us-west-2',
    })
    expect(streamed(requests)).toBe(contents.length)
    await expectWhole(heldIn(far, name), ['prod', 'latest'])
  })

  test('from another region, by its address: streamed', async () => {
    const far = clientIn('us-west-2')
    const from = `${name}/from`
    await far.send(new CreateRepositoryCommand({ repositoryName: from }))
    await cloud.run({ repository: from, archive: 'image.tar', tags: 'v1', 'aws-region': 'us-west-2' })
    await cloud.repository(name)
    const source = `${cloud.aws.accountId}.dkr.ecr.us-west-2.amazonaws.com/${from}${reference}`
    expect(streamed(await promote(source))).toBe(contents.length)
    await expectWhole(heldIn(cloud.ecr, name), ['prod', 'latest'])
  })

  test('from another account and to it: streamed', async () => {
    const staging = `${name}/staging`
    await cloud.repository(staging, { registryId: OTHER_ACCOUNT })
    expect(streamed(await promote(`ecr:source${reference}`, { repository: address(staging) }))).toBe(contents.length)
    await expectWhole(heldIn(cloud.ecr, staging, OTHER_ACCOUNT), ['prod', 'latest'])

    await cloud.repository(name)
    const source = `ecr:${OTHER_ACCOUNT}/${staging}${reference.replace('v1', 'prod')}`
    expect(streamed(await promote(source))).toBe(contents.length)
    await expectWhole(heldIn(cloud.ecr, name), ['prod', 'latest'])
  })

  test("from ECR Public, one's own and another account's: streamed", async () => {
    const foreign: LocalAws = await startLocalAws({ speed: 50, accountId: OTHER_ACCOUNT })
    try {
      for (const aws of [cloud.aws, foreign]) {
        const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) }
        const ecr = new ECRPUBLICClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials })
        const { repository } = await ecr.send(new CreatePublicRepositoryCommand({ repositoryName: name }))
        ecr.destroy()
        const uri = repository?.repositoryUri ?? ''
        const pushed = await cloud.run(
          { repository: name, registry: 'public', archive: 'image.tar', tags: 'v1' },
          aws.environment(),
        )
        expect(pushed.exitCode).toBe(0)
        const to = `${name}/${aws === foreign ? 'foreign' : 'own'}`
        await cloud.repository(to)
        expect(streamed(await promote(`${uri}${reference}`, { repository: to }))).toBe(contents.length)
        await expectWhole(heldIn(cloud.ecr, to), ['prod', 'latest'])
      }
    } finally {
      await foreign.stop()
    }
  })
})

function address(repository: string): string {
  return `${OTHER_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/${repository}`
}
