import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import {
  type Host,
  type HostOptions,
  type JournalEntry,
  type LocalAws,
  type LocalAwsOptions,
  startLocalAws,
} from '@aws-deploy-actions/local-aws'
import type { JavaScriptActionResult, RunningAction } from '@aws-deploy-actions/rehearsal'
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { pushImage } from '../../packages/local-aws/test/support/image.ts'
import { runAction, startAction } from './started-actions.ts'

const ACTION = new URL('../../actions/ssm-pull-deploy', import.meta.url).pathname

/** A host with a compose project `shop` of the services `web` (and more). */
export interface ShopHost {
  readonly host: Host
  readonly id: string
  /** the project's directory */
  readonly directory: string
  /** where the program keeps its things */
  readonly state: string
  /** the project's env file as it is */
  envFile(): string
  /** a file of the program's folder, `''` when it is not there */
  stateFile(name: string): string
  /** `service image-id status` of the project's containers, sorted */
  containers(): string[]
}

/** A host without containers. */
export interface FakeHost extends Pick<ShopHost, 'host' | 'id' | 'directory' | 'state' | 'envFile' | 'stateFile'> {
  /** a file of its docker: `calls`, `container`, … */
  dockerFile(name: string): string
  /** the tag that runs */
  running(): string | undefined
}

/** A local AWS with hosts, and the means to run the action's bundle in it. */
export interface HostCloud {
  readonly aws: LocalAws
  readonly temp: string
  /** @param compose text of compose.yml; `IMAGE` in it becomes the repository of {@link HostCloud.image} */
  addHost(options?: Partial<HostOptions>, compose?: string): Promise<ShopHost>
  /** a host whose docker only remembers (fake-docker.sh): for what is not about containers */
  addFakeHost(options?: Partial<HostOptions>): Promise<FakeHost>
  /** pushes an image whose container runs a shell script */
  image(tag: string, script?: string): Promise<void>
  /** `REGISTRY/shop/app` */
  readonly repository: string
  run(inputs: Readonly<Record<string, string>>): Promise<JavaScriptActionResult>
  start(inputs: Readonly<Record<string, string>>, onOutput?: (text: string) => void): Promise<RunningAction>
  calls(operation: string): JournalEntry[]
  stop(): Promise<void>
}

/** Runs until it is told to stop, and ends at once then. */
export const SERVER = 'trap "exit 0" TERM; while :; do sleep 0.2; done'
export const COMPOSE = `services:
  web:
    image: IMAGE:\${TAG:-1}
    restart: always
    stop_grace_period: 1s
`

const FAKE_DOCKER = new URL('fake-docker.sh', import.meta.url).pathname

