import { data, Evaluator, Lexer, Parser } from '@actions/expressions'
import { describe, expect, test } from '@jest/globals'
import { documentOf, jobsOf, mapOf } from './support/workflow-files.ts'

/** Whether the condition of a job holds. */
function holds(file: string, id: string, contexts: Readonly<Record<string, unknown>>): boolean {
  const job = Object.fromEntries(jobsOf(`.github/workflows/${file}.yml`))[id] ?? {}
  return meaning(job['if'], contexts) === 'true'
}

/** What an expression comes to. Contexts as GitHub has them; what is missing is null. */
function meaning(text: unknown, contexts: Readonly<Record<string, unknown>>): string {
  const [, expression = ''] = /^\$\{\{([\s\S]*)\}\}\s*$/.exec(String(text)) ?? []
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), []).parse()
  const dictionary = new data.Dictionary(
    ...Object.entries(contexts).map(([key, value]) => ({
      key,
      value: JSON.parse(JSON.stringify(value), data.reviver),
    })),
  )
  return new Evaluator(tree, dictionary).evaluate().coerceString()
}

const REPOSITORY = 'octo-org/shop'
const run = (own: object) => ({
  workflow_run: {
    conclusion: 'success',
    event: 'push',
    head_repository: { full_name: REPOSITORY },
    ...own,
  },
})
/** event, and of its payload what counts */
type Case = [string, string, object]

const DELIVERING: Case[] = [
  ['a push', 'push', { deleted: false }],
  ['a push whose payload does not tell', 'push', {}],
  ['a run by hand', 'workflow_dispatch', {}],
  ['a schedule', 'schedule', {}],
  ['a repository_dispatch, which takes a token that may write', 'repository_dispatch', { action: 'deliver' }],
  ['a release that is published', 'release', { action: 'published' }],
  ['a release that is released', 'release', { action: 'released' }],
  ['a pre-release', 'release', { action: 'prereleased' }],
  ['the end of a run that succeeded', 'workflow_run', run({})],
  ['the end of a scheduled run', 'workflow_run', run({ event: 'schedule' })],
]

const OTHERS: Case[] = [
  // Its commit is the default branch's then (GitHub, "Events that trigger workflows": push).
  ['the push that deletes a branch', 'push', { deleted: true }],
  ['a pull request', 'pull_request', { action: 'opened' }],
  ['a pull request, with the rights of its base', 'pull_request_target', { action: 'opened' }],
  ['a review', 'pull_request_review', { action: 'submitted' }],
  ['a comment of a review', 'pull_request_review_comment', { action: 'created' }],
  ['a merge queue', 'merge_group', { action: 'checks_requested' }],
  ['a comment', 'issue_comment', { action: 'created' }],
  ['an issue', 'issues', { action: 'opened' }],
  ['a discussion', 'discussion', { action: 'created' }],
  ['a fork', 'fork', {}],
  ['a star', 'watch', { action: 'started' }],
  ['a deleted branch', 'delete', {}],
  ['a new branch', 'create', {}],
  ['a deployment, which other services make for pull requests', 'deployment', {}],
  ['a status', 'status', { state: 'success' }],
  ['a package', 'registry_package', { action: 'published' }],
  ['a release that is edited', 'release', { action: 'edited' }],
  ['a draft of a release', 'release', { action: 'created' }],
  ['a release that is deleted', 'release', { action: 'deleted' }],
  ['the end of a run that failed', 'workflow_run', run({ conclusion: 'failure' })],
  ['the begin of a run', 'workflow_run', run({ conclusion: null })],
  ['the end of a run for a pull request', 'workflow_run', run({ event: 'pull_request' })],
  ['the end of a run for a merge queue', 'workflow_run', run({ event: 'merge_group' })],
  // Whatever started the first of a chain is not told.
  ['the end of a run that the end of another started', 'workflow_run', run({ event: 'workflow_run' })],
  ['the end of a run of a fork', 'workflow_run', run({ head_repository: { full_name: 'mallory/shop' } })],
  ['the end of a run of a repository that is gone', 'workflow_run', run({ head_repository: null })],
]

const github = (event_name: string, event: object) => ({ event_name, event, repository: REPOSITORY })

describe.each(['pipeline-ecs', 'pipeline-ec2'])('%s', file => {
  test.each(DELIVERING)('%s delivers', (_, name, event) => {
    expect(holds(file, 'check', { github: github(name, event) })).toBe(true)
  })

  test.each(OTHERS)('%s does not deliver', (_, name, event) => {
    expect(holds(file, 'check', { github: github(name, event) })).toBe(false)
  })

  test.each([...DELIVERING.map(one => [...one, true] as const), ...OTHERS.map(one => [...one, false] as const)])(
    '%s: waits for its turn only when it delivers, and has the secret `env` only where no stranger chooses what runs',
    (_, name, event, delivers) => {
      const contexts = {
        github: { ...github(name, event), run_id: '4711' },
        inputs: { environment: 'production', cluster: 'shop', directory: 'shop' },
        needs: { check: { result: delivers ? 'success' : 'skipped' } },
        secrets: { env: 'TOKEN=hunter2' },
      }
      const group = meaning(mapOf(documentOf(`.github/workflows/${file}.yml`)['concurrency'])['group'], contexts)
      expect(group).toBe(delivers ? `${file} production shop` : 'checks 4711')
      const jobs = Object.fromEntries(jobsOf(`.github/workflows/${file}.yml`))
      for (const id of ['lint', 'test']) {
        const secret = meaning(mapOf(jobs[id]?.['secrets'])['env'], contexts)
        const isSafe = delivers || name === 'pull_request' || name === 'merge_group'
        expect(secret).toBe(isSafe ? 'TOKEN=hunter2' : '')
      }
    },
  )

  test('whatever has credentials, or deploys, waits for the success of check', () => {
    const later = jobsOf(`.github/workflows/${file}.yml`).filter(
      ([id, job]) => id !== 'check' && mapOf(job['permissions'])['id-token'] === 'write',
    )
    const ids = file === 'pipeline-ecs' ? ['build', 'migrate', 'deploy'] : ['build', 'deploy']
    expect(later.map(([id]) => id)).toEqual(ids)
    for (const [id, job] of later) {
      const gate = id === 'build' ? mapOf(job['with'])['push'] : job['if']
      expect(String(gate)).toContain("needs.check.result == 'success'")
    }
  })
})

describe('build', () => {
  test.each([...DELIVERING.map(one => [...one, true] as const), ...OTHERS.map(one => [...one, false] as const)])(
    '%s: pushes or only builds, as the pipelines deliver',
    (_, name, event, pushes) => {
      const contexts = { github: github(name, event), inputs: { push: true } }
      expect([holds('build', 'push', contexts), holds('build', 'build', contexts)]).toEqual([pushes, !pushes])
      const built = { ...contexts, inputs: { push: false } }
      expect([holds('build', 'push', built), holds('build', 'build', built)]).toEqual([false, true])
    },
  )
})
