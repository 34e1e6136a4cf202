import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { evaluated, type Scope } from '../syntax/evaluate.ts'
import { isMap, textOf } from '../syntax/values.ts'
import type { WorkflowCall } from './workflow-run.ts'

/** A rehearsal is one run, so nobody waits for its group: it is only said. */
export function noteConcurrency(call: WorkflowCall, token: TemplateToken | undefined, scope: Scope): void {
  if (token === undefined) return
  const value = evaluated(token, scope)
  const { group, 'cancel-in-progress': cancels, queue } = isMap(value) ? value : { group: value }
  const others = cancels === true ? 'a running one is cancelled' : queue === 'max' ? 'all wait' : 'one waits'
  call.run.settings.note(`concurrency group '${textOf(group ?? '')}' (${others}): noted, this is the only run here`)
}
