import { durationText, type InputReader } from '@aws-deploy-actions/action-runtime'
import { readRegion } from '@aws-deploy-actions/aws-clients'
import { type ComposeDeploy, hostScript, MOST_CHARACTERS, type Targets } from '@aws-deploy-actions/compose-host'
import { readTargets } from './targets.ts'

/** The inputs, typed and checked. Durations in milliseconds. */
export interface DeployInputs {
  readonly region: string
  readonly targets: Targets
  readonly deploy: ComposeDeploy
  /** what SendCommand takes */
  readonly script: string
  readonly deliveryTimeoutMs: number
  readonly timeoutMs: number
  readonly maxConcurrency: string
  readonly maxErrors: string
  readonly logGroup: string | undefined
  readonly dryRun: boolean
}

const MINUTE = 60_000
const VARIABLE = {
  pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
  allowed: 'allowed are letters, digits and _, no digit first',
}
// Names in Parameter Store and Secrets Manager, and their ARNs (API references, GetParameter and GetSecretValue).
const SOURCE =
  /^(?:ssm:(?:arn:aws[a-z-]*:ssm:[\w:/.-]+|\/?[\w.-][\w./-]*)|secretsmanager:(?:arn:aws[a-z-]*:secretsmanager:[\w:/+=.@!-]+|[\w/+=.@!][\w/+=.@!-]*))(?:#.+)?$/
const CONTROL = /[\u0000-\u001f\u007f]/

export function readDeployInputs(input: InputReader): DeployInputs {
  const region = readRegion(input)
  const targets = readTargets(input)
  const timeoutMs = input.duration('timeout', 15 * MINUTE, 1000)
  // AWS-RunShellScript, executionTimeout: at most 172,800 seconds.
  if (timeoutMs > 48 * 60 * MINUTE) input.problem('timeout', durationText(timeoutMs), 'allowed is at most 48h')
  const logGroup = input.optional(
    'log-group',
    /^[.\-_/#A-Za-z0-9]{1,512}$/,
    'allowed are letters, digits, . - _ / and #',
  )
  const deploy: ComposeDeploy = {
    operation: input.choice('operation', ['deploy', 'rollback']) ?? 'deploy',
    directory: directory(input),
    composeFiles: withoutControls(input, 'compose-files', input.lines('compose-files')),
    services: services(input),
    env: env(input),
    envFile: input.optional('env-file') ?? '.env',
    envFrom: envFrom(input),
    gitRef: input.optional(
      'git-ref',
      /^[^-\s\u0000-\u001f\u007f][^\s\u0000-\u001f\u007f]*$/,
      'allowed is a branch, tag or commit; it holds no blanks and begins with no -',
    ),
    gitRepository: gitRepository(input),
    registryLogin: input.choice('registry-login', ['none', 'ecr', 'ecr-public']) ?? 'none',
    before: commands(input, 'before'),
    after: commands(input, 'after'),
    recreate: input.choice('recreate', ['changed', 'always']) ?? 'changed',
    healthUrl: input.parsed('health-url', healthUrl),
    healthTimeoutMs: input.duration('health-timeout', 2 * MINUTE, 1000),
    rollback: input.boolean('rollback', true),
    prune: input.boolean('prune', true),
    keepReleases: input.integer('keep-releases', 0, 100) ?? 2,
    lockTimeoutMs: input.duration('lock-timeout', 5 * MINUTE),
    timeoutMs,
    holder: holder(input),
    region,
    follow: logGroup !== undefined,
  }
  withoutControls(input, 'env-file', [deploy.envFile])
  const script = hostScript(deploy)
  if (script.length > MOST_CHARACTERS) {
    input.conflict(
      'env',
      `the inputs for the host make a command of ${script.length} characters, packed; Systems Manager takes ${MOST_CHARACTERS}. Shorten env, before or after, e.g. by a script in the repository of the configuration`,
    )
  }
  return {
    region,
    targets,
    deploy,
    script,
    // SendCommand, TimeoutSeconds: at least 30.
    deliveryTimeoutMs: input.duration('delivery-timeout', 2 * MINUTE, 30_000),
    timeoutMs,
    maxConcurrency:
      input.optional(
        'max-concurrency',
        /^(?:[1-9][0-9]{0,4}|[1-9][0-9]?%|100%)$/,
        'allowed is a number from 1, or a percentage such as 50%',
      ) ?? '1',
    maxErrors:
      input.optional(
        'max-errors',
        /^(?:0|[1-9][0-9]{0,4}|[0-9]%|[1-9][0-9]%|100%)$/,
        'allowed is a number from 0, or a percentage such as 10%',
      ) ?? '0',
    logGroup,
    dryRun: input.boolean('dry-run', false),
  }
}

function directory(input: InputReader): string {
  const given = input.required('directory', 'give the absolute path of the compose project on the host')
  const path = given.length > 1 ? given.replace(/\/+$/, '') : given
  if (given !== '' && (!/^\/+[^/]/.test(path) || CONTROL.test(path) || path.split('/').includes('..')))
    input.problem('directory', given, 'allowed is an absolute path below /, without .. in it, such as /opt/shop')
  return path
}

function withoutControls(input: InputReader, name: string, texts: readonly string[]): readonly string[] {
  for (const text of texts)
    if (CONTROL.test(text)) input.problem(name, text, 'allowed is a path without control characters')
  return texts
}

function services(input: InputReader): readonly string[] {
  const found = input.names('services')
  for (const name of found) {
    if (!/^[A-Za-z0-9._-]+$/.test(name) || name.startsWith('-'))
      input.problem('services', name, 'allowed are letters, digits, . _ and -, as compose takes them')
  }
  return found
}

function env(input: InputReader): Map<string, string> {
  const found = input.map('env', VARIABLE)
  for (const [key, value] of found)
    if (value.includes('\0')) input.problem('env', key, 'allowed are values without NUL characters')
  return found
}

function envFrom(input: InputReader): Map<string, string> {
  const found = new Map([...input.map('env-from', VARIABLE)].map(([key, source]) => [key, source.trim()]))
  const plain = input.map('env')
  for (const [key, source] of found) {
    if (!SOURCE.test(source) || CONTROL.test(source))
      input.problem(
        'env-from',
        `${key}=${source}`,
        'allowed is KEY=ssm:/name or KEY=secretsmanager:ID, with #json-key or without',
      )
    if (plain.has(key)) input.conflict('env-from', `the key "${key}" is in env as well; give it once`)
  }
  return found
}

function gitRepository(input: InputReader): string | undefined {
  return input.parsed('git-repository', text => {
    if (/^-/.test(text) || CONTROL.test(text)) throw new Error('allowed is a URL or path that git can fetch from')
    // The parameters of a command stay in SSM's history and in CloudTrail.
    if (/^[a-z+]+:\/\/[^/@]*:[^/@]*@/i.test(text))
      throw new Error(`allowed is a URL without a password; let the host use a deploy key or a credential helper`)
    return text
  })
}

function healthUrl(text: string): string {
  if (!URL.canParse(text) || CONTROL.test(text))
    throw new Error('allowed is a URL such as http://localhost:8080/health')
  const { protocol, password } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('allowed is a URL with http or https')
  if (password !== '') throw new Error('allowed is a URL without a password: it would stay in the history of SSM')
  return text
}

/** Several lines of bash as they are; nothing when they are blank. */
function commands(input: InputReader, name: string): string {
  const text = input.verbatim(name)
  if (text.includes('\0')) input.problem(name, text, 'allowed are commands without NUL characters')
  return text.trim() === '' ? '' : text
}

/** Who deploys: shown to whoever waits for the lock, and kept in the audit line. */
function holder(input: InputReader): string {
  const run = input.variable('GITHUB_RUN_ID')
  const attempt = input.variable('GITHUB_RUN_ATTEMPT')
  const parts = [
    input.variable('GITHUB_REPOSITORY') ?? 'unknown repository',
    run === undefined ? undefined : `run ${run}${attempt === undefined ? '' : `/${attempt}`}`,
    `by ${input.variable('GITHUB_ACTOR') ?? 'unknown'}`,
  ]
  return parts
    .filter(part => part !== undefined)
    .join(' ')
    .replace(/[\u0000-\u001f\u007f]/g, ' ')
}
