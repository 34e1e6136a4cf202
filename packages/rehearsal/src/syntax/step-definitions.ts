import type { Step } from '@actions/workflow-parser/model/workflow-template'
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { guards } from './github-libraries.ts'

export interface StepDefinition {
  /** the author's, or a made one that begins with `__` and that the `steps` context does not show */
  readonly id: string
  readonly condition: string
  readonly fields: MappingToken
  /** undefined for a `run` step */
  readonly uses: string | undefined
}

/** @throws Error for the kinds of steps that are not rehearsed: wait, cancel, parallel, background */
export function stepDefinitions(steps: readonly Step[], tokens: TemplateToken | undefined): StepDefinition[] {
  const fields = tokens !== undefined && guards.isSequence(tokens) ? [...tokens] : []
  return steps.map((step, index) => {
    const own = fields[index]?.assertMapping('step')
    if (own === undefined || !('run' in step || 'uses' in step) || step.background === true)
      throw new Error(`step ${step.id}: background, wait, cancel and parallel steps are not rehearsed`)
    return {
      id: step.id,
      condition: step.if.expression,
      fields: own,
      uses: 'uses' in step ? step.uses.value : undefined,
    }
  })
}
