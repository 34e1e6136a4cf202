import { expect, test } from '@jest/globals'
import { markerOf } from '../src/comment.ts'
import { apiJob, type Comment, type GitHub, type GitHubOptions, startGitHub } from './git-hub.ts'
import { needsJson, record, seen, summarize } from './summarize.ts'

const event = { pull_request: { number: 7, title: 'Vouchers @octocat', head: { sha: 'c0ffee'.padEnd(40, '1') } } }
const inputs = { needs: needsJson({ build: 'success' }), 'pull-request-comment': 'true' }
const marker = markerOf({ workflow: 'Deliver', title: 'Deliver' })
const bot = { login: 'github-actions[bot]', type: 'Bot' }

function withGitHub(name: string, options: GitHubOptions, body: (github: GitHub) => Promise<void>): void {
  test.concurrent(name, async () => {
    const github = await startGitHub({ jobs: [apiJob('build', 1, 9)], ...options })
    try {
      await body(github)
    } finally {
      await github.close()
    }
  })
}

const other = (id: number, body = 'looks good', user = { login: 'octocat', type: 'User' }): Comment => ({
  id,
  body,
  user,
})

withGitHub('one comment: written by the first run, written over by the next', {}, async github => {
  const first = await summarize(inputs, { github, event })
  expect(first.exitCode).toBe(0)
  expect(github.comments).toHaveLength(1)
  expect(github.comments[0]?.body).toBe(`${marker}\n${first.summary.trimEnd()}`)
  expect(seen(first.summary)).toContain('c0ffee1 Vouchers @octocat')
  await summarize({ ...inputs, needs: needsJson({ build: 'failure' }) }, { github, event })
  expect(github.comments).toHaveLength(1)
  expect(github.comments[0]?.body).toContain('## ❌ Deliver: failure')
})

withGitHub(
  'it is found behind two hundred others',
  { comments: [...Array.from({ length: 220 }, (_, index) => other(index + 1)), other(221, `${marker}\nold`, bot)] },
  async github => {
    await summarize(inputs, { github, event })
    expect(github.comments).toHaveLength(221)
    expect(github.comments[220]?.body).toContain('## ✅ Deliver: success')
  },
)

withGitHub(
  'a marker that somebody else wrote is not ours, nor one that is quoted',
  { comments: [other(1, `${marker}\nforged`), other(2, `> ${marker}\nquoted`, bot)] },
  async github => {
    await summarize(inputs, { github, event })
    expect(github.comments.map(({ body }) => body.split('\n')[1])).toEqual([
      'forged',
      'quoted',
      '## ✅ Deliver: success',
    ])
  },
)

withGitHub(
  'with a personal token its own comment is written over',
  { login: 'octocat', comments: [other(1, `${marker}\nold`)] },
  async github => {
    await summarize(inputs, { github, event })
    expect(github.comments).toHaveLength(1)
    expect(github.comments[0]?.body).toContain('## ✅')
  },
)

withGitHub('other workflows and titles have comments of their own', {}, async github => {
  await summarize(inputs, { github, event })
  await summarize({ ...inputs, title: 'Staging' }, { github, event })
  await summarize(inputs, { github, event, environment: { GITHUB_WORKFLOW: 'Nightly --> <b>' } })
  expect(github.comments).toHaveLength(3)
  expect(github.comments[2]?.body).toMatch(/^<!-- aws-deploy-actions summarize [0-9a-f]{16} -->\n## ✅ Nightly/)
})

for (const status of [403, 404]) {
  withGitHub(
    `forbidden (${status}): a notice, and the verdict is as it is`,
    {
      instead: ({ path, method }) =>
        path.includes('/issues/') && method !== 'GET'
          ? { status, message: 'Resource not accessible by integration' }
          : undefined,
    },
    async github => {
      const { exitCode, annotations, outputs } = await summarize(inputs, { github, event })
      expect({ exitCode, status: outputs['status'] }).toEqual({ exitCode: 0, status: 'success' })
      expect(annotations).toEqual([
        {
          level: 'notice',
          title: 'The pull request has no comment of this run',
          message: `GitHub's API said: Resource not accessible by integration (HTTP ${status}). The job needs \`permissions: pull-requests: write\`; runs for pull requests from forks never have it.`,
        },
      ])
      expect(github.asked.filter(({ method }) => method === 'POST')).toHaveLength(1)
    },
  )
}

let lost = 0
withGitHub(
  'a comment whose answer was lost is not written twice',
  // The comment is there when the connection breaks.
  {
    instead: ({ method }) => (method === 'PATCH' && lost++ === 0 ? 'reset' : undefined),
    comments: [other(1, `${marker}\nold`, bot)],
  },
  async github => {
    const { annotations } = await summarize(inputs, { github, event })
    expect(annotations).toEqual([])
    expect(github.comments).toHaveLength(1)
    expect(github.asked.filter(({ method }) => method === 'PATCH')).toHaveLength(2)
  },
)

withGitHub('no pull request, or not wanted: nothing is asked', {}, async github => {
  const push = await summarize(inputs, { github, event: { head_commit: { message: 'x' } } })
  expect(push.stdout).toContain('No comment: the run is not for a pull request.')
  await summarize({ needs: inputs.needs }, { github, event })
  expect(github.asked.filter(({ path }) => path.includes('issues'))).toEqual([])
})

test.concurrent('no token: a notice', async () => {
  const { annotations, exitCode } = await summarize(inputs, { event })
  expect(exitCode).toBe(0)
  expect(annotations.map(({ level, message }) => [level, message])).toEqual([['notice', 'There is no github-token.']])
})

withGitHub("a long page is cut to GitHub's 65,536 characters, verdict first", {}, async github => {
  const files = Array.from({ length: 40 }, (_, index): [string, ReturnType<typeof record>] => [
    `deploy-reports/${index}.json`,
    record('run-ecs-task', 'failed', {
      tasks: [{ cluster: 'main', task: `t${index}`, lastLines: Array.from({ length: 200 }, () => '|é<'.repeat(200)) }],
      failures: [{ what: `Task ${index} failed.` }],
    }),
  ])
  const { summary } = await summarize(inputs, { github, event, files: Object.fromEntries(files) })
  const [comment] = github.comments
  expect(comment?.body.length).toBeLessThanOrEqual(65_536)
  expect(comment?.body).toContain('\n## ✅ Deliver: success\n')
  expect(summary.length).toBeGreaterThan(comment?.body.length ?? 0)
})
