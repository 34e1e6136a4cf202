import { expect, test } from '@jest/globals'
import type { RunJob } from '../src/run-jobs.ts'
import { LIMITS } from '../src/sections/limits.ts'
import { timeline } from '../src/sections/timeline.ts'

const [limits = { rows: 1, lines: 1, text: 1 }] = LIMITS
const START = Date.parse('2026-11-20T09:00:00Z')

function job(name: string, from: number, to: number, state = 'success'): RunJob {
  return {
    name,
    state,
    created: START,
    started: START + from * 1000,
    completed: START + to * 1000,
    url: undefined,
    failedSteps: [],
    neverBegan: false,
    earlier: false,
  }
}

/** The lines of the chart that are bars. */
function bars(jobs: readonly RunJob[]): string[] {
  const chart = /```mermaid\n([\s\S]*?)\n```/.exec(timeline(jobs, limits))?.[1]?.split('\n') ?? []
  expect(chart.slice(0, 4)).toEqual([
    'gantt',
    '  dateFormat YYYY-MM-DD HH:mm:ss',
    '  axisFormat %H:%M:%S',
    '  todayMarker off',
  ])
  return chart.slice(4)
}

test('one bar a job, in the order in which they began, in UTC; those that failed stand out', () => {
  expect(bars([job('deploy', 70, 130, 'failure'), job('build', 3, 63), job('lint', 3, 3, 'cancelled')])).toEqual([
    '  ✅ build 1m :2026-11-20 09:00:03, 2026-11-20 09:01:03',
    '  🚫 lint 1s :done, 2026-11-20 09:00:03, 2026-11-20 09:00:04',
    '  ❌ deploy 1m :crit, 2026-11-20 09:01:10, 2026-11-20 09:02:10',
  ])
})

test('folded, and nothing where there is nothing to compare', () => {
  expect(timeline([job('a', 1, 2), job('b', 1, 2)], limits)).toMatch(/^<details><summary>Timeline \(UTC\)<\/summary>/)
  expect(timeline([job('a', 1, 2), job('b', 1, 1, 'skipped')], limits)).toBe('')
  expect(timeline([job('a', 1, 2), { ...job('b', 1, 2), earlier: true }], limits)).toBe('')
  expect(timeline([job('a', 1, 2), { ...job('b', 1, 2), completed: undefined }], limits)).toBe('')
})

test.each([
  'a: crit, 2020-01-01, 1d',
  'x\n  click a call alert(1)',
  'x\n```\n<img src=x onerror=alert(1)>',
  '%%{init: {"securityLevel":"loose"}}%%',
  '%% comment',
  'section evil',
  'title evil',
  'click a href "javascript:alert(1)"',
  'a;b #quot; #35; #lt;script#gt;',
  '<b>x</b> &lt;i&gt;',
  '$$\\sqrt{x}$$ `code`',
  '---\nconfig:\n  theme: evil\n---',
  'a\u2028b\u202e\u0000\ud800',
  ':::',
  '',
])('a name is the text of its bar and nothing else: %j', name => {
  const [bar = '', ...rest] = bars([job(name, 1, 2), job('other', 5, 9)])
  expect(rest).toHaveLength(1)
  expect(bar).toMatch(/^ {2}✅ [\p{L}\p{N} ()/.,_+=-]+ 1s :2026-11-20 09:00:01, 2026-11-20 09:00:02$/u)
})

test('names of other scripts stay; long ones are cut', () => {
  const [first = '', second = ''] = bars([job('déployer – 東京', 1, 2), job('x'.repeat(5000), 3, 4)])
  expect(first).toContain('✅ déployer 東京 1s')
  expect(second.length).toBeLessThan(150)
})

test('of very many jobs the first', () => {
  const many = Array.from({ length: 500 }, (_, index) => job(`job ${index}`, index, index + 10))
  expect(bars(many)).toHaveLength(60)
  expect(timeline(many, limits)).toContain('Timeline of the first 60 of 500 jobs')
})
