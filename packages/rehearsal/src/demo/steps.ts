import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { type JavaScriptActionResult, type RunningAction, startJavaScriptAction } from '../javascript-action.ts'
import type { StepSummary } from '../summary-page.ts'
import { dim, green, red, stepOutput } from '../terminal.ts'

const ACTIONS = new URL('../../../../actions/', import.meta.url).pathname

/** Runs steps one after the other, as the runner does, and shows them. */
export interface Steps {
  /** what each step wrote into its job summary */
  readonly summaries: readonly StepSummary[]
  /**
   * @param action folder below `actions/`
   * @param inputs what a workflow has below `with:`
   * @throws Error after `stop`
   */
  run(release: Checkout, action: string, inputs: Readonly<Record<string, string>>): Promise<JavaScriptActionResult>
  /** cancels the step that runs, as the runner does, and waits for it; no other one starts */
  stop(): Promise<void>
}

/** What is being delivered. */
export interface Checkout {
  /** its commit is made up from it */
  readonly version: string
  readonly workspace: string
}

export function stepsIn(aws: LocalAws): Steps {
  const summaries: StepSummary[] = []
  let running: Promise<RunningAction> | undefined
  let stopping = false
  return {
    summaries,
    async run({ version, workspace }, action, inputs) {
      if (stopping) throw new Error('stopped')
      console.log(`  ${dim('┌')} uses: ${action}`)
      for (const line of withLines(inputs)) console.log(`  ${dim('│')} ${dim(line)}`)
      const output = stepOutput(text => process.stdout.write(text))
      running = startJavaScriptAction(join(ACTIONS, action), {
        inputs,
        workspace,
        environment: {
          ...aws.environment(),
          GITHUB_SHA: createHash('sha1').update(version).digest('hex'),
          GITHUB_RUN_ID: '1',
          GITHUB_RUN_ATTEMPT: '1',
        },
        onOutput: output.write,
      })
      const result = await (await running).result
      running = undefined
      output.end()
      summaries.push({ title: `Release ${version}: ${action}`, markdown: result.summary })
      if (result.stderr !== '') process.stdout.write(red(result.stderr))
      const verdict = `exit code ${result.exitCode}, status ${result.outputs['status']}`
      const took = dim(`after ${(result.took / 1000).toFixed(1)} s`)
      console.log(`  ${dim('└')} ${result.exitCode === 0 ? green(verdict) : red(verdict)} ${took}\n`)
      return result
    },
    async stop() {
      stopping = true
      const action = await running
      action?.signal('SIGINT')
      await action?.result
    },
  }
}

/** As in a workflow. */
function withLines(inputs: Readonly<Record<string, string>>): string[] {
  return Object.entries(inputs).flatMap(([name, value]) =>
    value.includes('\n')
      ? [
          `  ${name}: |`,
          ...value
            .trimEnd()
            .split('\n')
            .map(line => `    ${line}`),
        ]
      : [`  ${name}: ${value}`],
  )
}
