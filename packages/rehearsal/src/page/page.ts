import type { Conclusion, JobResult, Rehearsal } from '../results.ts'
import { graphSvg } from './graph.ts'
import { anchor, duration, escaped, sign } from './html.ts'
import { jobSection } from './job-section.ts'
import { renderedMarkdown } from './markdown.ts'
import { STYLE } from './style.ts'

/**
 * One page without scripts: the graph, the annotations, the job summaries as GitHub shows them, every log. Several runs stand
 * one below the other.
 */
export function rehearsalPage(...runs: readonly Rehearsal[]): string {
  const parts = runs.map((run, index) => runHtml(run, index === 0 ? '' : `run-${index + 1}-`))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src https: data:">
<title>${runs.map(run => `${escaped(run.title)} · ${escaped(run.status)}`).join(' | ')}</title>
<style>${STYLE}</style>
</head>
<body>
${runs.length < 2 ? '' : index(runs)}${parts.join('\n')}
</body>
</html>
`
}

function index(runs: readonly Rehearsal[]): string {
  const links = runs.map(
    (run, index) =>
      `<a href="#${index === 0 ? '' : `run-${index + 1}-`}run">${sign(conclusionOf(run))}${escaped(run.title)}</a>`,
  )
  return `<nav class="runs">${links.join('')}</nav>\n`
}

/** @param prefix of the anchors, which tells the runs of a page apart */
function runHtml(run: Rehearsal, prefix: string): string {
  const own = Object.values(run.jobs)
    .filter(({ parts }) => parts.length === 0)
    .sort((a, b) => a.began - b.began)
  const graph =
    run.problems.length > 0
      ? ''
      : box('The jobs', `<div class="scroll">${graphSvg(run, prefix)}</div>`, `${prefix}graph`)
  const body = [
    problems(run),
    annotations(Object.values(run.jobs)),
    ...own.map(summary),
    ...own.map(job => jobSection(job, prefix)),
    notes(run),
  ]
  return `${head(run, own, `${prefix}run`)}
<main>
${graph}
<nav>${navigation(own, prefix)}</nav>
<div>
${body.filter(part => part !== '').join('\n')}
</div>
</main>`
}

function head(run: Rehearsal, own: readonly JobResult[], id: string): string {
  const facts: readonly [string, string][] = [
    ['Rehearsed', run.event === '' ? run.workflow : `${run.workflow} on ${run.event}`],
    ['Status', run.status],
    ['Total duration', duration(run.took)],
    ['Jobs', counted(own)],
  ]
  const list = facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`).join('')
  return `<header id="${id}"><h1>${sign(conclusionOf(run))}${escaped(run.title)}</h1><dl class="facts">${list}</dl></header>`
}

function conclusionOf({ status }: Rehearsal): Conclusion {
  if (status === 'startup_failure') return 'failure'
  return status === 'not-triggered' ? 'skipped' : status
}

function counted(jobs: readonly JobResult[]): string {
  const counts = new Map<string, number>()
  for (const { conclusion } of jobs) counts.set(conclusion, (counts.get(conclusion) ?? 0) + 1)
  return [...counts].map(([conclusion, many]) => `${many} ${conclusion}`).join(', ') || 'none'
}

function navigation(jobs: readonly JobResult[], prefix: string): string {
  const links = jobs.map(
    job =>
      `<a href="#${anchor(prefix + job.key)}">${sign(job.conclusion)}<span>${escaped(job.name)}</span><span class="took">${job.conclusion === 'skipped' ? '' : duration(job.took)}</span></a>`,
  )
  return `<a href="#${prefix}graph">Summary</a><h2>Jobs</h2>${links.join('')}`
}

function problems({ problems }: Rehearsal): string {
  return problems.length === 0 ? '' : box('There was no run', `<p class="problem">${escaped(problems.join('\n'))}</p>`)
}

function annotations(jobs: readonly JobResult[]): string {
  const ranks = ['error', 'warning', 'notice']
  const all = jobs
    .flatMap(job => job.annotations.map(annotation => ({ ...annotation, job: job.name })))
    .sort((a, b) => ranks.indexOf(a.level) - ranks.indexOf(b.level))
  if (all.length === 0) return ''
  const items = all.map(
    ({ level, title, message, job }) =>
      `<li class="${level}"><b>${escaped(job)}${title === '' ? '' : ` · ${escaped(title)}`}</b><pre>${escaped(message)}</pre></li>`,
  )
  return box(`Annotations <small>${all.length}</small>`, `<ul class="annotations">${items.join('')}</ul>`)
}

function summary(job: JobResult): string {
  if (job.summary.trim() === '') return ''
  return box(`${escaped(job.name)} summary`, `<div class="markdown">${renderedMarkdown(job.summary)}</div>`)
}

function notes({ notes }: Rehearsal): string {
  if (notes.length === 0) return ''
  return box(
    'What this rehearsal does otherwise',
    `<ul class="notes">${notes.map(note => `<li>${escaped(note)}</li>`).join('')}</ul>`,
  )
}

/** @param title HTML */
function box(title: string, content: string, id = ''): string {
  return `<section class="box"${id === '' ? '' : ` id="${id}"`}><h2>${title}</h2>${content}</section>`
}
