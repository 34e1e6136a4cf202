/**
 * The demo: a small application's image is pushed and its database migrated, for real, on this machine; then a migration
 * that fails. Run by scripts/demo. Exits 0 only when everything went as it must, the failure included.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalAws, startLocalAws } from '@aws-deploy-actions/local-aws'
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs'
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr'
import { CreateClusterCommand, ECSClient } from '@aws-sdk/client-ecs'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { type JavaScriptActionResult, startJavaScriptAction } from './javascript-action.ts'
import { baseImageContext } from './packer/base-context.ts'
import { packImage } from './packer.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { bold, dim, green, red, stepOutput } from './terminal.ts'

const ROOT = new URL('../../../', import.meta.url).pathname
const EXAMPLE = join(ROOT, 'examples/migrate-deploy-smoke')
const DATABASE = 'shop'
const BASE_IMAGE = 'local-node'

/** A failure that people meet: a column that must not be null, on a table that has rows. */
const BROKEN_MIGRATION = 'ALTER TABLE customers ADD COLUMN email text NOT NULL;\n'

const checks: { readonly what: string; readonly passed: boolean }[] = []
const folder = mkdtempSync(join(tmpdir(), 'demo-'))
const began = performance.now()
const cleanUps: (() => Promise<void>)[] = []
try {
  await demo()
} catch (error) {
  console.error(red(`\n${error instanceof Error ? (error.stack ?? error.message) : error}`))
  check('the demo ran to its end', false)
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp()
  rmSync(folder, { recursive: true, force: true })
}
// A library's exit hook would end the process with 0.
process.exit(verdict())

async function demo(): Promise<void> {
  heading('A PostgreSQL server and a local AWS')
  const postgres = await startPostgres()
  cleanUps.push(postgres.stop)
  await postgres.createDatabase(DATABASE)
  console.log(
    `  PostgreSQL ${version(await postgres.query(DATABASE, 'SHOW server_version'))} on ${postgres.host}:${postgres.port}, database ${DATABASE}`,
  )
  const aws = await startLocalAws({ engine: 'auto', speed: 10, directory: join(folder, 'aws') })
  cleanUps.push(aws.stop)
  console.log(
    `  local AWS on ${aws.endpoint}, registry on ${aws.registryAddress}, ten times as fast as AWS's slow steps`,
  )
  console.log(
    aws.engine === 'docker'
      ? '  containers run in the Docker Engine that answers here'
      : '  no Docker Engine answers: images are packed without Docker, containers run as processes of this machine (not isolated)',
  )
  await seed(aws, postgres)

  heading('Build the application and push its image')
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: EXAMPLE, stdio: 'inherit' })
  const application = join(folder, 'application')
  cpSync(EXAMPLE, application, { recursive: true, filter: path => !path.includes('node_modules') })
  const first = await push(aws, application, 'v1')
  check(
    'the image was pushed, and the digest is known',
    first.exitCode === 0 && /^sha256:/.test(first.outputs['digest'] ?? ''),
  )
  if (first.exitCode !== 0) return

  heading(`Migrate the database ${DATABASE}`)
  const migration = await migrate(aws, postgres, application, first)
  const tables = await tablesOf(postgres)
  console.log(
    `  ${dim('in PostgreSQL now:')} tables ${tables.join(', ')}; ${await count(postgres, 'customers')} customers`,
  )
  check(
    'the migration succeeded, and its tables are in PostgreSQL',
    migration.exitCode === 0 && tables.includes('orders'),
  )

  heading('Migrate once more: nothing to do')
  const again = await migrate(aws, postgres, application, first)
  check('migrating again changed nothing', again.exitCode === 0 && again.stdout.includes('0 to apply'))

  heading('A release whose migration fails')
  writeFileSync(join(application, 'migrations/0003_require_email.sql'), BROKEN_MIGRATION)
  const second = await push(aws, application, 'v2')
  const failure = await migrate(aws, postgres, application, second)
  const applied = await count(postgres, 'schema_migrations')
  console.log(`  ${dim('in PostgreSQL now:')} ${applied} migrations applied, as before`)
  check(
    'the failed migration is red, with its reason',
    failure.exitCode === 1 && failure.outputs['status'] === 'failed' && reasonIn(failure),
  )
  check('and the database is as it was', applied === 2 && !(await hasColumn(postgres, 'email')))

  heading('What the job summary says about it')
  for (const line of failure.summary.trimEnd().split('\n')) console.log(`  ${dim('│')} ${line}`)
}

