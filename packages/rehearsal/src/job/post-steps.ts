import { type JavaScriptAction, runJavaScript, wantsStage } from './javascript-step.ts'
import type { JobState } from './job-state.ts'
import { recordStep } from './record-step.ts'

/** `post` runs at the end of the job when `pre` or `main` began, in reverse order (actions/runner, ExecutionContext.RegisterPostJobStep). */
export function registerPost(job: JobState, action: JavaScriptAction, name: string): void {
  if (action.runs.post === undefined || job.registered.has(action.step)) return
  job.registered.add(action.step)
  job.posts.push(() => runStage(job, action, 'post', `Post ${name}`))
}

/** `pre` or `post` of an action as a step of its own. */
export async function runStage(
  job: JobState,
  action: JavaScriptAction,
  stage: 'pre' | 'post',
  name: string,
): Promise<void> {
  await recordStep(job, name, async attempt => {
    if (!wantsStage(job, action, stage)) return 'skipped'
    if (stage === 'pre') registerPost(job, action, name.replace(/^Pre /, ''))
    return (await runJavaScript(job, action, stage, attempt)) ? 'success' : 'failure'
  })
}
