import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JavaScriptActionResult } from '../javascript-action.ts'
import type { Postgres } from '../postgres.ts'
import type { Containers } from './containers.ts'
import type { Steps } from './steps.ts'

/** A working copy of the application, as a checkout of one commit after the other would be. */
export interface Application {
  readonly folder: string
  addMigration(name: string, sql: string): void
  removeMigration(name: string): void
  /** the API needs a variable that no task definition sets, and ends as soon as it starts */
  breakApi(): void
}

const NODE_MODULES = new URL('../../../../node_modules', import.meta.url).pathname

/** Copies the example and builds it there, with the packages that are installed here. */
export function builtCopy(example: string, folder: string): Application {
  cpSync(example, folder, { recursive: true, filter: path => !/\/(?:node_modules|dist)$/.test(path) })
  symlinkSync(NODE_MODULES, join(folder, 'node_modules'))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'inherit' })
  const migration = (name: string): string => join(folder, 'migrations', `${name}.sql`)
  const api = join(folder, 'dist/api/index.js')
  return {
    folder,
    addMigration: (name, sql) => writeFileSync(migration(name), `${sql}\n`),
    removeMigration: name => rmSync(migration(name)),
    breakApi: () =>
      writeFileSync(
        api,
        `if (!process.env.PAYMENT_KEY) { console.error('cannot start: PAYMENT_KEY is not set'); process.exit(1) }\n${readFileSync(api, 'utf8')}`,
      ),
  }
}

/** The steps that deliver one release, each through an action's bundle. */
export interface Release {
  push(): Promise<JavaScriptActionResult>
  migrate(pushed: JavaScriptActionResult): Promise<JavaScriptActionResult>
  /** both services in one step */
  deploy(pushed: JavaScriptActionResult, more?: Readonly<Record<string, string>>): Promise<JavaScriptActionResult>
  /** asks both services through the listener for this version, or another */
  smokeTest(version?: string): Promise<JavaScriptActionResult>
}

export interface Surroundings {
  readonly steps: Steps
  readonly postgres: Postgres
  readonly containers: Containers
  /** as containers of services see it */
  readonly database: { readonly host: string; readonly port: number }
  readonly listener: string
  readonly application: Application
}

export function releaseOf(version: string, surroundings: Surroundings): Release {
  const { steps, postgres, containers, database, listener, application } = surroundings
  const checkout = { version, workspace: application.folder }
  return {
    push: async () =>
      steps.run(checkout, 'ecr-push', {
        repository: 'shop',
        tags: version,
        ...(await containers.source(application.folder, version)),
      }),
    migrate: pushed =>
      steps.run(checkout, 'run-migration-task', {
        cluster: 'shop',
        database: 'shop',
        'task-definition': 'deploy/migrate.yml',
        'template-values': templateValues(pushed, postgres),
        subnets: 'subnet-0a1b2c3d',
        'verify-command': 'node migrate/index.js show',
      }),
    deploy: (pushed, more = {}) =>
      steps.run(checkout, 'deploy-ecs-service', {
        cluster: 'shop',
        services: 'api=deploy/api.yml\nweb=deploy/web.yml',
        'template-values': templateValues(pushed, database),
        // one release is one thing: when a service fails, both go back
        rollback: 'all',
        ...more,
      }),
    smokeTest: (expected = version) =>
      steps.run(checkout, 'smoke-test', {
        checks: smokeChecks(listener, expected),
        interval: '500ms',
        successes: '3',
        timeout: '30s',
      }),
  }
}

function templateValues(
  { outputs }: JavaScriptActionResult,
  { host, port }: { readonly host: string; readonly port: number },
): string {
  return [`image=${outputs['image']}`, `database_host=${host}`, `database_port=${port}`].join('\n')
}

function smokeChecks(listener: string, version: string): string {
  return `- name: API
  url: ${listener}/api/health
  expect:
    version: ${version}
    json: { status: ok, database: shop, customers: 3 }
- name: web
  url: ${listener}/
  expect:
    version: { value: ${version}, path: 'header:x-version' }
    body-contains: <h1>Shop</h1>
`
}
