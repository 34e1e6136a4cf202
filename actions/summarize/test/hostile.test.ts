import type { ReportRecord } from '@aws-deploy-actions/pipeline-report'
import { expect, test } from '@jest/globals'
import { commandsIn } from '../../../test/support/runner-commands.ts'
import { apiJob, startGitHub } from './git-hub.ts'
import { needsJson, record, rendered, seen, summarize } from './summarize.ts'

const HOSTILE: readonly string[] = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</code></td></tr></table></details><h1>owned</h1>',
  '<!-- comment',
  '![pixel](https://evil.example/x.png)',
  '[click](javascript:alert(1))',
  'https://evil.example/path www.evil.example user@evil.example',
  '@octocat org/repo#12 #34',
  '**bold** _it_ ~~s~~ `code` $$math$$ :tada:',
  '| a | b |\n| --- | --- |',
  '```\n# fence\n```mermaid\ngraph TD;A-->B\n```',
  '\n\n# heading\n\n- item\n\n> quote\n\n---\n',
  '%%{init: {"theme":"evil"}}%%\nclick a href "javascript:alert(1)"',
  '\u001b[31mred\u001b[0m \u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007',
  '\u202egnp.exe\u2066\u2069 \u0000\u0007\u009b31m',
  '::error::owned\n##[error]owned\n::set-output name=status::success',
  '&lt;b&gt; &amp; &#60;b&#62;',
  '__proto__',
  `long ${'x'.repeat(20_000)}`,
]

/** Everywhere that a record, a job or a test has text. */
function everywhere(text: string): ReportRecord[] {
  return [
    record('ecr-push', 'failed', {
      verdict: text,
      images: [{ reference: `ecr:${text}@${text}`, tags: [text, text], status: text }],
      failures: [
        { what: text, resource: text, said: text, saidBy: text, seen: [text], cause: text, next: [text, text] },
      ],
    }),
    record('run-migration-task', 'failed', {
      tasks: [
        {
          cluster: text,
          task: text,
          taskDefinition: text,
          container: text,
          database: text,
          stopCode: text,
          stoppedReason: text,
          lastLines: [text, text],
        },
        { cluster: text, task: text, exitCode: 0 },
      ],
    }),
    record('deploy-ecs-service', 'rolled-back', {
      services: [
        {
          name: text,
          status: text,
          taskDefinition: text,
          previousTaskDefinition: `${text}.`,
          images: [{ container: text, image: text, digest: text }],
          reason: text,
        },
      ],
    }),
    record('ssm-pull-deploy', 'failed', {
      instances: [
        {
          id: text,
          status: text,
          statusDetails: text,
          services: [{ name: text, before: text, after: `${text}.` }],
          reason: text,
        },
      ],
    }),
    record('smoke-test', 'failed', {
      checks: [{ name: text, url: text, passed: false, attempts: 1, version: text, error: text }],
    }),
    record('other', 'deployed', { verdict: text, run: { job: text } }),
  ]
}

