/**
 * The demo: releases of a small application are delivered for real, on this machine, while it is being used: image,
 * migration of a real PostgreSQL, two services behind one listener, smoke test; then one whose migration fails, and one
 * that breaks and is taken back. Run by scripts/demo. Exits 0 only when everything went as it must, failures included.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startLocalAws, startTraffic } from '@aws-deploy-actions/local-aws'
import { startedChecks } from './demo/checks.ts'
import { containersHere } from './demo/containers.ts'
import { createInfrastructure } from './demo/infrastructure.ts'
import { builtCopy, type Release, releaseOf, type Surroundings } from './demo/releases.ts'
import { stepsIn } from './demo/steps.ts'
import type { JavaScriptActionResult } from './javascript-action.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { summaryPage } from './summary-page.ts'
import { bold, dim, green, red } from './terminal.ts'

const EXAMPLE = new URL('../../../examples/migrate-deploy-smoke', import.meta.url).pathname
const DATABASE = 'shop'
const CHECKS = 12

const options = parseArgs({ options: { page: { type: 'string' }, speed: { type: 'string', default: '10' } } }).values
const { page } = options
/** how many times as fast as AWS its slow steps are */
const speed = Number(options.speed)
const folder = mkdtempSync(join(tmpdir(), 'demo-'))
const cleanUps: (() => unknown)[] = []
const { check, verdict } = startedChecks()
let stopped: Promise<void> | undefined
let interrupted: number | undefined
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  // A library's own hook would end the process before everything is stopped.
  process.removeAllListeners(signal)
  process.once(signal, () => {
    interrupted = code
    stopAll().finally(() => process.exit(code))
  })
}
try {
  await demo()
} catch (error) {
  if (interrupted === undefined) failed(error, 'the demo ran to its end')
}
await stopAll()
// Explicitly, for the same library's hook ends the process with 0.
process.exit(interrupted ?? verdict(CHECKS))

function failed(error: unknown, what: string): void {
  console.error(red(`\n${error instanceof Error ? (error.stack ?? error.message) : error}`))
  check(what, false)
}

/** Once, whatever has been started by then. */
function stopAll(): Promise<void> {
  stopped ??= (async () => {
    for (const cleanUp of cleanUps.reverse()) {
      try {
        await cleanUp()
      } catch (error) {
        failed(error, 'everything was stopped')
      }
    }
    rmSync(folder, { recursive: true, force: true })
  })()
  return stopped
}

async function demo(): Promise<void> {
  const place = await surroundings()
  await firstRelease(releaseOf('1.0.0', place), place)
  const traffic = requestsTo(place.listener)
  cleanUps.push(traffic.stop)
  await nextRelease(releaseOf('1.1.0', place), place, traffic)
  await failingMigration(releaseOf('1.2.0', place), place, traffic)
  await brokenRelease(releaseOf('1.3.0', place), place, traffic)
  await traffic.stop()
  for (const failure of traffic.failures()) console.log(`  ${red(failure)}`)
  check(
    `${traffic.total()} requests through the listener all the while, ${traffic.failed()} failed, none was tried twice`,
    traffic.failed() === 0 && traffic.total() > 1000,
  )
  const seen = traffic.apiVersions()
  check(`the API answered with ${seen.join(', then ')}, never with a broken release`, seen.join() === '1.0.0,1.1.0')
  if (page !== undefined) {
    writeFileSync(page, summaryPage('Job summaries of the demo', place.steps.summaries))
    console.log(`\nThe job summaries, as GitHub shows them: ${page}`)
  }
}

/** People at both services, all the time. */
function requestsTo(listener: string) {
  const api = startTraffic(listener, { paths: ['/api/health', '/api/customers'], clients: 2, pauseMs: 10 })
  const web = startTraffic(listener, { paths: ['/', '/health'], clients: 2, pauseMs: 10 })
  return {
    total: () => api.total() + web.total(),
    failed: () => api.failed() + web.failed(),
    failures: () => [...api.failures(), ...web.failures()],
    apiVersions: api.versions,
    stop: async () => {
      await Promise.all([api.stop(), web.stop()])
    },
  }
}

type Requests = ReturnType<typeof requestsTo>

async function surroundings(): Promise<Surroundings> {
  heading('A PostgreSQL server and a local AWS')
  const postgres = await startPostgres()
  cleanUps.push(postgres.stop)
  await postgres.createDatabase(DATABASE)
  const [row] = await postgres.query(DATABASE, 'SHOW server_version')
  console.log(`  PostgreSQL ${row?.['server_version']} on ${postgres.host}:${postgres.port}, database ${DATABASE}`)
  const containers = await containersHere(folder)
  let registry: string | undefined
  cleanUps.push(() => containers.close(registry))
  const aws = await startLocalAws({ engine: containers.engine, speed, directory: join(folder, 'aws') })
  registry = aws.registryAddress
  cleanUps.push(aws.stop)
  console.log(
    `  local AWS on ${aws.endpoint}, registry on ${aws.registryAddress}; its slow steps ${speed} times as fast`,
  )
  console.log(`  ${containers.why}`)
  const listener = await createInfrastructure(aws, postgres)
  console.log(`  a load balancer's listener on ${listener}: /api/* to the service api, everything else to web`)
  const application = builtCopy(EXAMPLE, join(folder, 'application'))
  const database = await containers.databaseFor(postgres)
  const steps = stepsIn(aws)
  cleanUps.push(steps.stop)
  return { steps, postgres, containers, database, listener, application }
}

