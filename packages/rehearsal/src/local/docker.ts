/**
 * The `docker` command of a rehearsal: `docker.ts ENGINE BASE FOLDER WORDS…`. Without an engine it does what pipelines need
 * most: login, build (by the packer), tag, push, image rm. With one it hands on all words, and builds upon the local base image.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { packImage } from '../packer.ts'
import { keepLogin, loginOf, pushArchive } from './push-archive.ts'

const [engine = '', base = '', folder = '', ...words] = process.argv.slice(2)
try {
  process.exitCode = engine === 'docker' ? handedOn(words) : await withoutEngine(words)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

/** With the base image told to every build that does not choose its own. */
function handedOn(words: readonly string[]): number {
  const environment = { ...process.env, PATH: pathWithout(folder) }
  const first = words[0] === '--config' ? 2 : 0
  const isBuildx = words[first] === 'buildx' && words[first + 1] === 'build'
  const build = isBuildx ? first + 2 : words[first] === 'build' ? first + 1 : 0
  const chosen = words.some(word => word.startsWith('BASE_IMAGE='))
  const extra = build > 0 && !chosen ? ['--build-arg', `BASE_IMAGE=${base}`] : []
  const all = [...words.slice(0, build), ...extra, ...words.slice(build)]
  return spawnSync('docker', all, { stdio: 'inherit', env: environment }).status ?? 1
}

function pathWithout(folder: string): string {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(part => part !== folder)
    .join(delimiter)
}

async function withoutEngine(words: readonly string[]): Promise<number> {
  const config = words[0] === '--config' ? words[1] : process.env['DOCKER_CONFIG']
  const [command = '', ...rest] = words[0] === '--config' ? words.slice(2) : words
  if (command === 'login') return keptLogin(rest, config)
  if (command === 'build') return build(rest)
  if (command === 'tag') return tag(rest[0] ?? '', rest[1] ?? '')
  if (command === 'push') return push(rest.at(-1) ?? '', config)
  if (command === 'image' && rest[0] === 'rm') return remove(rest.at(-1) ?? '')
  if (command === 'version') return version(rest)
  console.error(`docker: '${command}' is not a docker command of a rehearsal without an engine.`)
  return 1
}

async function keptLogin(words: readonly string[], config: string | undefined): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { username: { type: 'string', short: 'u' }, 'password-stdin': { type: 'boolean' } },
  })
  if (values['password-stdin'] !== true) throw new Error('docker login: the password must come on the standard input')
  const auth = { username: values.username ?? '', password: readFileSync(0, 'utf8').trimEnd() }
  await keepLogin(positionals[0] ?? '', auth, config ?? join(folder, 'config'))
  console.log('Login Succeeded')
  return 0
}

async function build(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      iidfile: { type: 'string' },
      tag: { type: 'string', short: 't', multiple: true, default: [] },
      file: { type: 'string', short: 'f' },
      target: { type: 'string' },
      platform: { type: 'string' },
      'build-arg': { type: 'string', multiple: true, default: [] },
      label: { type: 'string', multiple: true, default: [] },
      pull: { type: 'boolean' },
      'no-cache': { type: 'boolean' },
      quiet: { type: 'boolean', short: 'q' },
    },
  })
  const context = positionals[0] ?? '.'
  const own = mkdtempSync(join(folder, 'image-'))
  const archive = join(own, 'image.tar')
  const given = Object.fromEntries(values['build-arg'].map(pair => splitAtEquals(pair)))
  if (given['BASE_IMAGE'] === undefined)
    console.log(`BASE_IMAGE=${base}: the Node of this machine, as nothing can be pulled here`)
  const { digest } = await packImage({
    contextDirectory: context,
    dockerfile: labelled(values.file ?? join(context, 'Dockerfile'), values.label, own),
    buildArgs: { BASE_IMAGE: base, ...given },
    ...(values.target === undefined ? {} : { target: values.target }),
    output: archive,
  })
  if (values.iidfile !== undefined) writeFileSync(values.iidfile, digest)
  for (const name of [...values.tag, digest]) point(name, archive)
  console.log(`packed ${digest}`)
  return 0
}

/** Labels of the command line are those of a last instruction. */
function labelled(dockerfile: string, labels: readonly string[], own: string): string {
  if (labels.length === 0) return dockerfile
  const copy = join(own, 'Dockerfile')
  const lines = labels.map(pair => {
    const [name, value] = splitAtEquals(pair)
    return `LABEL ${name}="${value.replace(/["\\$]/g, '\\$&').replaceAll('\n', ' ')}"`
  })
  writeFileSync(copy, `${readFileSync(dockerfile, 'utf8').trimEnd()}\n${lines.join('\n')}\n`)
  if (existsSync(`${dockerfile}.dockerignore`)) copyFileSync(`${dockerfile}.dockerignore`, `${copy}.dockerignore`)
  return copy
}

function tag(from: string, to: string): number {
  point(to, archiveOf(from))
  return 0
}

async function push(target: string, config: string | undefined): Promise<number> {
  const login = await loginOf(target.split('/')[0] ?? '', config ?? join(folder, 'config'))
  const digest = await pushArchive(archiveOf(target), named(target), login, text => process.stdout.write(text))
  console.log(`${target}: digest: ${digest}`)
  return 0
}

function remove(name: string): number {
  archiveOf(name)
  rmSync(pointer(name))
  return 0
}

function version(words: readonly string[]): number {
  const platform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`
  console.log(words.includes('--format') ? `Platforms: ${platform}` : 'docker of the rehearsal, without an engine')
  return 0
}

function point(name: string, archive: string): void {
  mkdirSync(join(folder, 'names'), { recursive: true })
  writeFileSync(pointer(name), archive)
}

function archiveOf(name: string): string {
  if (!existsSync(pointer(name))) throw new Error(`Error response from daemon: No such image: ${name}`)
  return readFileSync(pointer(name), 'utf8')
}

function pointer(name: string): string {
  return join(folder, 'names', createHash('sha256').update(named(name)).digest('hex'))
}

/** `:latest` where there is no tag. */
function named(name: string): string {
  return /[:@][^/]*$/.test(name) ? name : `${name}:latest`
}

function splitAtEquals(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return at < 0 ? [pair, process.env[pair] ?? ''] : [pair.slice(0, at), pair.slice(at + 1)]
}
