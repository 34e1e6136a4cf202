import { type JobResult, type Rehearsal, rehearsalPage } from '@aws-deploy-actions/rehearsal'
import { expect, test } from '@jest/globals'

const JOB: JobResult = {
  key: 'deploy',
  name: 'deploy',
  result: 'failure',
  conclusion: 'failure',
  outputs: {},
  steps: [],
  log: '',
  summary: '',
  annotations: [],
  permissions: {},
  environment: undefined,
  needs: [],
  parts: [],
  began: 0,
  took: 1234,
}

function page(job: Partial<JobResult>, run: Partial<Rehearsal> = {}): string {
  return rehearsalPage({
    status: 'failure',
    problems: [],
    title: 'Deliver',
    workflow: '.github/workflows/deliver.yml',
    event: 'push',
    jobs: { deploy: { ...JOB, ...job } },
    comments: [],
    notes: [],
    took: 1234,
    ...run,
  })
}

const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'

test('names, annotations, outputs and logs from outside are text', () => {
  const step = {
    id: 's',
    outcome: 'failure',
    conclusion: 'failure',
    outputs: {},
    annotations: [],
    summary: '',
    took: 1,
  } as const
  const html = page(
    {
      name: HOSTILE,
      outputs: { x: HOSTILE },
      annotations: [{ level: 'error', title: HOSTILE, message: HOSTILE }],
      environment: { name: HOSTILE, url: 'javascript:alert(1)' },
      steps: [{ ...step, name: HOSTILE, log: [`##[group]${HOSTILE}`, HOSTILE, `##[error]${HOSTILE}`] }],
    },
    { title: HOSTILE, notes: [HOSTILE] },
  )
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(html).not.toMatch(/<script|<img|href="javascript:/)
})

test('a job summary is GitHub Flavored Markdown that can do nothing', () => {
  const html = page({
    summary: `## Delivered\n\n| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n- [x] done\n\n<details><summary>More</summary>\n\n\`code\`\n\n</details>\n\n\`\`\`mermaid\ngantt\n\`\`\`\n\n${HOSTILE} [link](javascript:alert(1)) <a href="https://example.com" onclick="x()">ok</a>\n<style>body{display:none}</style><iframe src="https://example.com"></iframe>`,
  })
  for (const part of [
    '<h2>Delivered</h2>',
    '<del>2</del>',
    '<summary>More</summary>',
    'language-mermaid',
    'type="checkbox"',
    'href="https://example.com"',
  ])
    expect(html).toContain(part)
  expect(html).not.toMatch(/<script|onerror|onclick|javascript:|<iframe|body\{display/)
  // What slips through all the same has nobody to run it.
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src https: data:"`)
})

test('the graph has a card for each job, a line for each need, and those of a matrix in one', () => {
  const jobs = {
    build: { ...JOB, key: 'build', name: 'build', conclusion: 'success', began: 1 },
    'test (1)': { ...JOB, key: 'test (1)', name: 'test (1)', began: 2 },
    'test (2)': { ...JOB, key: 'test (2)', name: 'test (2)', began: 2 },
    test: { ...JOB, key: 'test', name: 'test', parts: ['test (1)', 'test (2)'], needs: ['build'] },
    summary: { ...JOB, key: 'summary', name: 'summary', needs: ['build', 'test'] },
  } as const
  const html = page({}, { jobs })
  const graph = html.slice(
    html.indexOf('<svg class="graph"'),
    html.indexOf('</section>', html.indexOf('<svg class="graph"')),
  )
  expect(graph.match(/class="card"/g)).toHaveLength(3)
  expect(graph.match(/class="row"/g)).toHaveLength(4)
  // summary → build goes without saying: it needs test, which needs build.
  expect(graph.match(/class="edge/g)).toHaveLength(2)
})

test('a run that never began says why', () => {
  const html = page({}, { jobs: {}, status: 'startup_failure', problems: ["Unexpected value 'wiht'"] })
  expect(html).toContain('Unexpected value &#39;wiht&#39;'.replaceAll('&#39;', "'"))
})

test('of a very long log the middle is left out', () => {
  const log = Array.from({ length: 50_000 }, (_, index) => `line ${index}`)
  const step = {
    id: 's',
    name: 's',
    outcome: 'success',
    conclusion: 'success',
    outputs: {},
    annotations: [],
    summary: '',
    took: 1,
    log,
  } as const
  const html = page({ steps: [step] })
  expect(html).toContain('line 49999')
  expect(html).toContain('48000 lines are left out here')
  expect(html.length).toBeLessThan(500_000)
})

test('several runs stand on one page, each with anchors of its own', () => {
  const run: Rehearsal = {
    status: 'success',
    problems: [],
    title: 'first',
    workflow: 'w.yml',
    event: 'push',
    jobs: { deploy: JOB },
    notes: [],
    comments: [],
    took: 1,
  }
  const html = rehearsalPage(run, { ...run, title: 'second' })
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const links = [...html.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id)
  expect(links.filter(link => !ids.includes(link))).toEqual([])
  expect(links).toEqual(expect.arrayContaining(['run', 'run-2-run']))
})
