import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type JobResult, type Rehearsal, rehearse } from '@aws-deploy-actions/rehearsal'
import { parse, stringify } from 'yaml'

/** A rule of GitHub's as a small workflow with what must come of it: a file of test/rules. */
export interface Rule {
  readonly name: string
  readonly rule: string
  readonly source: string
  readonly fields: Readonly<Record<string, unknown>>
}

const FOLDER = new URL('../rules', import.meta.url).pathname

export function rules(): Rule[] {
  return readdirSync(FOLDER)
    .filter(file => file.endsWith('.yml'))
    .sort()
    .map(file => {
      const fields = record(parse(readFileSync(join(FOLDER, file), 'utf8')), file)
      const name = file.replace(/\.yml$/, '')
      return { name, rule: text(fields['rule']), source: text(fields['source']), fields }
    })
}

// What act has no option for: shorter minutes, somebody who cancels or refuses, another ref.
const NOT_COMPARED = ['timing', 'cancel-at', 'refuse', 'act-not-compared']

/** Whether act can run it. */
export function isCompared({ fields }: Rule): boolean {
  return !NOT_COMPARED.some(key => key in fields)
}

/** The workflow file: `on: push` and `runs-on` are added where the rule is not about them. */
export function workflowOf({ fields }: Rule): Record<string, unknown> {
  return completed(fields['workflow'])
}

function completed(value: unknown): Record<string, unknown> {
  const workflow = record(value, 'workflow')
  const jobs = Object.entries(record(workflow['jobs'], 'jobs')).map(([id, job]) => {
    const own = record(job, id)
    return [id, 'uses' in own ? own : { 'runs-on': 'ubuntu-latest', ...own }]
  })
  return { on: 'push', ...workflow, jobs: Object.fromEntries(jobs) }
}

