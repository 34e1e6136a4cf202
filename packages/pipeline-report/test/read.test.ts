import { expect, test } from '@jest/globals'
import { type ReportRecord, readReports, reportKey, reportLine } from '../src/index.ts'

const record: ReportRecord = {
  schema: 1,
  action: 'run-ecs-task',
  status: 'failed',
  verdict: 'Task failed.',
  startedAt: '2026-11-20T06:00:00.000Z',
  seconds: 12.3,
  run: { job: 'migrate' },
  failures: [{ what: 'It exited with 1.' }],
  tasks: [{ cluster: 'main', lastLines: ['a', 'b'] }],
}
const other: ReportRecord = { ...record, action: 'smoke-test' }

test.each([
  ['one', JSON.stringify(record), [record]],
  ['one over several lines', `\n${JSON.stringify(record, null, 2)}\n`, [record]],
  ['a list', JSON.stringify([record, other]), [record, other]],
  ['one a line', `${JSON.stringify(record)}\n\n${JSON.stringify(other)}\n`, [record, other]],
  ['an empty list', '[]', []],
])('records are read: %s', (_, text, records) => {
  expect(readReports(text)).toEqual({ records, problems: [] })
})

test.each([
  ['', 'it is empty'],
  [' \n', 'it is empty'],
  ['{', 'it is no JSON'],
  ['a\nb\n', 'it is no JSON'],
  ['null', 'it is no report: it must be object'],
  ['"text"', 'it is no report: it must be object'],
  ['{}', "it is no report: it must have required property 'schema'"],
  [JSON.stringify({ ...record, schema: 2 }), 'it has the form 2 of a report, and this version reads form 1'],
  [JSON.stringify({ ...record, schema: '1' }), 'it is no report: schema must be equal to constant'],
  [JSON.stringify({ ...record, startedAt: 'yesterday' }), 'it is no report: startedAt must match format "date-time"'],
  [
    JSON.stringify({ ...record, startedAt: '2026-13-45T99:00:00Z' }),
    'it is no report: startedAt must match format "date-time"',
  ],
  [JSON.stringify({ ...record, tasks: [{ cluster: 7 }] }), 'it is no report: tasks.0.cluster must be string'],
  [JSON.stringify({ ...record, more: true }), 'it is no report: it must NOT have additional properties'],
])('what is none is said: %j', (text, problem) => {
  expect(readReports(text)).toEqual({ records: [], problems: [problem] })
})

test('what is broken does not take the others with it', () => {
  expect(readReports(`${JSON.stringify(record)}\n{"schema":\n{}\n`)).toEqual({
    records: [record],
    problems: ['line 2 is no JSON', "it is no report: it must have required property 'schema'"],
  })
})

test('a line that was cut is the same step as the whole record, and no other', () => {
  const whole: ReportRecord = {
    ...record,
    verdict: 'x'.repeat(9000),
    tasks: [{ cluster: 'main', lastLines: Array.from({ length: 5000 }, (_, index) => `line ${index}`) }],
  }
  const [cut] = readReports(reportLine(whole)).records
  if (cut === undefined) throw new Error('not read')
  expect(cut.omitted).toBeDefined()
  expect(reportKey(cut)).toBe(reportKey(whole))
  expect(reportKey(JSON.parse(JSON.stringify(record)))).toBe(reportKey(record))
  expect(reportKey({ ...whole, seconds: 12.4 })).not.toBe(reportKey(whole))
  expect(reportKey(other)).not.toBe(reportKey(record))
})
