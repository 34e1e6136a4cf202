import { describe, expect, test } from '@jest/globals'
import { deployed, pushed, rolledBack, smoke } from './records.ts'
import { line, needsJson, record, seen, summarize } from './summarize.ts'

const needs = needsJson({ build: 'success' })

describe('reports', () => {
  test.concurrent('the same one as a file, as a file again, and as an output is shown once', async () => {
    const long = record('run-migration-task', 'failed', {
      tasks: [
        { cluster: 'main', task: 'long', lastLines: Array.from({ length: 3000 }, (_, index) => `line ${index}`) },
      ],
      failures: [{ what: `It failed ${'x'.repeat(5000)}` }],
    })
    expect(line(long)).toContain('"omitted"')
    const { summary } = await summarize(
      {
        needs: needsJson({
          migrate: { result: 'failure', outputs: { report: line(long), 'smoke-report': line(pushed) } },
        }),
      },
      {
        files: {
          'deploy-reports/1.json': line(long),
          'deploy-reports/2.json': long,
          'deploy-reports/3.json': pushed,
          'deploy-reports/4.json': JSON.stringify([pushed, pushed]),
        },
      },
    )
    expect(summary.match(/It failed/g)).toHaveLength(1)
    expect(summary.match(/ecr:shop-api/g)).toHaveLength(1)
    // The whole one is shown, not the one that was cut for the output.
    expect(summary).toContain('… 2960 lines before\nline 2960\n')
    expect(seen(summary)).toContain('migrate · run-migration-task')
  })

  test.concurrent('broken ones are named and skipped; the verdict is as it is', async () => {
    const { outputs, summary, exitCode } = await summarize(
      {
        needs: needsJson({
          build: { result: 'success', outputs: { report: '{"schema":1,', other: 'not read' } },
          deploy: { result: 'success', outputs: { report: '' } },
        }),
        reports: '$RUNNER_TEMP/given/**/*.json\n$RUNNER_TEMP/none/*.json',
      },
      {
        files: {
          'given/a.json': 'no JSON',
          'given/b/c.json': JSON.stringify({ ...pushed, images: [{ reference: 7 }] }),
          'given/future.json': JSON.stringify({ ...pushed, schema: 2 }),
          'given/empty.json': '',
          'given/null.json': 'null',
          'given/lines.json': `${line(deployed)}\nbroken\n${line(pushed)}\n`,
        },
      },
    )
    expect({ exitCode, status: outputs['status'] }).toEqual({ exitCode: 0, status: 'success' })
    expect(
      seen(summary)
        .split('\n')
        .filter(text => text.includes('Skipped a report'))
        .map(text => text.trim()),
    ).toEqual([
      'Skipped a report. given/a.json: it is no JSON',
      "Skipped a report. given/b/c.json: it is no report: images.0 must have required property 'tags'",
      'Skipped a report. given/empty.json: it is empty',
      'Skipped a report. given/future.json: it has the form 2 of a report, and this version reads form 1',
      'Skipped a report. given/lines.json: line 2 is no JSON',
      'Skipped a report. given/null.json: it is no report: it must be object',
      'Skipped a report. output report of job build: it is no JSON',
    ])
    expect(seen(summary)).toContain('api:41 → api:42')
    expect(seen(summary)).toContain('ecr:shop-api')
  })

  test.concurrent('of an earlier attempt: what was done again counts no longer', async () => {
    const first = { ...rolledBack, run: { id: '4711', job: 'deploy', attempt: '1' } }
    const second = { ...deployed, run: { id: '4711', job: 'deploy', attempt: '2' } }
    const { summary } = await summarize(
      { needs },
      { files: { 'deploy-reports/1.json': first, 'deploy-reports/2.json': second } },
    )
    expect(summary).not.toContain('### What failed')
    expect(seen(summary)).toContain('rolled-back (earlier attempt)')
    // A job of a matrix that succeeded was not run again.
    const kept = { ...smoke, run: { id: '4711', job: 'smoke', attempt: '1' }, failures: [] }
    const again = { ...smoke, run: { id: '4711', job: 'smoke', attempt: '2' }, checks: [] }
    const matrix = await summarize(
      { needs },
      { files: { 'deploy-reports/1.json': kept, 'deploy-reports/2.json': again } },
    )
    expect(matrix.summary).toContain('### Smoke tests')
  })

  test.concurrent('a failure of an earlier attempt counts no longer where the job has succeeded since', async () => {
    const failed = record('deploy-ecs-service', 'failed', {
      failures: [{ what: 'ghost: does not exist' }],
      run: { id: '4711', job: 'check', attempt: '1' },
    })
    const page = async (result: string, attempt: string): Promise<string> => {
      const { summary } = await summarize(
        { needs: needsJson({ check: result }) },
        { files: { 'deploy-reports/1.json': failed }, environment: { GITHUB_RUN_ATTEMPT: attempt } },
      )
      return summary
    }
    expect(await page('success', '2')).not.toContain('### What failed')
    expect(await page('failure', '2')).toContain('ghost: does not exist')
    expect(await page('success', '1')).toContain('ghost: does not exist')
  })

  test.concurrent('none at all; and steps that have nothing but a verdict', async () => {
    const none = await summarize({ needs })
    expect([...none.summary.matchAll(/^### (.*)$/gm)].map(([, title]) => title)).toEqual(['Jobs', 'Notes'])
    const other = record('deploy-static-site', 'deployed', { verdict: '12 files are there.' })
    const own = record('summarize', 'success', { verdict: 'A page.' })
    const { summary } = await summarize(
      { needs },
      { files: { 'deploy-reports/1.json': other, 'deploy-reports/2.json': own } },
    )
    expect(seen(summary).replace(/\s+/g, ' ')).toContain(
      'Other steps Action Job Verdict Took deploy-static-site deploy-static-site ✅ 12 files are there. 13s',
    )
    expect(summary).not.toContain('A page.')
  })
})