/** A repository with the rule's workflow and files, removed at the end. */
export async function inRepository<T>(rule: Rule, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rule-'))
  try {
    const put = (base: string, path: string, content: unknown): void => {
      mkdirSync(dirname(join(base, path)), { recursive: true })
      const workflow = path.startsWith('.github/workflows/')
      writeFileSync(
        join(base, path),
        typeof content === 'string' ? content : stringify(workflow ? completed(content) : content, { lineWidth: 0 }),
      )
    }
    put(join(folder, 'own'), '.github/workflows/rule.yml', rule.fields['workflow'])
    for (const [path, content] of Object.entries(record(rule.fields['files'] ?? {}, 'files')))
      put(join(folder, 'own'), path, content)
    for (const [name, files] of Object.entries(record(rule.fields['repositories'] ?? {}, 'repositories')))
      for (const [path, content] of Object.entries(record(files, name))) put(join(folder, name), path, content)
    return await body(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Rehearses a rule. `cancel-at` and `kill-at` are texts in the log that somebody cancels at. */
export function rehearsedRule({ fields }: Rule, folder: string): Promise<Rehearsal> {
  const cancel = new AbortController()
  const kill = new AbortController()
  const refused = list(fields['refuse'])
  const others = Object.keys(record(fields['repositories'] ?? {}, 'repositories'))
  const environments = record(fields['environments'] ?? {}, 'environments')
  const event = fields['event'] ?? 'push'
  if (event !== 'push' && event !== 'workflow_dispatch' && event !== 'pull_request') throw new Error(`event ${event}`)
  return rehearse({
    repository: join(folder, 'own'),
    workflow: '.github/workflows/rule.yml',
    event,
    inputs: texts(fields['inputs']),
    secrets: texts(fields['secrets']),
    vars: texts(fields['vars']),
    environments: Object.fromEntries(
      Object.entries(environments).map(([name, own]) => {
        const { secrets, vars } = record(own, name)
        return [name, { secrets: texts(secrets), vars: texts(vars) }]
      }),
    ),
    repositories: Object.fromEntries(others.map(name => [name, join(folder, name)])),
    identity: { repository: 'octo-org/own', ...texts(fields['identity']) },
    ...('permissions' in fields ? { permissions: texts(fields['permissions']) } : {}),
    timing: Object.fromEntries(
      Object.entries(record(fields['timing'] ?? {}, 'timing')).map(([k, v]) => [k, Number(v)]),
    ),
    approve: environment => !refused.includes(environment),
    cancel: cancel.signal,
    kill: kill.signal,
    onProgress: event => {
      if (event.kind !== 'line') return
      if (fields['cancel-at'] === event.line) cancel.abort()
      if (fields['kill-at'] === event.line) kill.abort()
    },
  })
}

/** What a rule expects, beside what was found, in one shape that jest can compare. */
export function comparison({ fields }: Rule, found: Rehearsal): { expected: unknown; actual: unknown } {
  const { status = 'success', jobs, order, notes, problems } = record(fields['expect'], 'expect')
  const wanted = Object.entries(record(jobs ?? {}, 'jobs')).map(([key, job]) => {
    const shape = typeof job === 'string' ? { result: job } : { result: 'success', ...record(job, key) }
    return [key, shape] as const
  })
  const actual = Object.entries(found.jobs).map(([key, job]) => {
    const shape = wanted.find(([name]) => name === key)?.[1]
    return [key, shape === undefined ? { result: job.result } : seen(job, shape)] as const
  })
  const missing = (all: readonly string[], some: unknown): string[] =>
    list(some).filter(part => !all.some(one => one.includes(part)))
  return {
    expected: {
      status,
      jobs: Object.fromEntries(wanted.map(([key, shape]) => [key, sorted(shape)])),
      order: order ?? [],
      unseen: [],
    },
    actual: {
      status: found.status,
      jobs: Object.fromEntries(actual),
      order: order === undefined ? [] : Object.keys(found.jobs),
      unseen: [...missing(found.notes, notes), ...missing(found.problems, problems)],
    },
  }
}

/** Of a job what the rule speaks of. Texts that must be there and are, are as they were asked for. */
function seen(job: JobResult, shape: Readonly<Record<string, unknown>>): unknown {
  const lines = job.log.split('\n').filter(line => !line.startsWith('\u001b[36;1m'))
  const messages = (level: string): string[] =>
    job.annotations.filter(annotation => annotation.level === level).map(({ message }) => message)
  const views: Readonly<Record<string, (asked: unknown) => unknown>> = {
    result: () => job.result,
    conclusion: () => job.conclusion,
    name: () => job.name,
    outputs: () => job.outputs,
    permissions: () => job.permissions,
    environment: () => job.environment,
    summary: () => job.summary,
    names: () => job.steps.map(({ name }) => name).filter(name => !['Set up job', 'Complete job'].includes(name)),
    errors: () => messages('error').filter(message => !/^Process completed with exit code/.test(message)),
    warnings: () => messages('warning'),
    annotations: () => job.annotations.filter(({ message }) => !/^Process completed/.test(message)),
    // In order, each somewhere after the one before.
    log: asked =>
      inOrder(lines, list(asked), (line, part) =>
        part.endsWith('*') && !part.endsWith('**') ? line.startsWith(part.slice(0, -1)) : line.trim() === part,
      ),
    lines: asked => inOrder(lines, list(asked), (line, part) => line === part),
    not: asked => list(asked).filter(part => !lines.some(line => line.includes(part))),
    steps: asked =>
      Object.fromEntries(
        Object.keys(record(asked, 'steps')).map(id => {
          const step = job.steps.find(one => one.id === id)
          if (step === undefined) return [id, 'absent']
          return [id, step.outcome === step.conclusion ? step.outcome : [step.outcome, step.conclusion]]
        }),
      ),
  }
  return sorted(Object.fromEntries(Object.keys(shape).map(name => [name, views[name]?.(shape[name])])))
}

function inOrder(
  lines: readonly string[],
  asked: readonly string[],
  same: (line: string, part: string) => boolean,
): string[] {
  let at = 0
  const found = asked.filter(part => {
    const next = lines.findIndex((line, index) => index >= at && same(line, part))
    if (next >= 0) at = next + 1
    return next >= 0
  })
  return found.length === asked.length ? found : [...found, '…', ...lines]
}

function sorted(shape: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} must be a map`)
  return { ...value }
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('must be a text')
  return value
}

export function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(record(value ?? {}, 'texts')).map(([name, item]) => [name, String(item)]))
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)]
}
