import { readFileSync } from 'node:fs'
import {
  parsedRehearsalFile,
  type Rehearsal,
  type RehearseOptions,
  rehearse,
  startSurroundings,
} from '@aws-deploy-actions/rehearsal'
import { parseDocument, stringify, YAMLMap } from 'yaml'
import { repositoryWith } from './repository.ts'

/** How a workflow is called, beside its inputs. */
export interface Call extends Partial<Omit<RehearseOptions, 'repository' | 'workflow'>> {
  /** lines of the secret `env` of lint and test */
  readonly env?: string
}

/** What a called workflow did. */
export interface Called {
  readonly run: Rehearsal
  /** job of the workflow → how it ended, legs of a matrix beside their job */
  readonly jobs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
  /** what its jobs wrote to the page of the run */
  readonly page: string
  /** conclusion of a step, by the job and the step's name */
  step(job: string, name: string): string | undefined
  /** annotations of all jobs */
  readonly messages: readonly string[]
}

export type Caller = Awaited<ReturnType<typeof startCaller>>

/**
 * A repository with these files that calls one reusable workflow after the other.
 * @param surroundings a rehearsal.yml, where the workflow needs AWS
 */
export async function startCaller(files: Readonly<Record<string, string>>, surroundings?: string) {
  const repository = await repositoryWith(files)
  const around = surroundings === undefined ? undefined : await startSurroundings(parsedRehearsalFile(surroundings))
  let calls = 0
  const call = async (
    workflow: string,
    inputs: Readonly<Record<string, unknown>>,
    { env, ...options }: Call = {},
  ): Promise<Called> => {
    const path = `.github/workflows/call-${++calls}.yml`
    await repository.put(path, callOf(workflow, inputs, env))
    const run = await rehearse({
      event: 'push',
      ...around?.options,
      ...options,
      vars: { ...around?.options.vars, ...options.vars },
      repository: repository.folder,
      workflow: path,
    })
    return calledOf(run)
  }
  return {
    repository,
    call,
    /** the local AWS; fails where there is none */
    cloud: () => {
      if (around === undefined) throw new Error('this caller has no AWS')
      return around
    },
    stop: async () => {
      await around?.stop()
      await repository.remove()
    },
  }
}

function calledOf(run: Rehearsal): Called {
  if (run.problems.length > 0) throw new Error(run.problems.join('\n'))
  const own = Object.entries(run.jobs).filter(([key]) => key.startsWith('call / '))
  return {
    run,
    jobs: Object.fromEntries(own.map(([key, { result }]) => [key.slice('call / '.length), result])),
    outputs: run.jobs['after']?.outputs ?? {},
    page: own.map(([, { summary }]) => summary).join('\n'),
    step: (job, name) => run.jobs[`call / ${job}`]?.steps.find(step => step.name === name)?.conclusion,
    messages: own.flatMap(([, { annotations }]) => annotations.map(({ message }) => message)),
  }
}

const WORKFLOWS = new URL('../../.github/workflows/', import.meta.url)

function outputsOf(workflow: string): string[] {
  const outputs = parseDocument(readFileSync(new URL(`${workflow}.yml`, WORKFLOWS), 'utf8')).getIn([
    'on',
    'workflow_call',
    'outputs',
  ])
  return outputs instanceof YAMLMap ? outputs.items.map(({ key }) => String(key)) : []
}

/** A workflow of two jobs: the call with all that a caller may grant, and one that has its outputs. */
function callOf(workflow: string, inputs: Readonly<Record<string, unknown>>, env: string | undefined): string {
  const secrets = env === undefined ? {} : { secrets: { env } }
  return stringify({
    on: ['push', 'pull_request', 'workflow_dispatch'],
    permissions: {},
    jobs: {
      call: {
        permissions: { actions: 'read', contents: 'read', 'id-token': 'write', 'pull-requests': 'write' },
        uses: `OWNER/aws-deploy-actions/.github/workflows/${workflow}.yml@v1`,
        with: inputs,
        ...secrets,
      },
      after: {
        needs: 'call',
        if: 'always()',
        'runs-on': 'ubuntu-latest',
        permissions: {},
        outputs: Object.fromEntries(outputsOf(workflow).map(name => [name, `\${{ needs.call.outputs.${name} }}`])),
        steps: [{ run: 'true' }],
      },
    },
  })
}
