import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { type FailureRecord, publishable, type ReportRecord, reportLine, type TaskRecord } from '../src/index.ts'

const LIMIT = 8 * 1024
const schema: object = JSON.parse(readFileSync(new URL('../report.schema.json', import.meta.url), 'utf8'))
const ajv = new Ajv2020({ strict: true, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/)
const validate = ajv.compile<ReportRecord>(schema)

/** The record in a line; fails when it is not valid by the schema. */
function parsed(line: string): ReportRecord {
  const record: unknown = JSON.parse(line)
  if (validate(record)) return record
  throw new Error(`not valid: ${ajv.errorsText(validate.errors)}\n${line.slice(0, 500)}`)
}

const small: ReportRecord = {
  schema: 1,
  action: 'run-ecs-task',
  status: 'failed',
  verdict: 'Task failed: the container app exited with 1.',
  startedAt: '2026-11-20T06:00:00.000Z',
  seconds: 12.3,
  run: {
    repository: 'acme/shop',
    id: '17000000000',
    attempt: '1',
    job: 'migrate',
    sha: 'a'.repeat(40),
    actor: 'octocat',
  },
  failures: [
    {
      what: 'The container app exited with 1.',
      resource: 'task/1',
      said: 'x',
      saidBy: 'docker',
      seen: ['a'],
      cause: 'c',
      next: ['n'],
    },
  ],
  images: [{ reference: 'ecr:app@sha256:0', tags: ['a', 'b'], status: 'built' }],
  tasks: [{ cluster: 'main', task: 'f00', exitCode: 1, seconds: 3, lastLines: ['1', '2', '3'] }],
  checks: [
    {
      name: 'api',
      url: 'https://api.example/',
      passed: false,
      attempts: 3,
      status: 503,
      version: '1',
      latencyMs: 2.5,
      error: 'e',
    },
  ],
}

const times = <Entry>(count: number, entry: (index: number) => Entry): Entry[] =>
  Array.from({ length: count }, (_, at) => entry(at))
const failure = (text: string, lists = 3): FailureRecord => ({
  what: text,
  resource: text,
  said: text,
  seen: times(lists, () => text),
  cause: text,
  next: times(lists, () => text),
})
const task = (text: string, lines = 20): TaskRecord => ({
  cluster: text,
  task: text,
  taskDefinition: text,
  container: text,
  database: text,
  exitCode: 137,
  stopCode: text,
  stoppedReason: text,
  seconds: 1,
  logGroup: text,
  lastLines: times(lines, at => `${at} ${text}`),
})

describe('the report output', () => {
  const units: readonly [string, string][] = [
    ['letters', 'x'],
    ['wide letters', '漢'],
    ['emoji', '😀'],
    ['escaped in JSON', '"\\\n\u0000'],
    ['lone surrogates', '\ud83d'],
    ['surrogate pairs at odd places', 'a😀😀😀'],
  ]
  const shapes: readonly [string, (text: string) => Partial<ReportRecord>][] = [
    ['a long verdict', text => ({ verdict: text })],
    ['long failures', text => ({ failures: [failure(text)] })],
    ['60 failures', text => ({ failures: times(60, () => failure(text)) })],
    ['a failure with 100 steps', text => ({ failures: [failure(text, 100)] })],
    ['60 tasks', text => ({ tasks: times(60, () => task(text)) })],
    ['a task with 300 lines', text => ({ tasks: [task(text, 300)] })],
    [
      '100 images',
      text => ({ images: times(100, at => ({ reference: text, tags: times(at % 7, () => text), status: 'built' })) }),
    ],
    [
      'a hostile run',
      text => ({ run: { repository: text, actor: text, job: text, sha: text, id: text, attempt: text } }),
    ],
    [
      'all of it',
      text => ({
        verdict: text,
        run: { actor: text },
        failures: times(20, () => failure(text, 20)),
        tasks: times(50, () => task(text)),
        images: times(50, () => ({ reference: text, tags: [text], status: text })),
      }),
    ],
  ]
  for (const [unitName, unit] of units) {
    test.each(shapes)(`%s of ${unitName}`, (_, shape) => {
      const many = [shape('').failures, shape('').tasks, shape('').images].some(list => (list?.length ?? 0) > 1)
      for (const length of many ? [1, 90, 300] : [1, 90, 700, 10_000]) {
        const record: ReportRecord = { ...small, ...shape(unit.repeat(length)) }
        const line = reportLine(record)
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(LIMIT)
        expect(line).not.toMatch(/[\r\n]/)
        const kept = parsed(line)
        const beginning = (text: string, of: string): boolean => of.startsWith(text.replace(/…$/, ''))
        // The verdict, and the first failure at least by what it was.
        expect(kept).toMatchObject({ action: record.action, status: record.status, seconds: record.seconds })
        expect(
          beginning(kept.verdict, record.verdict) && kept.verdict.length >= Math.min(100, record.verdict.length),
        ).toBe(true)
        expect(kept.failures.length).toBeGreaterThan(0)
        expect(beginning(kept.failures[0]?.what ?? '-', record.failures[0]?.what ?? '')).toBe(true)
        // No half characters that were not there before: JSON writes them as escapes.
        if (unit.isWellFormed()) expect(line).not.toMatch(/\\ud[89a-f]/)
        expectCounted(record, kept)
      }
    })
  }

  test('a record that fits stays as it is', () => {
    const line = reportLine(small)
    expect(JSON.parse(line)).toEqual(small)
    expect(parsed(line).omitted).toBeUndefined()
  })

  test('of log lines the last stay, and the numbers tell how many went', () => {
    const record = {
      ...small,
      tasks: [{ cluster: 'main', lastLines: times(400, at => `line ${at} ${'x'.repeat(80)}`) }],
    }
    const { tasks, omitted } = parsed(reportLine(record))
    const lines = tasks?.[0]?.lastLines ?? []
    expect(lines.length).toBe(50)
    expect(lines.at(-1)).toMatch(/^line 399 /)
    expect(omitted).toEqual({ 'tasks[0].lastLines': 350 })
    const long = parsed(reportLine({ ...small, verdict: 'v'.repeat(4321), failures: [] }))
    expect(long.omitted).toEqual({ verdict: 321 })
    expect(long.verdict).toBe(`${'v'.repeat(4000)}…`)
  })
})

/** `omitted` says for every list and text of the top level how much of it is not there any more. */
function expectCounted(record: ReportRecord, kept: ReportRecord): void {
  const omitted = kept.omitted ?? {}
  const lists = { failures: record.failures, tasks: record.tasks ?? [], images: record.images ?? [] }
  for (const [name, list] of Object.entries(lists)) {
    const left = { failures: kept.failures, tasks: kept.tasks, images: kept.images }[name] ?? []
    expect({ name, count: left.length + (omitted[name] ?? 0) }).toEqual({ name, count: list.length })
  }
  const left = kept.verdict.length - (omitted['verdict'] === undefined ? 0 : 1)
  expect(left + (omitted['verdict'] ?? 0)).toBe(record.verdict.length)
  for (const count of Object.values(omitted)) expect(count).toBeGreaterThan(0)
}

test('the published record is free of accounts and secrets, but for what GitHub says of the run', () => {
  const record: ReportRecord = {
    ...small,
    run: { id: '123456789012', repository: 'acme/shop' },
    verdict: 'hunter22 in 123456789012',
    failures: [{ what: 'w', resource: 'arn:aws:ecs:eu-west-1:123456789012:task/main/f00', next: ['use hunter22'] }],
    tasks: [{ cluster: 'main', exitCode: 0, lastLines: ['password hunter22', 'account 123456789012'] }],
  }
  const published = publishable(record, text => text.replaceAll('hunter22', '***'))
  expect(validate(published)).toBe(true)
  expect(published).toEqual({
    ...record,
    verdict: '*** in ************',
    failures: [{ what: 'w', resource: 'arn:aws:ecs:eu-west-1:************:task/main/f00', next: ['use ***'] }],
    tasks: [{ cluster: 'main', exitCode: 0, lastLines: ['password ***', 'account ************'] }],
  })
  expect(publishable(small)).toEqual(small)
})

test('the schema refuses what is no report', () => {
  const wrong: readonly object[] = [
    {},
    { ...small, schema: 2 },
    { ...small, extra: 1 },
    { ...small, action: 'Run It' },
    { ...small, status: '' },
    { ...small, startedAt: 'yesterday' },
    { ...small, failures: [{}] },
    { ...small, tasks: [{ task: 'x' }] },
    { ...small, tasks: [{ cluster: 'x', exitCode: 1.5 }] },
    { ...small, images: [{ reference: 'x' }] },
    { ...small, checks: [{ name: 'api', url: 'x', passed: 'yes', attempts: 1 }] },
    { ...small, checks: [{ name: 'api', url: 'x', passed: true, attempts: 1, headers: {} }] },
    { ...small, omitted: { failures: -1 } },
  ]
  for (const record of wrong) expect({ record, valid: validate(record) }).toEqual({ record, valid: false })
  expect(validate(small)).toBe(true)
})
