import { describe, expect, test } from '@jest/globals'
import { type Contents, page } from '../src/page.ts'
import { DIGEST, deployed, hosts, migrated, OTHER, pushed, rolledBack, smoke } from './records.ts'
import { line, needsJson, record, seen, summarize } from './summarize.ts'

const needs = needsJson({ build: 'success' })

test.concurrent('verdict first, then what every action did', async () => {
  const { outputs, summary, exitCode, reports, annotations, stderr } = await summarize(
    {
      needs: needsJson({ build: { result: 'success', outputs: { report: line(pushed) } }, deploy: 'success' }),
      title: 'Deliver the shop',
      'environment-url': 'https://user:pass@shop.example.com/a)b',
    },
    {
      files: Object.fromEntries(
        [migrated, deployed, hosts, smoke].map((report, index) => [`deploy-reports/${index}.json`, report]),
      ),
      event: { head_commit: { message: 'Vouchers (#318)\n\nmore' } },
    },
  )
  expect({ exitCode, stderr, status: outputs['status'] }).toEqual({ exitCode: 0, stderr: '', status: 'success' })
  expect(annotations).toEqual([])
  expect(outputs['environment-url']).toBe('https://shop.example.com/a)b')
  expect(reports).toHaveLength(5)
  expect(JSON.parse(outputs['report'] ?? '')).toMatchObject({
    action: 'summarize',
    status: 'success',
    verdict: 'Both jobs succeeded.',
  })
  expect(summary).toMatch(/^## ✅ Deliver the shop: success\n\n\*\*Both jobs succeeded\.\*\*/)
  expect(summary).toContain('(https://shop.example.com/a%29b)')
  const text = seen(summary)
  for (const part of [
    'Run 12 · 7b42c5f Vouchers (#318) · main · by octocat',
    `ecr:shop-api ✅ built 1.8.0 latest ${DIGEST}`,
    'shop ✅ succeeded migrate:31 feb1261e 0',
    'shop ✅ succeeded (verification) migrate:31 0aa1261e 0',
    `api ✅ deployed api:41 → api:42 app: ${DIGEST.slice(0, 19)} 2m 34s`,
    `i-1 ✅ deployed web: ${OTHER.slice(0, 19)} → ${DIGEST.slice(0, 19)} 31s`,
    'i-2 ❌ not-started DeliveryTimedOut –',
    '❌ api https://shop.example.com/api 200 1.7.9 – 150 up, but still version 1.7.9',
  ]) {
    expect(text.replace(/\s+/g, ' ')).toContain(part)
  }
  const order = ['Jobs', 'Images', 'Database migrations', 'Deployments', 'Hosts', 'Smoke tests']
  expect([...summary.matchAll(/^### (.*)$/gm)].map(([, title]) => title)).toEqual([...order, 'Notes'])
})

test('whatever the room, the verdict is there', () => {
  const contents: Contents = {
    title: 'Deliver',
    verdict: { status: 'failure', fails: true, sentence: 'deploy failed.' },
    facts: {
      workflow: undefined,
      ref: undefined,
      sha: undefined,
      subject: undefined,
      actor: undefined,
      number: undefined,
      attempt: undefined,
      runUrl: undefined,
      commitUrl: undefined,
      pullRequest: undefined,
    },
    environmentUrl: undefined,
    rows: [],
    runJobs: [],
    unstarted: [],
    reports: {
      reports: Array.from({ length: 200 }, () => ({
        record: rolledBack,
        job: 'deploy',
        earlier: false,
        superseded: false,
      })),
      problems: Array.from({ length: 1000 }, () => 'x'.repeat(500)),
    },
    tests: [],
    coverage: [],
    notes: [],
    now: 0,
  }
  const sizes = [1_000_000, 100_000, 10_000, 5000, 2000, 1000, 500].map(room => {
    const markdown = page(contents, room)
    expect(markdown.startsWith('## ❌ Deliver: failure\n\n**deploy failed.**')).toBe(true)
    expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(room)
    return markdown.length
  })
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  expect(new Set(sizes).size).toBeGreaterThan(3)
})

test.concurrent('the address that a job tells, where none is given; the page is in a file too', async () => {
  const result = await summarize({
    needs: needsJson({
      a: { result: 'success', outputs: { 'environment-url': 'javascript:alert(1)' } },
      b: { result: 'success', outputs: { 'environment-url': ' https://shop.example.com ' } },
    }),
  })
  expect(result.outputs['environment-url']).toBe('https://shop.example.com/')
  expect(result.outputs['markdown']).toMatch(new RegExp(`^${result.temp}/summary-[0-9a-f-]+\\.md$`))
  expect(result.summary).toMatch(/^## ✅ Deliver: success/)
})

describe('a rollback', () => {
  test.concurrent('what failed, in full, and the migrations that stay', async () => {
    const { summary, exitCode, annotations } = await summarize(
      { needs: needsJson({ migrate: 'success', deploy: 'failure', smoke: 'skipped' }) },
      { files: { 'deploy-reports/1.json': migrated, 'deploy-reports/2.json': rolledBack } },
    )
    expect(exitCode).toBe(1)
    expect(annotations.map(({ title, message }) => [title, message.split('\n')[0]])).toEqual([
      ['summarize failure', 'deploy failed; 1 of 3 jobs succeeded, 1 was skipped.'],
    ])
    const text = seen(summary).replace(/\s+/g, ' ')
    expect(text).toContain(
      'A rollback never undoes a migration. What was deployed went back; in the database stay: database shop (task feb1261e)',
    )
    expect(text).not.toContain('(task 0aa1261e)')
    expect(text).toContain('api:41 → api:42 → api:41')
    expect(text).toContain(
      '❌ The service api was rolled back. deploy-ecs-service · deploy-ecs-service: service/main/api AWS says: tasks failed to start. Likely cause: the program failed What to do look at its log Last seen connect ECONNREFUSED',
    )
    expect(summary.indexOf('A rollback never')).toBeLessThan(summary.indexOf('### Jobs'))
  })

  test.concurrent('says nothing of migrations that failed, nor without a rollback', async () => {
    const failed = record('run-migration-task', 'failed', {
      tasks: [
        {
          cluster: 'main',
          task: 'bad',
          database: 'shop',
          exitCode: 1,
          container: 'app',
          lastLines: ['a', 'no such table'],
        },
      ],
      failures: [{ what: 'The container app exited with 1.', seen: ['no such table'] }],
    })
    const one = await summarize(
      { needs },
      { files: { 'deploy-reports/1.json': failed, 'deploy-reports/2.json': rolledBack } },
    )
    expect(one.summary).not.toContain('A rollback never')
    expect(seen(one.summary)).toContain('Last lines of app (database shop)')
    expect(one.summary.match(/no such table/g)).toHaveLength(1)
    const two = await summarize(
      { needs },
      { files: { 'deploy-reports/1.json': migrated, 'deploy-reports/2.json': deployed } },
    )
    expect(two.summary).not.toContain('A rollback never')
  })

  test.concurrent('names one whose end nobody saw; and one that was asked for has no way back', async () => {
    const lost = record('run-migration-task', 'cancelled', {
      tasks: [{ cluster: 'main', task: 'lost', database: 'shop' }],
    })
    const asked = { ...rolledBack, failures: [] }
    const { summary } = await summarize(
      { needs },
      { files: { 'deploy-reports/1.json': lost, 'deploy-reports/2.json': asked } },
    )
    expect(seen(summary)).toContain('database shop (task lost), whose end was not seen')
    expect(seen(summary)).toContain('api:41 → api:42')
    expect(seen(summary)).not.toContain('→ api:41')
  })
})
