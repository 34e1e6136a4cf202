import { readFileSync } from 'node:fs'
import { Cancelled, DeadlineExceeded, Failure, type Outcome } from '@aws-deploy-actions/action-runtime'
import { publishable, type ReportRecord, reportLine } from '@aws-deploy-actions/pipeline-report'
import { describe, expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Marked } from 'marked'
import { NotStarted, toldOfTask } from '../src/index.ts'
import type { TaskRun } from '../src/run.ts'

const arn = 'arn:aws:ecs:eu-west-1:123456789012:task/main/0f'.padEnd(70, '0')
const id = arn.slice(arn.lastIndexOf('/') + 1)
const schema: object = JSON.parse(
  readFileSync(new URL('../../pipeline-report/report.schema.json', import.meta.url), 'utf8'),
)
const ajv = new Ajv2020({ strict: true })
ajv.addFormat('date-time', true)
const validate = ajv.compile<ReportRecord>(schema)

const over: TaskRun = {
  cluster: 'main',
  region: 'eu-west-1',
  container: 'app',
  taskDefinitionArn: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/app:7',
  taskArn: arn,
  exitCode: 0,
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  seconds: 12.3,
  logGroup: '/ecs/app',
  lastLinesOf: 'app',
  lastLines: ['one', 'two'],
}
const started: TaskRun = { cluster: 'main', region: 'eu-west-1' }
const outcome = (status: string, failure?: Failure): Outcome => ({ status, failure, seconds: 20 })

/** The record as the action leaves it, and the page that a reader sees. */
function told(subject: string, run: TaskRun, end: Outcome, database?: string) {
  const { record, summary } = toldOfTask(subject, run, end, { database, verification: undefined })
  const report: ReportRecord = {
    schema: 1,
    action: 'run-ecs-task',
    status: end.status,
    startedAt: '2026-11-20T06:00:00.000Z',
    seconds: end.seconds,
    run: {},
    failures: end.failure === undefined ? [] : [end.failure.record],
    ...record,
  }
  const line = reportLine(publishable(report))
  const valid = validate(JSON.parse(line))
  return {
    record,
    summary,
    line,
    valid: valid ? true : ajv.errorsText(validate.errors),
    html: String(new Marked().parse(summary, { async: false })),
  }
}

test('a success: the verdict, the facts, a link, no log', () => {
  const { record, summary, html, valid, line } = told('Migration of shop', over, outcome('succeeded'), 'shop')
  expect(valid).toBe(true)
  expect(record).toEqual({
    verdict: 'Migration of shop succeeded in 12s.',
    tasks: [
      {
        cluster: 'main',
        task: id,
        taskDefinition: 'app:7',
        container: 'app',
        database: 'shop',
        exitCode: 0,
        stopCode: 'EssentialContainerExited',
        stoppedReason: 'Essential container in task exited',
        seconds: 12.3,
        logGroup: '/ecs/app',
      },
    ],
  })
  expect(line).not.toContain('123456789012')
  expect(summary.startsWith('### ✅ Migration of shop succeeded in 12s.')).toBe(true)
  expect(html).toContain(
    `<a href="https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/main/tasks/${id}?region=eu-west-1"><code>${id}</code></a>`,
  )
  for (const row of ['<th>Database</th>\n<th><code>shop</code></th>', '<td>Exit code</td>\n<td><code>0</code></td>'])
    expect(html).toContain(row)
  expect(html).not.toContain('Last lines')
})