async function seed(aws: LocalAws, postgres: Postgres): Promise<void> {
  const config = {
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' },
  }
  const clients = {
    ecs: new ECSClient(config),
    ecr: new ECRClient(config),
    logs: new CloudWatchLogsClient(config),
    secrets: new SecretsManagerClient(config),
  }
  await clients.ecs.send(new CreateClusterCommand({ clusterName: 'shop' }))
  await clients.ecr.send(
    new CreateRepositoryCommand({ repositoryName: 'shop-migrate', imageTagMutability: 'IMMUTABLE' }),
  )
  await clients.logs.send(new CreateLogGroupCommand({ logGroupName: '/ecs/shop-migrate' }))
  const login = JSON.stringify({ username: postgres.user, password: postgres.password })
  await clients.secrets.send(new CreateSecretCommand({ Name: 'shop/database', SecretString: login }))
  for (const client of Object.values(clients)) client.destroy()
}

async function push(aws: LocalAws, application: string, tag: string): Promise<JavaScriptActionResult> {
  const image =
    aws.engine === 'docker'
      ? { context: application, 'build-args': `BASE_IMAGE=${await dockerBase()}` }
      : { archive: join(folder, `${tag}.tar`) }
  if ('archive' in image)
    await packImage({ contextDirectory: application, buildArgs: { BASE_IMAGE }, output: image.archive })
  return step('ecr-push', aws, application, { repository: 'shop-migrate', tags: tag, ...image })
}

/** Ordinary base images cannot be had without a network: this one is made of busybox and this machine's Node. */
async function dockerBase(): Promise<string> {
  const context = mkdtempSync(join(folder, 'base-'))
  await baseImageContext(context)
  execFileSync('docker', ['build', '--quiet', '--tag', BASE_IMAGE, context], { stdio: ['ignore', 'ignore', 'inherit'] })
  return BASE_IMAGE
}

function migrate(
  aws: LocalAws,
  postgres: Postgres,
  application: string,
  pushed: JavaScriptActionResult,
): Promise<JavaScriptActionResult> {
  return step('run-migration-task', aws, application, {
    cluster: 'shop',
    database: DATABASE,
    'task-definition': 'deploy/migrate.yml',
    'template-values': [
      `image=${pushed.outputs['image']}`,
      `database_host=${postgres.host}`,
      `database_port=${postgres.port}`,
    ].join('\n'),
    subnets: 'subnet-0a1b2c3d',
    'verify-command': 'node index.js show',
  })
}

/** Runs an action's committed bundle as the runner does, and shows what it prints. */
async function step(
  name: string,
  aws: LocalAws,
  workspace: string,
  inputs: Readonly<Record<string, string>>,
): Promise<JavaScriptActionResult> {
  console.log(`  ${dim('┌')} uses: ${name}`)
  const running = await startJavaScriptAction(join(ROOT, 'actions', name), {
    inputs,
    workspace,
    environment: {
      ...aws.environment(),
      GITHUB_SHA: '7b42c5f0c3a1d2e4b5a697887766554433221100',
      GITHUB_RUN_ID: '1',
      GITHUB_RUN_ATTEMPT: '1',
    },
    onOutput: stepOutput(text => process.stdout.write(text)),
  })
  const result = await running.result
  const verdict =
    result.exitCode === 0
      ? green(`exit code 0, status ${result.outputs['status']}`)
      : red(`exit code ${result.exitCode}, status ${result.outputs['status']}`)
  console.log(`  ${dim('└')} ${verdict} ${dim(`after ${(result.took / 1000).toFixed(1)} s`)}`)
  return result
}

function reasonIn({ annotations }: JavaScriptActionResult): boolean {
  return annotations.some(({ level, message }) => level === 'error' && message.includes('contains null values'))
}

function version([row]: Record<string, unknown>[]): string {
  return String(row?.['server_version'])
}

async function tablesOf(postgres: Postgres): Promise<string[]> {
  const rows = await postgres.query(DATABASE, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
  return rows.map(row => String(row['tablename']))
}

async function count(postgres: Postgres, table: 'customers' | 'schema_migrations'): Promise<number> {
  const [row] = await postgres.query(DATABASE, `SELECT count(*)::int AS many FROM ${table}`)
  return Number(row?.['many'])
}

async function hasColumn(postgres: Postgres, column: string): Promise<boolean> {
  const rows = await postgres.query(
    DATABASE,
    `SELECT 1 FROM information_schema.columns WHERE table_name = 'customers' AND column_name = '${column}'`,
  )
  return rows.length > 0
}

function heading(text: string): void {
  console.log(`\n${bold(text)}`)
}

function check(what: string, passed: boolean): void {
  checks.push({ what, passed })
}

function verdict(): number {
  heading('What was shown')
  for (const { what, passed } of checks) console.log(`  ${passed ? green('✓') : red('✗')} ${what}`)
  const failed = checks.filter(({ passed }) => !passed).length
  console.log(
    `\n${checks.length - failed} passed, ${failed} failed, in ${((performance.now() - began) / 1000).toFixed(0)} s`,
  )
  return failed === 0 && checks.length === 5 ? 0 : 1
}
