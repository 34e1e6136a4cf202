import { startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { expect, test } from '@jest/globals'
import { startGitHub } from './git-hub.ts'
import { FOLDER, needsJson, summarize, TOKEN } from './summarize.ts'

test.concurrent('every wrong input in one error, before anything is read', async () => {
  const { exitCode, annotations, outputs, summary } = await summarize({
    needs: ' ',
    'environment-url': 'shop.example.com',
    'fail-on': 'failure\nfailed',
    'pull-request-comment': 'yes',
    summary: 'no',
  })
  expect(exitCode).toBe(1)
  expect(annotations).toEqual([
    {
      level: 'error',
      title: 'summarize: wrong input',
      message: [
        '5 inputs are wrong.',
        '- needs: is required and empty; allowed is ${{ toJSON(needs) }}',
        '- environment-url: "shop.example.com": allowed is an http:// or https:// address',
        '- fail-on: "failure failed": allowed is failure, cancelled, skipped, one a line',
        '- pull-request-comment: "yes": allowed is true or false',
        '- summary: "no": allowed is true or false',
        'Nothing was touched.',
      ].join('\n'),
    },
  ])
  expect(outputs).toEqual({})
  expect(summary).toBe('')
})

test.concurrent('the rules reach the verdict', async () => {
  const needs = needsJson({ lint: 'failure', test: 'skipped', build: 'success', nightly: 'skipped' })
  const inputs = { needs, 'fail-on': 'failure\ncancelled\nskipped', 'allowed-to-fail': 'lint\n# not build' }
  const red = await summarize({ ...inputs, 'allowed-to-skip': 'nightly' })
  expect([red.exitCode, red.outputs['status']]).toEqual([1, 'skipped'])
  expect(red.summary).toContain(
    'test was skipped, and must not be; lint failed, which is allowed; 1 of 4 jobs succeeded',
  )
  const green = await summarize({ ...inputs, 'allowed-to-skip': 'nightly\ntest' })
  expect([green.exitCode, green.outputs['status']]).toEqual([0, 'success'])
  expect(green.annotations).toEqual([])
  expect(green.summary).not.toContain('no job in needs')
  const typed = await summarize({ ...inputs, 'allowed-to-fail': 'lintt' })
  expect([typed.exitCode, typed.outputs['status']]).toEqual([1, 'failure'])
  expect(typed.summary).toContain('allowed-to-fail: no job in needs has the id lintt.')
})

test.concurrent('needs that are no map: red, with a page', async () => {
  const { exitCode, outputs, summary } = await summarize({ needs: '["build"]' })
  expect([exitCode, outputs['status']]).toEqual([1, 'failure'])
  expect(summary).toMatch(/^## ❌ Deliver: failure\n\n\*\*needs is no map of jobs/)
})

test.concurrent('without a summary the page is in its file only', async () => {
  const { summary, outputs } = await summarize({ needs: needsJson({ a: 'skipped' }), summary: 'false' })
  expect(summary).toBe('')
  expect(outputs['status']).toBe('skipped')
  expect(outputs['markdown']).toMatch(/\.md$/)
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test.concurrent(`${signal} while GitHub does not answer: at once`, async () => {
    const github = await startGitHub({ instead: () => ({ status: 503, message: 'Unavailable' }) })
    try {
      const running = await startJavaScriptAction(FOLDER, {
        inputs: { needs: needsJson({ build: 'success' }), 'github-token': TOKEN },
        environment: { GITHUB_REPOSITORY: 'acme/shop', GITHUB_RUN_ID: '1', GITHUB_API_URL: github.url },
      })
      while (github.asked.length === 0) await new Promise(settle => setTimeout(settle, 5))
      running.signal(signal)
      const { exitCode, outputs, summary } = await running.result
      expect([exitCode, outputs['status']]).toEqual([code, 'cancelled'])
      expect(summary).toContain('🚫 The only job succeeded. The step was cancelled.')
    } finally {
      await github.close()
    }
  })
}
