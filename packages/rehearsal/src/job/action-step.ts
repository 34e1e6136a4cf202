import type { StandIn } from '../stand-ins/stand-in.ts'
import type { CompositeRuns } from '../syntax/action-file.ts'
import { evaluatedText, evaluatedTexts } from '../syntax/evaluate.ts'
import type { StepDefinition } from '../syntax/step-definitions.ts'
import type { ValueMap } from '../syntax/values.ts'
import { actionInputs, givenInputs } from './action-inputs.ts'
import { type Attempt, writeHead } from './attempt.ts'
import { type JavaScriptAction, runJavaScript } from './javascript-step.ts'
import { type Frame, type JobState, stepScope } from './job-state.ts'
import { registerPost } from './post-steps.ts'
import { type ResolvedAction, resolveAction } from './resolve-action.ts'

/** A `uses` step. @returns whether it succeeded */
export async function runActionStep(
  job: JobState,
  frame: Frame,
  step: StepDefinition,
  env: Readonly<Record<string, string>>,
  attempt: Attempt,
): Promise<boolean> {
  const action = await resolveAction(step.uses ?? '', job, frame)
  if (action.kind === 'stand-in') return standIn(action.standIn, job, frame, step, env, attempt)
  const { runs } = action.definition
  if (runs.using === 'docker') throw new Error(`${step.uses}: container actions are not rehearsed`)
  if (runs.using === 'composite') return composite(action, runs, job, frame, step, env, attempt)
  const javaScript = javaScriptAction(job, frame, step, action)
  if (javaScript === undefined) return false
  registerPost(job, javaScript, attempt.name)
  return runJavaScript(job, javaScript, 'main', attempt)
}

/** undefined when the action is none in JavaScript */
export function javaScriptAction(
  job: JobState,
  frame: Frame,
  step: StepDefinition,
  action: ResolvedAction,
): JavaScriptAction | undefined {
  if (action.kind === 'stand-in' || action.definition.runs.using !== 'node') return undefined
  return {
    definition: action.definition,
    runs: action.definition.runs,
    step,
    frame,
    env: () => ({ ...frame.environment, ...evaluatedTexts(step.fields.find('env'), stepScope(job, frame, {})) }),
    github: whence(action),
  }
}

/** `github.action_*` of what an action runs. */
function whence(action: ResolvedAction): ValueMap {
  if (action.kind === 'stand-in' || action.ref === '') return { action_repository: '', action_ref: '' }
  return { action_repository: action.repository.name, action_ref: action.ref }
}

async function standIn(
  stand: StandIn,
  job: JobState,
  frame: Frame,
  step: StepDefinition,
  env: Readonly<Record<string, string>>,
  attempt: Attempt,
): Promise<boolean> {
  const scope = stepScope(job, frame, env, { action: step.id })
  const given = givenInputs(step, scope)
  const byName = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  writeHead(attempt.log, `Run ${step.uses}`, { with: given })
  attempt.log.write(`Stand-in of the rehearsal: ${stand.instead}`)
  await stand.run({
    input: name => byName.get(name)?.trim() ?? '',
    job,
    log: attempt.log,
    environment: { ...Object.fromEntries(job.environment), ...frame.environment, ...env },
    output: (name, value) => {
      attempt.outputs[name] = value
    },
    exportVariable: (name, value) => void job.environment.set(name, value),
  })
  return true
}

/** The steps of a composite action, whose failures are its own (actions/runner, CompositeActionHandler). */
async function composite(
  action: Extract<ResolvedAction, { kind: 'action' }>,
  runs: CompositeRuns,
  job: JobState,
  frame: Frame,
  step: StepDefinition,
  env: Readonly<Record<string, string>>,
  attempt: Attempt,
): Promise<boolean> {
  const scope = stepScope(job, frame, env, { action: step.id })
  const inputs = actionInputs(action.definition, givenInputs(step, scope), scope, attempt.log)
  writeHead(attempt.log, `Run ${step.uses}`, { with: inputs })
  let status: ReturnType<Frame['status']> = 'success'
  const inner: Frame = {
    steps: new Map(),
    inputs,
    github: { ...whence(action), action_path: action.definition.folder },
    environment: { ...frame.environment, ...env },
    repository: action.repository,
    composite: true,
    status: () => status,
    fail: conclusion => {
      if (status !== 'cancelled') status = conclusion
    },
  }
  await attempt.runSteps(inner, runs.steps)
  for (const [name, value] of runs.outputs) attempt.outputs[name] = evaluatedText(value, stepScope(job, inner, {}))
  return status === 'success'
}
