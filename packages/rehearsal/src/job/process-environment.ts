import { dirname, join } from 'node:path'
import type { Value, ValueMap } from '../syntax/values.ts'
import { type JobState, runnerContext } from './job-state.ts'

/** Of the machine's own environment only what tools need to work and to reach their sources. */
const PASSED =
  /^(?:HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|DOCKER_HOST|DOCKER_CERT_PATH|DOCKER_TLS_VERIFY|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|XDG_RUNTIME_DIR|(?:npm_config|pip)_.*|.*_proxy)$/i

/** What of the `github` context becomes GITHUB_… (actions/runner, GitHubContext). */
const GITHUB = new Set([
  'action',
  'action_path',
  'action_ref',
  'action_repository',
  'actor',
  'actor_id',
  'api_url',
  'base_ref',
  'env',
  'event_name',
  'event_path',
  'graphql_url',
  'head_ref',
  'job',
  'output',
  'path',
  'ref',
  'ref_name',
  'ref_protected',
  'ref_type',
  'repository',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'retention_days',
  'run_attempt',
  'run_id',
  'run_number',
  'server_url',
  'sha',
  'state',
  'step_summary',
  'triggering_actor',
  'workflow',
  'workflow_ref',
  'workflow_sha',
  'workspace',
])

/** The environment of a step's process. @param env of the step and of all it is inside of */
export function processEnvironment(
  job: JobState,
  github: ValueMap,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name, value]) => PASSED.test(name) && value !== undefined)
  const all: Record<string, string> = {
    LANG: 'C.UTF-8',
    ...Object.fromEntries(inherited.map(([name, value = '']) => [name, value])),
    ...job.settings.environment,
    CI: 'true',
    ...env,
    GITHUB_ACTIONS: 'true',
    RUNNER_TRACKING_ID: job.trackingId,
    ...upper('RUNNER_', runnerContext(job)),
    ...upper('GITHUB_', Object.fromEntries(Object.entries(github).filter(([name]) => GITHUB.has(name)))),
  }
  const machine = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'
  // The Node that runs the actions is also the one of the shell steps; npm comes with the machine's.
  const base = env['PATH'] ?? [...job.settings.path, dirname(process.execPath), machine].join(':')
  all['PATH'] = [...job.path, base].join(':')
  return all
}

function upper(prefix: string, context: ValueMap): Record<string, string> {
  const texts = Object.entries(context).filter(([, value]) => typeof value === 'string' || typeof value === 'boolean')
  return Object.fromEntries(
    texts.map(([name, value]: [string, Value]) => [`${prefix}${name.toUpperCase()}`, String(value)]),
  )
}

/** Where a job's processes find what happened: GITHUB_EVENT_PATH. */
export function eventPath(temp: string): string {
  return join(temp, '_github_workflow', 'event.json')
}
