import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import * as ecr from '@aws-sdk/client-ecr'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { type LocalAws, startLocalAws } from '../src/index.ts'
import { digestOf } from '../src/registry/digest.ts'
import { mediaTypes } from '../src/registry/manifest.ts'
import { manifestOf } from './registry-fixture.ts'

let aws: LocalAws

beforeAll(async () => {
  aws = await startLocalAws({ speed: 50 })
})

afterAll(async () => {
  await aws.stop()
})

describeWith(['AWS CLI'], 'the AWS CLI', () => {
  async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { PATH = '', HOME = '' } = process.env
    const env = { PATH, HOME, AWS_PAGER: '', AWS_EC2_METADATA_DISABLED: 'true', ...aws.environment() }
    return await new Promise(resolve => {
      execFile('aws', args, { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr })
      })
    })
  }

  test('creates a repository, logs in, says what is wrong', async () => {
    const created = await run('ecr', 'create-repository', '--repository-name', 'cli/app')
    expect(JSON.parse(created.stdout)).toMatchObject({
      repository: { repositoryName: 'cli/app', repositoryUri: `${aws.registryAddress}/cli/app` },
    })
    const [password, missing, uploaded] = await Promise.all([
      run('ecr', 'get-login-password'),
      run('ecr', 'describe-images', '--repository-name', 'cli/nothing'),
      run('ecr', 'initiate-layer-upload', '--repository-name', 'cli/app'),
    ])
    const authorization = `Basic ${Buffer.from(`AWS:${password.stdout.trim()}`).toString('base64')}`
    expect((await fetch(`http://${aws.registryAddress}/v2/`, { headers: { authorization } })).status).toBe(200)
    expect(missing.code).not.toBe(0)
    expect(missing.stderr).toContain(
      `An error occurred (RepositoryNotFoundException) when calling the DescribeImages operation: The repository with name 'cli/nothing' does not exist in the registry with id '${aws.accountId}'`,
    )
    expect(JSON.parse(uploaded.stdout)).toMatchObject({ partSize: 10485760 })
  })

  test('ecr-public: in us-east-1 only', async () => {
    const create = ['ecr-public', 'create-repository', '--repository-name', 'site']
    const [there, here, password] = await Promise.all([
      run(...create, '--region', 'us-east-1'),
      run(...create),
      run('ecr-public', 'get-login-password', '--region', 'us-east-1'),
    ])
    const { repository } = JSON.parse(there.stdout)
    expect(repository.repositoryUri).toMatch(new RegExp(`^${aws.publicRegistryAddress}/[a-z0-9]+/site$`))
    expect(here.stderr).toContain('(InvalidSignatureException)')
    const authorization = `Basic ${Buffer.from(`AWS:${password.stdout.trim()}`).toString('base64')}`
    const token = await fetch(`http://${aws.publicRegistryAddress}/token/`, { headers: { authorization } })
    expect(token.status).toBe(200)
  })
})

/** The members that an answer has, down to the leaves: `repository.repositoryArn`, `imageDetails[].imageTags[]`, … */
function members(value: unknown, path = ''): string[] {
  if (value instanceof Date || typeof value !== 'object' || value === null)
    return [`${path}: ${value instanceof Date ? 'date' : typeof value}`]
  if (Array.isArray(value)) return value.flatMap(entry => members(entry, `${path}[]`))
  return Object.entries(value).flatMap(([key, entry]) =>
    key === '$metadata' || entry === undefined ? [] : members(entry, path === '' ? key : `${path}.${key}`),
  )
}

