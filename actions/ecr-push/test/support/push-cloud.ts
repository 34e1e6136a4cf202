import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LocalAws, startLocalAws } from '@aws-deploy-actions/local-aws'
import {
  type JavaScriptActionResult,
  packImage,
  type RunningAction,
  runJavaScriptAction,
  startJavaScriptAction,
} from '@aws-deploy-actions/rehearsal'
import { CreateRepositoryCommand, type CreateRepositoryCommandInput, ECRClient } from '@aws-sdk/client-ecr'
import { CreateRepositoryCommand as CreatePublicRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { type Member, tarBytes } from '../../../../test/support/sample-archives.ts'

export const action = fileURLToPath(new URL('../..', import.meta.url))

type Texts = Readonly<Record<string, string>>

/** A local AWS, a workspace that is a git checkout, and the action in it. */
export interface PushCloud {
  readonly aws: LocalAws
  /** the workspace */
  readonly folder: string
  readonly ecr: ECRClient
  readonly ecrPublic: ECRPUBLICClient
  /** @returns its address */
  repository(name: string, settings?: Partial<CreateRepositoryCommandInput>): Promise<string>
  publicRepository(name: string): Promise<string>
  /** files by their path in the workspace */
  write(files: Texts): void
  git(...words: string[]): string
  /** commits all that was written. @returns the commit */
  commit(files?: Texts): string
  /** packs an image of one file. @returns its digest */
  archive(name: string, content: string): Promise<string>
  /** writes an archive of these members, or these bytes, into the workspace */
  tar(name: string, content: readonly Member[] | Buffer): void
  run(inputs: Texts, environment?: Texts): Promise<JavaScriptActionResult>
  start(inputs: Texts, environment?: Texts): Promise<RunningAction>
  /** `service operation status` of what was asked since */
  requests(since: number): string[]
  stop(): Promise<void>
}

const identity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'protocol.file.allow',
  GIT_CONFIG_VALUE_0: 'always',
}

export async function startedPushCloud(): Promise<PushCloud> {
  const aws = await startLocalAws({ speed: 50 })
  const folder = mkdtempSync(join(tmpdir(), 'ecr-push-test-'))
  mkdirSync(join(folder, '.home/.docker'), { recursive: true })
  const settings = {
    endpoint: aws.endpoint,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
  }
  const ecr = new ECRClient({ ...settings, region: 'eu-west-1' })
  const ecrPublic = new ECRPUBLICClient({ ...settings, region: 'us-east-1' })
  // In the labels of every image that is built here: what no name leads to is found by it.
  const source = `octo/${basename(folder).toLowerCase()}`
  const git = (...words: string[]): string =>
    execFileSync('git', words, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...identity } }).trim()
  git('init', '-q')
  writeFileSync(join(folder, '.git/info/exclude'), '.home\n.temp-*\n*.tar\n')
  git('commit', '-q', '--allow-empty', '-m', 'first')
  const write = (files: Texts): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
  }
  const options = (inputs: Texts, environment: Texts) => ({
    inputs,
    environment: {
      ...aws.environment(),
      HOME: join(folder, '.home'),
      GITHUB_SHA: git('rev-parse', 'HEAD'),
      GITHUB_REF: 'refs/heads/main',
      GITHUB_REPOSITORY: source,
      GITHUB_RUN_ID: '42',
      ...environment,
    },
    workspace: folder,
    temp: mkdtempSync(join(folder, '.temp-')),
  })
  return {
    aws,
    folder,
    ecr,
    ecrPublic,
    repository: async (repositoryName, more = {}) => {
      const { repository } = await ecr.send(new CreateRepositoryCommand({ repositoryName, ...more }))
      return repository?.repositoryUri ?? ''
    },
    publicRepository: async repositoryName => {
      const { repository } = await ecrPublic.send(new CreatePublicRepositoryCommand({ repositoryName }))
      return repository?.repositoryUri ?? ''
    },
    write,
    git,
    commit: (files = {}) => {
      write(files)
      git('add', '--all')
      git('commit', '-q', '--allow-empty', '-m', 'next')
      return git('rev-parse', 'HEAD')
    },
    archive: async (name, content) => {
      const context = mkdtempSync(join(folder, '.temp-'))
      writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY main.js /\nCMD ["main.js"]\n')
      writeFileSync(join(context, 'main.js'), content)
      return (await packImage({ contextDirectory: context, output: join(folder, name) })).digest
    },
    tar: (name, content) => writeFileSync(join(folder, name), Buffer.isBuffer(content) ? content : tarBytes(content)),
    run: (inputs, environment = {}) => runJavaScriptAction(action, options(inputs, environment)),
    start: (inputs, environment = {}) => startJavaScriptAction(action, options(inputs, environment)),
    requests: since =>
      aws
        .journal()
        .slice(since)
        .map(({ service, operation, status }) => `${service} ${operation} ${status}`),
    stop: async () => {
      ecr.destroy()
      ecrPublic.destroy()
      await aws.stop()
      removeImages(`${aws.registryAddress}/`)
      // A build that was killed keeps its name.
      const label = `label=org.opencontainers.image.source=https://github.com/${source}`
      const own = new Set(docker('images', '--quiet', '--filter', label).split(/\s+/).filter(Boolean))
      if (own.size > 0) docker('rmi', '--force', ...own)
      docker('image', 'prune', '--force', '--filter', label)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The one error annotation: title and text. */
export function errorOf({ annotations }: Pick<JavaScriptActionResult, 'annotations'>): string {
  const errors = annotations.filter(({ level }) => level === 'error')
  if (errors.length !== 1) throw new Error(`${errors.length} errors: ${JSON.stringify(errors)}`)
  return `${errors[0]?.title}\n${errors[0]?.message}`
}

/** What a run left in RUNNER_TEMP beside its report. */
export function leftIn(temp: string): string[] {
  return readdirSync(temp).filter(entry => entry !== 'deploy-reports')
}

/** Arguments of all processes on this machine, by process. */
export function commandLines(): string[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
}

/** Collects every command line that is seen while `body` runs. */
export async function watched<Result>(body: () => Promise<Result>): Promise<{ result: Result; seen: Set<string> }> {
  const seen = new Set<string>()
  const watch = setInterval(() => {
    for (const line of commandLines()) if (line.includes('docker')) seen.add(line)
  }, 5)
  try {
    return { result: await body(), seen }
  } finally {
    clearInterval(watch)
  }
}

/** Takes the names that begin so, `HOST/` or `HOST/NAME`, from the Docker Engine, and with them what has no other name. */
export function removeImages(...starts: string[]): void {
  const format = '{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}'
  const names = new Set(docker('images', '--digests', '--format', format).split(/\s+/))
  for (const name of names) {
    if (!name.includes('<none>') && starts.some(start => name.startsWith(start))) docker('rmi', '--force', name)
  }
}

/** What docker prints; nothing where there is none, or when it fails. */
function docker(...words: string[]): string {
  try {
    return execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return ''
  }
}
