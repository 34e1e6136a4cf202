import { spawn } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { type LocalAws, startLocalAws } from '@aws-deploy-actions/local-aws'
import { type JavaScriptActionResult, startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import {
  CreateRepositoryCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  PutAccountSettingCommand,
} from '@aws-sdk/client-ecr'
import { pack } from 'tar-stream'
import { median, peakMemoryKiB, type Row, seconds } from './measure.ts'

const RUNS = 5
const LAYERS = 12
const LAYER_BYTES = 89_400_000
const LOGINS = 11
const ACTION = new URL('../../actions/ecr-push/', import.meta.url).pathname
const REMOTE = ['--dest-tls-verify=false', '--dest-creds']

/** An archive of 1 GB to the local registry beside skopeo, again unchanged, promoted; and the login beside docker's. */
export async function imagePush(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const aws = await startLocalAws({ speed: 50 })
  const bench = benchIn(folder, aws)
  try {
    await writeArchive(join(folder, 'image.tar'))
    return [...(await pushes(bench)), await login(bench)]
  } finally {
    bench.ecr.destroy()
    await aws.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Bench {
  readonly aws: LocalAws
  readonly ecr: ECRClient
  readonly folder: string
  readonly password: () => Promise<string>
  readonly repository: () => Promise<string>
  /** runs the action's bundle; its time in ms and its greatest memory */
  readonly push: (inputs: Readonly<Record<string, string>>) => Promise<{ took: number; peakKiB: number }>
}

function benchIn(folder: string, aws: LocalAws): Bench {
  const environment = aws.environment()
  const ecr = new ECRClient({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  })
  let repositories = 0
  return {
    aws,
    ecr,
    folder,
    password: async () => {
      const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
      const token = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64').toString()
      return token.slice('AWS:'.length)
    },
    repository: async () => {
      const repositoryName = `bench/app-${repositories++}`
      await ecr.send(new CreateRepositoryCommand({ repositoryName }))
      return repositoryName
    },
    push: async inputs => {
      const action = await startJavaScriptAction(ACTION, {
        inputs,
        environment,
        workspace: folder,
        temp: folder,
        post: false,
      })
      let peakKiB = 0
      const watch = setInterval(() => {
        peakKiB = Math.max(peakKiB, peakMemoryKiB(action.pid))
      }, 20)
      const result = await action.result
      clearInterval(watch)
      return { took: green(result).took, peakKiB }
    },
  }
}

function green(result: JavaScriptActionResult): JavaScriptActionResult {
  if (result.exitCode !== 0) throw new Error(`ecr-push ended ${result.exitCode}\n${result.stdout}${result.stderr}`)
  return result
}

async function pushes({ aws, ecr, folder, password, repository, push }: Bench): Promise<Row[]> {
  const ours: number[] = []
  const others: number[] = []
  let peakKiB = 0
  let pushed = ''
  const secret = await password()
  for (let run = 0; run < RUNS; run++) {
    pushed = await repository()
    const { took, peakKiB: peak } = await push({ repository: pushed, archive: 'image.tar', tags: 'v1' })
    ours.push(took)
    peakKiB = Math.max(peakKiB, peak)
    const target = `docker://${aws.registryAddress}/${await repository()}:v1`
    const source = `oci-archive:${join(folder, 'image.tar')}`
    others.push(await untilExit('skopeo', ['copy', '--quiet', ...REMOTE, `AWS:${secret}`, source, target]))
  }

  const before = sentBytes(aws)
  const again = await inTurn(RUNS, () => push({ repository: pushed, archive: 'image.tar', tags: 'v1' }))
  const unchanged = median(again.map(({ took }) => took))
  const resent = sentBytes(aws) - before

  await ecr.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'ENABLED' }))
  const promotions = await inTurn(RUNS, async () =>
    push({ repository: await repository(), 'source-image': `ecr:${pushed}:v1`, tags: 'prod' }),
  )
  const promotion = median(promotions.map(({ took }) => took))
  const mounted = sentBytes(aws) - before - resent
  await ecr.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'DISABLED' }))
  const streamed = await push({ repository: await repository(), 'source-image': `ecr:${pushed}:v1`, tags: 'prod' })

  const ratio = median(ours) / median(others)
  const single = { other: '–', ratio: '–' }
  return [
    {
      what: `Push of a 1 GB archive of ${LAYERS} compressed layers, beside \`skopeo copy\` (median of ${RUNS}, in turn)`,
      ours: seconds(median(ours)),
      other: seconds(median(others)),
      ratio: ratio.toFixed(2),
      aim: 'at most 1.2 times',
      met: ratio <= 1.2,
    },
    {
      what: 'Peak memory (RSS) of that push',
      ours: `${Math.round(peakKiB / 1024)} MB`,
      ...single,
      aim: 'under 150 MB',
      met: peakKiB < 150 * 1024,
    },
    {
      what: `The same push again (median of ${RUNS})`,
      ours: `${seconds(unchanged)}, ${resent} bytes of blobs`,
      ...single,
      aim: 'under 1 s, 0 bytes',
      met: unchanged < 1000 && resent === 0,
    },
    {
      what: `Promotion of that image to another repository of the registry, mounted (median of ${RUNS})`,
      ours: `${seconds(promotion)}, ${mounted} bytes of blobs`,
      ...single,
      aim: 'under 1 s',
      met: promotion < 1000 && mounted === 0,
    },
    {
      what: 'The same promotion streamed: time and peak memory (RSS)',
      ours: `${seconds(streamed.took)}, ${Math.round(streamed.peakKiB / 1024)} MB`,
      ...single,
      aim: 'under 150 MB',
      met: streamed.peakKiB < 150 * 1024,
    },
  ]
}