const xml = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
    .replace(/[&<>"\n]/g, character => `&#${character.charCodeAt(0)};`)

test.concurrent.each(HOSTILE.map(text => [text.slice(0, 40), text]))(
  'text from outside is text: %j',
  async (_, text) => {
    const github = await startGitHub({
      jobs: [
        apiJob(text, 1, 5, { conclusion: 'failure', step: text }),
        apiJob(`b ${text}`, 1, 5),
        apiJob('c', 2, 9, { conclusion: text }),
      ],
    })
    try {
      const result = await summarize(
        {
          needs: JSON.stringify({
            [text]: { result: text, outputs: { report: text, 'environment-url': `x ${text}` } },
            b: { result: 'success' },
          }),
          title: text.replaceAll('\0', ''),
          junit: 'junit.xml\nbroken.xml',
          coverage: '*.info',
          'allowed-to-fail': 'x',
        },
        {
          github,
          event: { head_commit: { message: `\n${text}` } },
          environment: {
            GITHUB_REF_NAME: text.replaceAll('\0', ''),
            GITHUB_ACTOR: text.replaceAll('\0', ''),
            GITHUB_SHA: 'not a sha',
          },
          files: Object.fromEntries(everywhere(text).map((entry, index) => [`deploy-reports/${index}.json`, entry])),
          workspace: {
            'junit.xml': `<testsuite name="${xml(text)}"><testcase name="${xml(text)}" classname="${xml(text)}" file="${xml(text)}"><failure message="${xml(text)}">${xml(text)}</failure></testcase></testsuite>`,
            'broken.xml': `<testsuite><${xml(text)}`,
            'x.info': text,
          },
        },
      )
      expect(result.exitCode).toBe(1)
      expect(result.outputs['status']).toBe('failure')
      expect(result.stderr).toBe('')
      const { summary } = result

      // Nothing is markup but what we write ourselves.
      const html = rendered(summary)
      const tags = new Set([...html.matchAll(/<\/?([a-z][a-z0-9]*)/gi)].map(([, name = '']) => name.toLowerCase()))
      const own = [
        'h2',
        'h3',
        'p',
        'strong',
        'br',
        'a',
        'code',
        'pre',
        'table',
        'thead',
        'tbody',
        'tr',
        'th',
        'td',
        'ul',
        'li',
        'details',
        'summary',
        'del',
      ]
      expect([...tags].filter(tag => !own.includes(tag))).toEqual([])
      for (const [, address = ''] of html.matchAll(/href="([^"]*)"/g))
        expect(address).toMatch(/^https:\/\/github\.com\/acme\/shop\//)
      expect(html).not.toContain('<!--')
      // Each part is where it belongs: what was opened is closed again.
      for (const tag of ['details', 'table', 'code', 'pre', 'ul'])
        expect([tag, html.match(new RegExp(`<${tag}\\b`, 'g'))?.length]).toEqual([
          tag,
          html.match(new RegExp(`</${tag}>`, 'g'))?.length,
        ])
      expect([...html.matchAll(/<h[1-6][^>]*>(.*?)<\/h[1-6]>/g)].map(([, title]) => title).slice(1)).toEqual([
        'Jobs',
        'What failed',
        'Images',
        'Database migrations',
        'Deployments',
        'Hosts',
        'Smoke tests',
        'Tests',
        'Other steps',
        'Notes',
      ])
      expect(html.match(/language-mermaid/g)).toHaveLength(1)
      expect(html).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u001b\u0000]/)

      // And it is all there to read.
      const first =
        text
          .replace(/\u001b(?:\[[0-9;]*m|\][^\u0007]*\u0007)/g, '')
          .trim()
          .split('\n')[0]
          ?.slice(0, 30) ?? ''
      if (!/[\u0000-\u001f\u202e]/.test(first)) expect(seen(summary)).toContain(first.trim())
      if (text.startsWith('\u202e')) expect(seen(summary)).toContain('\\u202egnp.exe\\u2066\\u2069 \\u0000\\u0007')

      // Nor is any of it a command.
      expect(commandsIn(result.stdout).map(({ name }) => name)).toEqual(['error'])
      expect(Object.keys(result.outputs).sort()).toEqual(['environment-url', 'markdown', 'report', 'status'])
    } finally {
      await github.close()
    }
  },
)

test.concurrent('thirty jobs and 5 MB of reports: under 1 MiB, verdict first, every failure named', async () => {
  const log = Array.from({ length: 1300 }, (_, index) => `${index} ${'migrating <table> | é漢 '.repeat(5)}`)
  const files = Array.from({ length: 30 }, (_, index): [string, ReportRecord] => [
    `deploy-reports/${index}.json`,
    record('run-migration-task', 'failed', {
      run: { job: `job-${index}` },
      tasks: [
        {
          cluster: 'main',
          task: `task-${index}`,
          container: 'app',
          database: `db-${index}`,
          exitCode: 1,
          lastLines: log,
        },
      ],
      failures: [{ what: `Failure number ${index}.`, seen: log, next: log }],
      services: Array.from({ length: 20 }, (_, service) => ({
        name: `service-${index}-${service}`,
        status: 'rolled-back',
        taskDefinition: `s:${index + 1}`,
        previousTaskDefinition: `s:${index}`,
        images: [],
      })),
    }),
  ])
  expect(files.reduce((all, [, report]) => all + JSON.stringify(report).length, 0)).toBeGreaterThan(5_000_000)
  const jobs = Object.fromEntries(files.map((_, index) => [`job-${index}`, index % 2 === 0 ? 'failure' : 'success']))
  const github = await startGitHub({ jobs: Object.keys(jobs).map((name, index) => apiJob(name, index, index + 60)) })
  try {
    const { summary, exitCode, took } = await summarize(
      { needs: needsJson(jobs) },
      { github, files: Object.fromEntries(files) },
    )
    expect(exitCode).toBe(1)
    expect(Buffer.byteLength(summary)).toBeLessThan(1024 * 1024)
    expect(summary).toMatch(
      /^## ❌ Deliver: failure\n\n\*\*job-0, job-2, job-4, job-6, job-8 and 10 more failed; 15 of 30/,
    )
    for (const index of files.keys()) {
      expect(summary).toContain(`**Failure number ${index}.**`)
      expect(summary).toContain(`<code>task-${index}</code>`)
    }
    expect(summary).toContain('… 1260 lines before')
    expect(summary).not.toContain('The rest was left out')
    expect(took).toBeLessThan(15_000)
  } finally {
    await github.close()
  }
})
