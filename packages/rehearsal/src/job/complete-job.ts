import { evaluated } from '../syntax/evaluate.ts'
import { isMap, mapOf, textOf } from '../syntax/values.ts'
import { fieldOf, type JobDefinition } from '../syntax/workflow-file.ts'
import { type Frame, type JobState, stepScope } from './job-state.ts'
import { recordStep } from './record-step.ts'
import { endOrphans } from './step-process.ts'

export interface CompletedJob {
  readonly outputs: Readonly<Record<string, string>>
  readonly environmentUrl: string | undefined
}

/**
 * The outputs and the environment's URL, and the end of what steps left running. What is empty or may hold a secret is
 * dropped (actions/runner, JobExtension.FinalizeJob).
 */
export async function completeJob(job: JobState, frame: Frame, { fields }: JobDefinition): Promise<CompletedJob> {
  const outputs: Record<string, string> = {}
  let environmentUrl: string | undefined
  await recordStep(job, 'Complete job', async ({ log }) => {
    const scope = stepScope(job, frame, {})
    const declared = fields.find('outputs')
    if (declared !== undefined) {
      log.write('Evaluate and set job outputs')
      for (const [name, value] of Object.entries(mapOf(evaluated(declared, scope)))) {
        const text = textOf(value)
        if (text === '') continue
        if (job.masks.masked(text) !== text)
          log.annotate('warning', `Skip output '${name}' since it may contain secret.`)
        else {
          log.write(`Set output '${name}'`)
          outputs[name] = text
        }
      }
    }
    const url = fieldOf(fields, 'environment', 'url')
    if (url !== undefined) {
      const text = evaluated(url, scope)
      const shown = isMap(text) ? '' : textOf(text)
      if (job.masks.masked(shown) === shown) environmentUrl = shown
      else log.annotate('warning', 'Skip setting environment url as environment may contain secret.')
    }
    log.write('Cleaning up orphan processes')
    for (const process of await endOrphans(job.trackingId)) log.write(`Terminate orphan process: pid ${process}`)
    return 'success'
  })
  return { outputs, environmentUrl }
}