/** From the start of the process to the first request that the registry lets in, beside `docker login` from start to end. */
async function login({ aws, folder, password, repository, push }: Bench): Promise<Row> {
  const secret = await password()
  const name = await repository()
  await push({ repository: name, archive: 'image.tar', tags: 'v1' })
  const ours: number[] = []
  const others: number[] = []
  const docker = join(folder, 'docker')
  await mkdir(docker)
  for (let run = 0; run < LOGINS; run++) {
    const began = Date.now()
    await push({ repository: name, archive: 'image.tar', tags: 'v1' })
    const first = aws.journal().find(({ at, service, status }) => at >= began && service === 'registry' && status < 300)
    ours.push((first?.at ?? Number.NaN) - began)
    const words = ['--config', docker, 'login', '--username', 'AWS', '--password-stdin', aws.registryAddress]
    others.push(await untilExit('docker', words, secret))
  }
  const ratio = median(ours) / median(others)
  return {
    what: `Start to ready-to-push, login included, beside \`docker login\` with a password at hand (median of ${LOGINS})`,
    ours: seconds(median(ours)),
    other: seconds(median(others)),
    ratio: ratio.toFixed(1),
    aim: 'for comparison',
    met: true,
  }
}

/** bytes of layers that reached the registry so far */
function sentBytes(aws: LocalAws): number {
  const uploads = aws.journal().filter(({ operation }) => operation === 'PATCH upload' || operation === 'PUT upload')
  return uploads.reduce((sum, { input }) => sum + Number(Reflect.get(Object(input), 'content-length') ?? 0), 0)
}

async function inTurn<Result>(times: number, work: () => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (let run = 0; run < times; run++) results.push(await work())
  return results
}

/** @returns milliseconds from start to end */
function untilExit(command: string, words: readonly string[], input = ''): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['pipe', 'ignore', 'pipe'] })
    let problem = ''
    child.stderr.on('data', chunk => {
      problem += chunk
    })
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) resolve(performance.now() - began)
      else reject(new Error(`${command} ended ${code}: ${problem}`))
    })
    child.stdin.end(input)
  })
}

/** An OCI layout whose layers are gzip as their type says, but do not shrink. */
async function writeArchive(path: string): Promise<void> {
  const tar = pack()
  const writing = pipeline(Readable.from(tar), createWriteStream(path))
  const add = (name: string, content: Buffer | string): Promise<void> =>
    new Promise((resolve, reject) => {
      tar.entry({ name }, content, error => (error ? reject(error) : resolve()))
    })
  const blob = async (mediaType: string, content: Buffer | string) => {
    const digest = digestOf(content)
    await add(`blobs/${digest.replace(':', '/')}`, content)
    return { mediaType, digest, size: Buffer.byteLength(content) }
  }
  const layers: object[] = []
  const diffIds: string[] = []
  for (let layer = 0; layer < LAYERS; layer++) {
    const content = randomFillSync(Buffer.alloc(LAYER_BYTES))
    diffIds.push(digestOf(content))
    layers.push(await blob('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(content, { level: 0 })))
  }
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const config = await blob(
    'application/vnd.oci.image.config.v1+json',
    JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }),
  )
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = await blob(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers }))
  await add('index.json', JSON.stringify({ schemaVersion: 2, manifests: [manifest] }))
  await add('oci-layout', '{"imageLayoutVersion":"1.0.0"}')
  tar.finalize()
  await writing
}

function digestOf(content: Buffer | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
