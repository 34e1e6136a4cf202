import { describe, expect, test } from '@jest/globals'
import { apiJob, at, type GitHub, type GitHubOptions, startGitHub } from './git-hub.ts'
import { needsJson, record, seen, summarize, TOKEN } from './summarize.ts'

async function withGitHub<Result>(options: GitHubOptions, body: (github: GitHub) => Promise<Result>): Promise<Result> {
  const github = await startGitHub(options)
  try {
    return await body(github)
  } finally {
    await github.close()
  }
}

describe('what the jobs API tells', () => {
  test.concurrent('durations, waiting, the failed step, parts of matrices and called workflows', () =>
    withGitHub(
      {
        jobs: [
          apiJob('build', 5, 65, { waited: 3 }),
          apiJob('Unit tests (22, linux)', 10, 20),
          apiJob('Unit tests (24, linux)', 12, 40, { conclusion: 'failure', step: 'Run npm test' }),
          apiJob('deploy / eu / smoke test', 100, 110),
          apiJob('deploy / rollback', 1, 1, { conclusion: 'skipped' }),
          apiJob('Ship it', 70, 71, { conclusion: 'timed_out' }),
          {
            ...apiJob('summary', 120, 120),
            status: 'in_progress',
            conclusion: null,
            completed_at: null,
            runner_name: 'the summary runs here',
          },
        ],
      },
      async github => {
        const needs = needsJson({ build: 'success', 'unit-tests': 'failure', deploy: 'success', release: 'success' })
        const { outputs, summary, exitCode, stdout, stderr } = await summarize({ needs }, { github })
        expect({ exitCode, stderr, status: outputs['status'] }).toEqual({ exitCode: 1, stderr: '', status: 'failure' })
        const rows = [...summary.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) =>
          row.replace(/\[(.*?)\]\(.*?\)/g, '$1'),
        )
        expect(rows).toEqual([
          'Job | Result | Waited | Took',
          '--- | --- | --- | ---',
          'build | ✅ success | 3s | 1m',
          'unit-tests | ❌ failure | 2s | 30s',
          '└ Unit tests &#40;22, linux&#41; | ✅ success | 2s | 10s',
          '└ Unit tests &#40;24, linux&#41; | ❌ failure at “Run npm test” | 2s | 28s',
          'deploy | ✅ success | 2s | 10s',
          '└ deploy / eu / smoke test | ✅ success | 2s | 10s',
          '└ deploy / rollback | ⏭️ skipped | – | –',
          'release | ✅ success | – | –',
          'Ship it | ❌ timed out | 2s | 1s',
        ])
        expect(summary).toContain('[build](https://github.com/acme/shop/actions/runs/4711/job/565)')
        expect(summary).toContain('```mermaid\ngantt\n')
        expect(summary).not.toContain('### Notes')
        expect(summary).not.toMatch(/^\| .*summary/m)
        expect(github.asked[0]).toMatchObject({
          path: '/repos/acme/shop/actions/runs/4711/attempts/1/jobs',
          token: TOKEN,
        })
        expect(JSON.stringify([stdout, summary, outputs])).not.toContain(TOKEN)
      },
    ))

  test.concurrent('in a called workflow, jobs are known without the name of the caller', () =>
    withGitHub(
      {
        jobs: [
          apiJob('before', 1, 2),
          apiJob('deliver (eu / west) / check', 5, 6),
          apiJob('deliver (eu / west) / lint / lint', 7, 8, { conclusion: 'failure', step: 'Lint' }),
          apiJob('deliver (us) / check', 5, 9),
          {
            ...apiJob('deliver (eu / west) / summary', 120, 120),
            status: 'in_progress',
            conclusion: null,
            completed_at: null,
            runner_name: 'the summary runs here',
          },
        ],
      },
      async github => {
        const needs = needsJson({ check: 'success', lint: 'failure' })
        const { summary } = await summarize({ needs }, { github })
        const rows = [...summary.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) =>
          row.replace(/\[(.*?)\]\(.*?\)/g, '$1'),
        )
        expect(rows.slice(2)).toEqual([
          'check | ✅ success | 2s | 1s',
          'lint / lint | ❌ failure at “Lint” | 2s | 1s',
          'before | ✅ success | 2s | 1s',
          'deliver &#40;us&#41; / check | ✅ success | 2s | 4s',
        ])
      },
    ))

  test.concurrent('page after page', () =>
    withGitHub(
      { jobs: Array.from({ length: 230 }, (_, index) => apiJob(`part ${index}`, index, index + 5)) },
      async github => {
        const { summary } = await summarize({ needs: needsJson({ build: 'success' }) }, { github })
        expect(github.asked.map(({ query }) => query)).toEqual(['1', '2', '3'].map(page => ({ per_page: '100', page })))
        expect(summary).toContain('part 198')
        expect(summary).toContain('… and 31 more')
      },
    ))

  test.concurrent('a later attempt: jobs that were not run again are not part of its time', () =>
    withGitHub(
      { attemptStart: at(300), jobs: [apiJob('build', 5, 65), apiJob('deploy', 310, 320), apiJob('check', 302, 308)] },
      async github => {
        const { summary } = await summarize(
          { needs: needsJson({ build: 'success', deploy: 'success' }) },
          { github, environment: { GITHUB_RUN_ATTEMPT: '2' } },
        )
        expect(github.asked.map(({ path }) => path)).toEqual([
          '/repos/acme/shop/actions/runs/4711/attempts/2',
          '/repos/acme/shop/actions/runs/4711/attempts/2/jobs',
        ])
        expect(summary).toMatch(/^\| \[build\]\(.*\) \| ✅ success \(in an earlier attempt\) \| 2s \| 1m \|$/m)
        expect(/mermaid([\s\S]*?)```/.exec(summary)?.[1]).not.toContain('build')
        expect(summary).toContain('[Run 12, attempt 2](https://github.com/acme/shop/actions/runs/4711/attempts/2)')
      },
    ))
})

describe('a job that failed before its first step', () => {
  const needs = needsJson({ build: 'success', deploy: 'failure' })
  const jobs = [apiJob('build', 5, 65), apiJob('deploy / deploy', 70, 70, { conclusion: 'failure' })]
  const review = (state: string, login: string | null, comment = '') => ({
    state,
    comment,
    environments: [{ id: 1, name: 'production' }],
    user: login === null ? null : { login },
  })

  test.concurrent('was rejected, and by whom, in their words', () =>
    withGitHub(
      { jobs, reviews: [review('approved', 'hubot'), review('rejected', 'octocat', 'Not on a *Friday* <b>')] },
      async github => {
        const { summary } = await summarize({ needs }, { github })
        const text = seen(summary)
        expect(text).toContain(
          'deploy / deploy failed before its first step: octocat rejected the deployment to production.',
        )
        expect(text).toContain('octocat says: Not on a *Friday* <b>')
        expect(text).not.toContain('hubot')
        expect(summary).not.toContain('<b>')
      },
    ))

  test.concurrent('was rejected by somebody who is gone', () =>
    withGitHub({ jobs, reviews: [review('rejected', null)] }, async github => {
      const { summary } = await summarize({ needs }, { github })
      expect(seen(summary)).toContain('a reviewer rejected the deployment to production.')
    }))

  test.concurrent.each<[string, GitHubOptions]>([
    ['nobody rejected it', { jobs, reviews: [review('approved', 'hubot')] }],
    [
      'GitHub does not tell who rejected it',
      {
        jobs,
        instead: ({ path }) =>
          path.endsWith('/approvals') ? { status: 403, message: 'Resource not accessible' } : undefined,
      },
    ],
  ])('%s: what is known, and nothing more', (_, options) =>
    withGitHub(options, async github => {
      const { summary } = await summarize({ needs }, { github })
      expect(seen(summary)).toContain('deploy / deploy failed before its first step.')
      expect(seen(summary)).toContain('A rule of its environment did not let it through')
      expect(summary).not.toContain('### Notes')
    }),
  )

  test.concurrent('of another summary of the run, or of an earlier attempt: not here', () =>
    withGitHub({ attemptStart: at(300), jobs, reviews: [review('rejected', 'octocat')] }, async github => {
      const again = await summarize({ needs }, { github, environment: { GITHUB_RUN_ATTEMPT: '2' } })
      expect(again.summary).not.toContain('before its first step')
      const other = await summarize({ needs: needsJson({ build: 'success' }) }, { github })
      expect(other.summary).not.toContain('before its first step')
      expect(github.asked.some(({ path }) => path.endsWith('/approvals'))).toBe(false)
    }))

  test.concurrent('nothing is asked where every job that failed has begun', () =>
    withGitHub({ jobs: [apiJob('deploy', 70, 71, { conclusion: 'failure', step: 'Deploy' })] }, async github => {
      await summarize({ needs: needsJson({ deploy: 'failure' }) }, { github })
      expect(github.asked).toHaveLength(1)
    }))
})

describe('a second attempt', () => {
  const failed = (job: string) =>
    record('run-commands', 'failed', { failures: [{ what: `${job} broke` }], run: { id: '4711', job, attempt: '1' } })
  const files = { 'deploy-reports/1.json': failed('push'), 'deploy-reports/2.json': failed('lint') }

  test.concurrent('what failed inside of a called workflow counts no longer where its job has succeeded since', () =>
    withGitHub(
      {
        attemptStart: at(300),
        jobs: [
          apiJob('build / push', 310, 320),
          apiJob('lint / lint (api)', 310, 320),
          apiJob('lint / lint (web)', 310, 320, { conclusion: 'failure', step: 'Lint' }),
        ],
      },
      async github => {
        const { summary } = await summarize(
          { needs: needsJson({ build: 'success', lint: 'failure' }) },
          { github, files, environment: { GITHUB_RUN_ATTEMPT: '2' } },
        )
        expect(summary).not.toContain('push broke')
        expect(summary).toContain('lint broke')
      },
    ))

  test.concurrent('and where it failed again, or was not run again, it counts', () =>
    withGitHub(
      { attemptStart: at(300), jobs: [apiJob('build / push', 310, 320, { conclusion: 'failure', step: 'Build' })] },
      async github => {
        const { summary } = await summarize(
          { needs: needsJson({ build: 'failure' }) },
          { github, files, environment: { GITHUB_RUN_ATTEMPT: '2' } },
        )
        expect(summary).toContain('push broke')
      },
    ))
})

describe('when it tells nothing', () => {
  const needs = needsJson({ build: 'success' })

  test.concurrent.each([
    [403, 'Resource not accessible by integration'],
    [404, 'Not Found'],
    [401, 'Bad credentials'],
  ])('%d: asked once, said with the permission, and the verdict is as it is', (status, message) =>
    withGitHub({ instead: () => ({ status, message }) }, async github => {
      const { summary, exitCode } = await summarize({ needs }, { github })
      expect(exitCode).toBe(0)
      expect(github.asked).toHaveLength(1)
      expect(seen(summary)).toContain(message)
      expect(seen(summary)).toContain(`(HTTP ${status}). The job needs \`permissions: actions: read\`.`)
      expect(summary).toContain('| Job | Result |\n')
    }),
  )

  test.concurrent('a broken connection and 5xx are tried again', () =>
    withGitHub(
      {
        jobs: [apiJob('build', 5, 65)],
        instead: (_, before) =>
          before === 0 ? 'reset' : before === 1 ? { status: 502, message: 'Bad Gateway' } : undefined,
      },
      async github => {
        const { summary } = await summarize({ needs }, { github })
        expect(github.asked).toHaveLength(3)
        expect(summary).toContain('| 1m |')
        expect(summary).not.toContain('### Notes')
      },
    ))

  test.concurrent('one that stays away', () =>
    withGitHub({ instead: () => 'reset' }, async github => {
      const { summary, exitCode } = await summarize({ needs }, { github })
      expect(exitCode).toBe(0)
      expect(github.asked).toHaveLength(3)
      expect(seen(summary)).toContain("Durations and timeline of the jobs: GitHub's API said: ")
      expect(seen(summary)).not.toContain('permissions')
    }))

  test.concurrent('no token', async () => {
    const { summary, exitCode } = await summarize({ needs })
    expect(exitCode).toBe(0)
    expect(seen(summary)).toContain('Durations and timeline of the jobs: there is no github-token.')
  })

  test.concurrent('no run', () =>
    withGitHub({}, async github => {
      const { summary, exitCode } = await summarize({ needs }, { github, environment: { GITHUB_RUN_ID: '' } })
      expect(exitCode).toBe(0)
      expect(github.asked).toEqual([])
      expect(seen(summary)).toContain('GITHUB_REPOSITORY or GITHUB_RUN_ID is not set')
    }))
})
