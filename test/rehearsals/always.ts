import type { Conclusion, Rehearsal } from '@aws-deploy-actions/rehearsal'
import { expect } from '@jest/globals'
import { shownText } from '../support/shown-text.ts'
import { outputs, page, told } from './stages.ts'

/**
 * What is true of every delivery, whatever became of it: the summary ran; it tells each stage as it ended, names those
 * that failed and where; the output `status` says the same; and after a stage that did not end well none has run.
 * @param names stages of the pipeline in their order; lint and test are beside each other, the summary is the last
 * @returns the run
 */
export function asAlways(names: readonly string[], run: Rehearsal): Rehearsal {
  expect(run.problems).toEqual([])
  const ended = Object.fromEntries(names.map(stage => [stage, run.jobs[`deliver / ${stage}`]?.result ?? 'missing']))
  const { summary, ...others } = ended
  const status = statusOf(Object.values(others))
  expect({ stages: told(run), summary, status: outputs(run)['status'] }).toEqual({
    stages: others,
    summary: status === 'success' ? 'success' : 'failure',
    status,
  })
  // Without a check it is none: a pull request, for example.
  const title = ended['check'] === 'skipped' ? 'Checks (pull_request)' : 'Delivery to production'
  expect(shownText(page(run))).toContain(`${title}: ${status}\n`)
  expect(page(run)).not.toMatch(/\b(?:undefined|NaN)\b|\[object /)
  const [, sentence = ''] = /^\*\*(.*)\*\*/m.exec(page(run)) ?? []
  expect(sentence.split(/[ ,;]+/)).toEqual(expect.arrayContaining(endedAs(others, 'failure', 'cancelled')))
  expect(endedAs(laterThan(others), 'success', 'failure', 'cancelled')).toEqual([])
  for (const stage of endedAs(others, 'failure', 'cancelled'))
    for (const place of placesOf(run, stage)) expect(shownText(page(run))).toContain(` at “${place}”`)
  if (endedAs(others, 'failure').some(stage => placesOf(run, stage).length > 0))
    expect(page(run)).toContain('### What failed')
  return run
}

function statusOf(results: readonly string[]): Conclusion {
  return results.includes('failure') ? 'failure' : results.includes('cancelled') ? 'cancelled' : 'success'
}

function endedAs(stages: Readonly<Record<string, string>>, ...results: readonly Conclusion[]): string[] {
  return Object.keys(stages).filter(stage => results.some(result => result === stages[stage]))
}

/** The stages after the first that did not end well. */
function laterThan(stages: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(stages)
  const [first] = endedAs(stages, 'failure', 'cancelled')
  if (first === undefined) return {}
  const later = names.slice(names.indexOf(first) + 1).filter(name => !(first === 'lint' && name === 'test'))
  return Object.fromEntries(later.map(name => [name, stages[name] ?? 'missing']))
}

/** The steps at which jobs of a stage ended badly: the first of each. A job that nobody approved has none. */
function placesOf(run: Rehearsal, stage: string): string[] {
  return Object.entries(run.jobs).flatMap(([key, { steps }]) => {
    if (key !== `deliver / ${stage}` && !key.startsWith(`deliver / ${stage} / `)) return []
    return steps.find(({ conclusion }) => conclusion === 'failure' || conclusion === 'cancelled')?.name ?? []
  })
}