test.each<[string, TaskRun, Outcome, string, string]>([
  [
    'failed',
    { ...over, exitCode: 3 },
    outcome('failed', new Failure('It exited with 3.')),
    'Task failed: It exited with 3.',
    '❌',
  ],
  ['not started', started, outcome('not-started', new NotStarted('No room.')), 'Task was not started: No room.', '❌'],
  [
    'out of time',
    { ...over, exitCode: 1 },
    outcome('timed-out', new DeadlineExceeded('Too long.')),
    'Task timed out: Too long.',
    '❌',
  ],
  [
    'cancelled',
    { ...started, taskArn: arn },
    outcome('cancelled', new Cancelled('SIGINT')),
    'Task was cancelled: The step was cancelled.',
    '🚫',
  ],
])('%s', (_, run, end, verdict, sign) => {
  const { record, summary, valid, html } = told('Task', run, end)
  expect(valid).toBe(true)
  expect(record.verdict).toBe(verdict)
  expect(summary.startsWith(`### ${sign} ${verdict}\n`)).toBe(true)
  expect(html.includes('<td>Exit code</td>')).toBe(run.taskArn !== undefined)
  if (run.taskArn !== undefined && run.exitCode === undefined)
    expect(html).toContain('<td>Exit code</td>\n<td>none</td>')
})

describe('a failure', () => {
  const details = {
    resource: arn,
    said: 'EssentialContainerExited: Essential container in task exited; app: exit code 1',
    cause: 'Rain.',
    next: ['Look.', 'Run it again.'],
  }
  test("shows AWS's words, the cause, what to do and the last lines", () => {
    const { html, record } = told(
      'Task',
      { ...over, exitCode: 1 },
      outcome('failed', new Failure('It exited with 1.', details)),
    )
    expect(html).toContain(`<strong>AWS says:</strong> <code>${details.said}</code>`)
    expect(html).toContain('<strong>Likely cause:</strong> Rain.')
    expect(html).toContain('<ul>\n<li>Look.</li>\n<li>Run it again.</li>\n</ul>')
    expect(html).toContain('<details open><summary>Last lines of <code>app</code></summary>')
    expect(html).toContain('<pre><code class="language-text">one\ntwo\n</code></pre>')
    expect(record.tasks?.[0]).toMatchObject({ exitCode: 1, lastLines: ['one', 'two'] })
  })

  test('shows hostile text as text, wherever it comes from', () => {
    const text =
      'x</code></details><img src=x onerror=1>|```\n# h\n```\n[a](javascript:1) ![b](http://c) **d** @e #1 http://f.g ) ]'
    const run: TaskRun = {
      ...over,
      cluster: text,
      container: text,
      taskDefinitionArn: `task-definition/${text}`,
      stopCode: text,
      stoppedReason: text,
      logGroup: text,
      lastLines: [text, '````', '</details>'],
      exitCode: 1,
    }
    const failure = new Failure(text, {
      said: text,
      cause: text,
      next: [text, `- ${text}`, `1. ${text}`],
      resource: text,
    })
    const { html, valid } = told(text, run, outcome('failed', failure), text)
    expect(valid).toBe(true)
    const tags = new Set([...html.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name = '']) => name))
    const ours = [
      'h3',
      'table',
      'thead',
      'tbody',
      'tr',
      'th',
      'td',
      'code',
      'a',
      'p',
      'strong',
      'ul',
      'li',
      'details',
      'summary',
      'pre',
    ]
    expect([...tags].filter(name => !ours.includes(name))).toEqual([])
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, url = '']) => url)
    expect(links).toHaveLength(1)
    expect(links[0]).toMatch(
      /^https:\/\/eu-west-1\.console\.aws\.amazon\.com\/ecs\/v2\/clusters\/[^/]*\/tasks\/0f0+\?region=eu-west-1$/,
    )
    expect(html.match(/<details/g)).toHaveLength(1)
    expect(html.match(/<li>/g)).toHaveLength(3)
  })

  test('with endless text still gives a valid report of at most 8 KiB', () => {
    const text = '😀"\\\n'.repeat(3000)
    const failure = new Failure(text, { said: text, seen: Array(50).fill(text), next: Array(50).fill(text) })
    const { valid, line } = told(
      'Task',
      { ...over, stoppedReason: text, lastLines: Array(20).fill(text) },
      outcome('failed', failure),
    )
    expect(valid).toBe(true)
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(8192)
  })
})
