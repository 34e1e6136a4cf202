import type { JobResult, StepResult } from '../results.ts'
import { anchor, duration, escaped, sign } from './html.ts'
import { logHtml } from './log-lines.ts'

/** A job with its steps, the failed ones open. @param prefix of its anchor */
export function jobSection(job: JobResult, prefix: string): string {
  const environment =
    job.environment === undefined
      ? ''
      : ` <small>environment ${escaped(job.environment.name)}${job.environment.url === undefined ? '' : ` · ${link(job.environment.url)}`}</small>`
  const steps = job.steps.map(stepSection).join('')
  const nothing = job.steps.length === 0 ? `<p class="said">This job ${said(job)}.</p>` : ''
  return `<section class="box" id="${anchor(prefix + job.key)}"><h2>${sign(job.conclusion)}${escaped(job.name)}${environment}<span class="took">${job.conclusion === 'skipped' ? 'skipped' : duration(job.took)}</span></h2>${steps}${nothing}${outputs(job)}</section>`
}

function said({ conclusion, annotations }: JobResult): string {
  if (conclusion === 'skipped') return 'was skipped'
  if (conclusion === 'cancelled') return 'was cancelled before it began'
  return annotations.length === 0
    ? 'has no steps'
    : `failed before its first step: ${escaped(annotations[0]?.message ?? '')}`
}

function stepSection(step: StepResult): string {
  const open = step.conclusion === 'failure' || step.outcome === 'failure' ? ' open' : ''
  const took = step.conclusion === 'skipped' ? '' : duration(step.took)
  const forgiven = step.outcome === step.conclusion ? '' : ' <small>failed, which it may</small>'
  return `<details class="step ${step.conclusion}"${open}><summary>${sign(step.conclusion)}<span>${escaped(step.name)}${forgiven}</span><span class="took">${took}</span></summary>${step.log.length === 0 ? '' : logHtml(step.log)}</details>`
}

function outputs(job: JobResult): string {
  const entries = Object.entries(job.outputs)
  if (entries.length === 0) return ''
  const rows = entries.map(
    ([name, value]) =>
      `<dt>${escaped(name)}</dt><dd><code>${escaped(value.length > 2000 ? `${value.slice(0, 2000)}…` : value)}</code></dd>`,
  )
  const names = entries.map(([name]) => escaped(name)).join(', ')
  return `<details class="outputs"><summary>Outputs: ${names}</summary><dl>${rows.join('')}</dl></details>`
}

function link(url: string): string {
  return /^https?:\/\//.test(url) ? `<a href="${escaped(url)}">${escaped(url)}</a>` : escaped(url)
}