describeWith(['moto'], 'moto', () => {
  let moto: ChildProcess
  let clients: { ours: ecr.ECRClient; motos: ecr.ECRClient }

  beforeAll(async () => {
    const port = await new Promise<number>(resolve => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const bound = probe.address()
        probe.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
      })
    })
    moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    const endpoint = `http://127.0.0.1:${port}`
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const up = await fetch(`${endpoint}/moto-api/`).then(
        () => true,
        () => false,
      )
      if (up) break
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    const settings = {
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' },
      maxAttempts: 1,
    }
    clients = {
      ours: new ecr.ECRClient({ ...settings, endpoint: aws.endpoint }),
      motos: new ecr.ECRClient({ ...settings, endpoint }),
    }
  })

  afterAll(async () => {
    clients.ours.destroy()
    clients.motos.destroy()
    const ended = new Promise(resolve => moto.once('exit', resolve))
    moto.kill('SIGKILL')
    await ended
  })

  const repositoryName = 'compared'
  const [config, layer] = [Buffer.from('{}'), Buffer.from('compared')]
  const imageManifest = manifestOf(config, [layer], mediaTypes.dockerManifest).toString()
  const image = { repositoryName, imageManifest, imageManifestMediaType: mediaTypes.dockerManifest }

  async function pushLayers(): Promise<void> {
    const { ours } = clients
    for (const bytes of [config, layer]) {
      const { uploadId } = await ours.send(new ecr.InitiateLayerUploadCommand({ repositoryName }))
      const part = { partFirstByte: 0, partLastByte: bytes.length - 1, layerPartBlob: bytes }
      await ours.send(new ecr.UploadLayerPartCommand({ repositoryName, uploadId, ...part }))
      const layerDigests = [digestOf(bytes)]
      await ours.send(new ecr.CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests }))
    }
  }

  interface Compared {
    readonly ours: string[]
    readonly motos: string[]
  }

  /** what both answer, or the error that both raise */
  async function compared(call: (client: ecr.ECRClient) => Promise<object>): Promise<Compared> {
    const shape = async (client: ecr.ECRClient): Promise<string[]> => {
      try {
        return [...new Set(members(await call(client)))].sort()
      } catch (error) {
        if (!(error instanceof Error)) throw error
        // moto writes the manifest anew before it computes the digest
        return [`${error.name}: ${error.message.replace(/sha256:[0-9a-f]+/, 'sha256:…')}`]
      }
    }
    return { ours: await shape(clients.ours), motos: await shape(clients.motos) }
  }

  /** ours has everything that moto has */
  function expectAllOf({ ours, motos }: Compared): void {
    expect(ours).toEqual(expect.arrayContaining(motos))
  }

  test('answers have the same members, errors the same names and texts', async () => {
    const create = (client: ecr.ECRClient): Promise<object> =>
      client.send(new ecr.CreateRepositoryCommand({ repositoryName }))
    expectAllOf(await compared(create))
    await pushLayers()
    const put = (imageTag: string) => (client: ecr.ECRClient) =>
      client.send(new ecr.PutImageCommand({ ...image, imageTag }))
    expectAllOf(await compared(put('v1')))
    expectAllOf(await compared(put('v2')))
    expectAllOf(await compared(client => client.send(new ecr.DescribeRepositoriesCommand({}))))
    expectAllOf(await compared(client => client.send(new ecr.DescribeImagesCommand({ repositoryName }))))
    expectAllOf(await compared(client => client.send(new ecr.ListImagesCommand({ repositoryName }))))
    const imageIds = [{ imageTag: 'v1' }]
    expectAllOf(await compared(client => client.send(new ecr.BatchGetImageCommand({ repositoryName, imageIds }))))
    const selection = { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 }
    const lifecyclePolicyText = JSON.stringify({ rules: [{ rulePriority: 1, selection, action: { type: 'expire' } }] })
    const policy = { repositoryName, lifecyclePolicyText }
    expectAllOf(await compared(client => client.send(new ecr.PutLifecyclePolicyCommand(policy))))
    expectAllOf(await compared(client => client.send(new ecr.GetLifecyclePolicyCommand({ repositoryName }))))
    expectAllOf(await compared(client => client.send(new ecr.GetAuthorizationTokenCommand({}))))
    expectAllOf(
      await compared(client =>
        client.send(new ecr.StartImageScanCommand({ repositoryName, imageId: { imageTag: 'v1' } })),
      ),
    )
    expectAllOf(await compared(client => client.send(new ecr.BatchDeleteImageCommand({ repositoryName, imageIds }))))
  })

  test.each<[string, (client: ecr.ECRClient) => Promise<object>]>([
    ['an existing repository', client => client.send(new ecr.CreateRepositoryCommand({ repositoryName }))],
    [
      'a missing repository',
      client => client.send(new ecr.DescribeRepositoriesCommand({ repositoryNames: ['no/such'] })),
    ],
    ['a repository with images', client => client.send(new ecr.DeleteRepositoryCommand({ repositoryName }))],
    ['no lifecycle policy', client => client.send(new ecr.GetLifecyclePolicyCommand({ repositoryName: 'no/such' }))],
    ['the same image again', client => client.send(new ecr.PutImageCommand({ ...image, imageTag: 'v2' }))],
    [
      'a second scan',
      client => client.send(new ecr.StartImageScanCommand({ repositoryName, imageId: { imageTag: 'v2' } })),
    ],
    [
      'a missing image',
      client => client.send(new ecr.DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: 'v9' }] })),
    ],
  ])('%s is the same error', async (_what, call) => {
    const { ours, motos } = await compared(call)
    expect(ours).toEqual(motos)
  })
})