let hosts = 0
function nextInstance(): string {
  return `i-0123456789abc${(hosts++).toString(16).padStart(4, '0')}`
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function filesOf(directory: string): Pick<ShopHost, 'state' | 'envFile' | 'stateFile'> {
  const state = join(dirname(directory), `.${basename(directory)}.deploy`)
  return {
    state,
    envFile: () => contentOf(join(directory, '.env')),
    stateFile: name => contentOf(join(state, name)),
  }
}

export async function startHostCloud(options: LocalAwsOptions = {}): Promise<HostCloud> {
  const aws = await startLocalAws({ speed: 50, ...options })
  const environment = aws.environment()
  const temp = await mkdtemp(join(tmpdir(), 'host-cloud-'))
  const repository = `${aws.registryAddress}/shop/app`
  const login = await dockerLogin(aws)
  const runnerOptions = (inputs: Readonly<Record<string, string>>) => ({
    temp,
    inputs: { 'health-timeout': '8s', ...inputs },
    environment: {
      ...environment,
      GITHUB_RUN_ID: '4711',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_REPOSITORY: 'acme/shop',
      GITHUB_ACTOR: 'alice',
    },
  })
  async function addFakeHost(given: Partial<HostOptions> = {}): Promise<FakeHost> {
    const instanceId = nextInstance()
    const fake = join(temp, `docker-${instanceId}`)
    const { tools = {}, environment: own = {}, ...rest } = given
    const host = await aws.addHost({
      instanceId,
      tools: { docker: await readFile(FAKE_DOCKER, 'utf8'), ...tools },
      environment: { FAKE_DOCKER: fake, ...own },
      ...rest,
    })
    const shared = given.sharedDirectory
    const directory = shared === undefined ? await host.projectDirectory('shop') : join(host.directory, 'shop')
    await mkdir(directory, { recursive: true })
    const dockerFile = (name: string): string => contentOf(join(fake, name))
    return {
      host,
      id: instanceId,
      directory,
      ...filesOf(directory),
      dockerFile,
      running: () => dockerFile('container').split(' ')[2],
    }
  }

  return {
    aws,
    temp,
    repository,
    addFakeHost,
    addHost: async (given = {}, compose = COMPOSE) => {
      const { tools = {}, ...rest } = given
      const host = await aws.addHost({
        instanceId: nextInstance(),
        tools: { docker: dockerOfHost(temp), ...tools },
        ...rest,
      })
      await writeFile(join(dirname(host.directory), 'docker', 'config.json'), login)
      const directory = await host.projectDirectory('shop')
      await writeFile(join(directory, 'compose.yml'), compose.replaceAll('IMAGE', repository))
      return {
        host,
        id: host.instanceId,
        directory,
        ...filesOf(directory),
        containers: () =>
          docker(
            'ps',
            '--all',
            '--no-trunc',
            '--filter',
            `label=com.docker.compose.project=${basename(directory)}`,
            '--format',
            '{{.Label "com.docker.compose.service"}} {{.Image}} {{.State}}',
          )
            .split('\n')
            .filter(line => line !== '')
            .toSorted(),
      }
    },
    image: async (tag, script = SERVER) => {
      await pushImage(
        aws,
        'shop/app',
        {
          files: {
            'bin/busybox': readFileSync('/bin/busybox'),
            'bin/sh': { link: 'busybox' },
            'bin/sleep': { link: 'busybox' },
          },
          entryPoint: ['/bin/sh', '-c'],
          command: [script],
          // Its own ids: other tests remove theirs.
          environment: ['PATH=/bin', `VERSION=${tag}`, `REGISTRY=${aws.registryAddress} ${temp}`],
        },
        tag,
      )
    },
    run: inputs => runAction(ACTION, runnerOptions(inputs)),
    start: (inputs, onOutput) =>
      startAction(ACTION, { ...runnerOptions(inputs), ...(onOutput === undefined ? {} : { onOutput }) }),
    calls: operation => aws.journal().filter(entry => entry.operation === operation),
    stop: async () => {
      const images = imagesOf(aws.registryAddress)
      try {
        await aws.stop()
      } finally {
        // Under the names that keep them, too.
        if (images.length > 0) spawnSync('docker', ['rmi', '--force', ...images], { stdio: 'ignore' })
        await rm(temp, { recursive: true, force: true })
      }
    },
  }
}

export function docker(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** The `instances` output. */
export function instancesOf({ outputs }: JavaScriptActionResult): Record<string, unknown>[] {
  const parsed: unknown = JSON.parse(outputs['instances'] ?? '[]')
  return Array.isArray(parsed) ? parsed : []
}

/** docker, but for dangling images: the engine is shared with other tests. */
function dockerOfHost(folder: string): string {
  const real = execFileSync('sh', ['-c', 'command -v docker || echo docker'], { encoding: 'utf8' }).trim()
  return `#!/bin/sh
if [ "$1 $2" = "image prune" ]; then echo "$*" >>${folder}/pruned; exit 0; fi
exec ${real} "$@"
`
}

async function dockerLogin(aws: LocalAws): Promise<string> {
  const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: region = '' } = aws.environment()
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' }
  const ecr = new ECRClient({ endpoint, region, credentials })
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
  ecr.destroy()
  return JSON.stringify({ auths: { [aws.registryAddress]: { auth: authorizationData?.[0]?.authorizationToken } } })
}

/** The ids of the images that came from a registry. */
function imagesOf(registry: string): string[] {
  try {
    const lines = docker('images', '--no-trunc', '--format', '{{.Repository}} {{.ID}}').split('\n')
    const own = lines.filter(line => line.startsWith(`${registry}/`))
    return [...new Set(own.map(line => line.slice(line.indexOf(' ') + 1)))]
  } catch {
    // without an engine there is nothing
    return []
  }
}

/** Files that a run may have left in the system's temporary folder. */
export async function workFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter(name => name.startsWith('ssm-pull-deploy.'))
}
