import { evaluated } from '../syntax/evaluate.ts'
import { fieldOf, type JobDefinition } from '../syntax/workflow-file.ts'
import { javaScriptAction } from './action-step.ts'
import type { Frame, JobState } from './job-state.ts'
import { runStage } from './post-steps.ts'
import { recordStep } from './record-step.ts'
import { isLocal, resolveAction } from './resolve-action.ts'

/**
 * What comes before the first step: the runner gets all actions that are not of the workspace, so one that cannot be
 * had fails the job even when its step would be skipped (actions/runner, JobExtension.InitializeJob).
 * @param prepare evaluates what holds for all steps
 * @returns whether the steps may begin
 */
export async function setUpJob(
  job: JobState,
  frame: Frame,
  definition: JobDefinition,
  prepare: () => void,
): Promise<boolean> {
  let ready = false
  await recordStep(job, 'Set up job', async ({ log }) => {
    const runsOn = evaluated(definition.fields.find('runs-on'), { contexts: job.contexts })
    log.write(
      `Rehearsed on this machine instead of ${Array.isArray(runsOn) ? runsOn.join(', ') : JSON.stringify(runsOn)}`,
    )
    log.write('##[group]GITHUB_TOKEN Permissions')
    for (const [name, level] of Object.entries(job.permissions)) log.write(`${name}: ${level}`)
    log.write('##[endgroup]')
    if (fieldOf(definition.fields, 'container') !== undefined) throw new Error('jobs in a container are not rehearsed')
    prepare()
    const uses = new Set(definition.steps.flatMap(step => (step.uses === undefined ? [] : [step.uses])))
    for (const reference of uses) {
      if (isLocal(reference)) continue
      const action = await resolveAction(reference, job, frame)
      log.write(
        action.kind === 'stand-in'
          ? `${reference}: a stand-in, ${action.standIn.instead}`
          : `${reference}: ${action.definition.folder}`,
      )
    }
    ready = true
    return 'success'
  })
  return ready
}

/** `pre` of the steps' actions, all before the first step; not of those in the workspace (github/docs, metadata syntax: pre). */
export async function runPreSteps(job: JobState, frame: Frame, { steps }: JobDefinition): Promise<void> {
  for (const step of steps) {
    if (step.uses === undefined || isLocal(step.uses)) continue
    const action = javaScriptAction(job, frame, step, await resolveAction(step.uses, job, frame))
    if (action?.runs.pre === undefined) continue
    const name = step.fields.find('name')
    await runStage(job, action, 'pre', `Pre ${name === undefined ? `Run ${step.uses}` : name.toString()}`)
  }
}