async function firstRelease(release: Release, { postgres, listener }: Surroundings): Promise<void> {
  heading('Release 1.0.0: an image, a migrated database, two services')
  const pushed = await release.push()
  check(
    'the image was pushed, and its digest is known',
    pushed.exitCode === 0 && /^sha256:/.test(pushed.outputs['digest'] ?? ''),
  )
  const migration = await release.migrate(pushed)
  const tables = await tablesOf(postgres)
  remark(`in PostgreSQL now: tables ${tables.join(', ')}; ${await count(postgres, 'customers')} customers`)
  check(
    'the migration succeeded, and its tables are in PostgreSQL',
    migration.exitCode === 0 && tables.includes('orders'),
  )
  const deployed = await release.deploy(pushed, { 'desired-count': '2' })
  const answer = await (await fetch(`${listener}/api/health`)).text()
  remark(`GET ${listener}/api/health: ${answer}`)
  check(
    'API and web run, and the API reads the database',
    deployed.outputs['status'] === 'deployed' && answer.includes('"customers":3'),
  )
}

async function nextRelease(
  release: Release,
  { application, postgres }: Surroundings,
  traffic: Requests,
): Promise<void> {
  heading('Release 1.1.0, while 1.0.0 is being used')
  application.addMigration('0003_add_email', 'ALTER TABLE customers ADD COLUMN email text;')
  const pushed = await release.push()
  const migration = await release.migrate(pushed)
  check(
    'the next migration applied what was new, and nothing else',
    migration.exitCode === 0 &&
      migration.stdout.includes('2 migrations applied, 1 to apply') &&
      (await count(postgres, 'schema_migrations')) === 3,
  )
  const deployed = await meanwhile(traffic, () => release.deploy(pushed))
  check('both services were rolled to 1.1.0 in one step', deployed.outputs['status'] === 'deployed')
  const tested = await release.smokeTest()
  check('the smoke test found 1.1.0 in both', tested.exitCode === 0 && tested.outputs['passed'] === 'true')
}

/** A failure that people meet: a column that must not be null, on a table that has rows. */
async function failingMigration(release: Release, place: Surroundings, traffic: Requests): Promise<void> {
  heading('Release 1.2.0: its migration fails, so it is not deployed')
  const { application, postgres } = place
  application.addMigration('0004_require_email', 'ALTER TABLE customers ALTER COLUMN email SET NOT NULL;')
  const failure = await meanwhile(traffic, async () => release.migrate(await release.push()))
  remark(
    `in PostgreSQL now: ${await count(postgres, 'schema_migrations')} migrations applied, as before. A workflow ends here: the services stay on 1.1.0.`,
  )
  check(
    'the failed migration is red, with its reason',
    failure.exitCode === 1 && failure.outputs['status'] === 'failed' && hasError(failure, 'contains null values'),
  )
  check('and the database is as it was', (await count(postgres, 'schema_migrations')) === 3)
  application.removeMigration('0004_require_email')
}

async function brokenRelease(release: Release, { application }: Surroundings, traffic: Requests): Promise<void> {
  heading('Release 1.3.0: the API ends as soon as it starts, so ECS and this step take it back')
  application.breakApi()
  const pushed = await release.push()
  const failure = await meanwhile(traffic, () => release.deploy(pushed))
  remark(
    "ECS's circuit breaker put the API back when its tasks kept ending; 'rollback: all' put web back, too, which was well but belongs to the same release. Tasks of 1.1.0 served until others took over.",
  )
  check(
    'the broken release is red, with the exit code and the last words of its container',
    failure.exitCode === 1 && hasError(failure, 'exit code 1') && hasError(failure, 'PAYMENT_KEY is not set'),
  )
  const tested = await release.smokeTest('1.1.0')
  check(
    'it was rolled back: the smoke test found 1.1.0 in both again',
    failure.outputs['status'] === 'rolled-back' && tested.exitCode === 0,
  )
}

/** Tells what became of the requests that fell into a step. */
async function meanwhile<Result>(traffic: Requests, step: () => Promise<Result>): Promise<Result> {
  const before = { total: traffic.total(), failed: traffic.failed() }
  const result = await step()
  const failed = traffic.failed() - before.failed
  const words = `${traffic.total() - before.total} requests through the listener meanwhile, ${failed} failed`
  console.log(`  ⇄ ${failed === 0 ? green(words) : red(words)}\n`)
  return result
}

function hasError({ annotations }: JavaScriptActionResult, words: string): boolean {
  return annotations.some(({ level, message }) => level === 'error' && message.includes(words))
}

async function tablesOf(postgres: Postgres): Promise<string[]> {
  const rows = await postgres.query(DATABASE, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
  return rows.map(row => String(row['tablename']))
}

async function count(postgres: Postgres, table: 'customers' | 'schema_migrations'): Promise<number> {
  const [row] = await postgres.query(DATABASE, `SELECT count(*)::int AS many FROM ${table}`)
  return Number(row?.['many'])
}

function heading(text: string): void {
  console.log(`\n${bold(text)}`)
}

function remark(text: string): void {
  console.log(`  ${dim(text)}\n`)
}
