import { type Action, failureMarkdown, InputReader, plain, runAction } from '@aws-deploy-actions/action-runtime'
import { readInputs } from './inputs.ts'

const action: Action<undefined, undefined> = {
  name: 'check-inputs',
  // What is wrong here is what this step has found, and belongs on the page: wrong inputs of the step itself leave no record.
  readInputs: () => undefined,
  start: () => undefined,
  main: async (_inputs, _result, { environment }) => {
    readInputs(new InputReader(environment.variables), environment.workspace)
    // What is fine leaves no record either: the page of the run would show it.
    return process.exit(0)
  },
  tell: (_inputs, _result, { failure }) => {
    const verdict = failure?.message ?? 'The inputs are fine.'
    const what = failure === undefined ? '' : failureMarkdown(failure.record)
    return { record: { verdict }, summary: `### ❌ ${plain(verdict)}\n\n${what}` }
  },
}

await runAction(action)
