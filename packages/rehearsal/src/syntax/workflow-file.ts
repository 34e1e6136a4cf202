import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkflowTemplate } from '@actions/workflow-parser/model/workflow-template'
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { type Repositories, type Repository, remoteReference } from '../run/repository.ts'
import {
  convertReferencedWorkflow,
  convertWorkflowTemplate,
  guards,
  NoOperationTraceWriter,
  parseWorkflow,
} from './github-libraries.ts'
import { onOneLine } from './one-line.ts'
import { type StepDefinition, stepDefinitions } from './step-definitions.ts'

/** A workflow file that passed GitHub's parser, with the files that its jobs call. */
export interface WorkflowDefinition {
  readonly repository: Repository
  /** in the repository, `.github/workflows/ci.yml` */
  readonly path: string
  readonly root: MappingToken
  readonly jobs: readonly JobDefinition[]
}

export interface JobDefinition {
  readonly id: string
  readonly needs: readonly string[]
  /** with `success() &&` where it names no status function */
  readonly condition: string
  readonly fields: MappingToken
  readonly steps: readonly StepDefinition[]
  /** of a job that calls a workflow */
  readonly called: WorkflowDefinition | undefined
}

/** The workflow does not even start; GitHub calls that a startup failure. */
export class InvalidWorkflow extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'InvalidWorkflow'
    this.problems = problems
  }
}

/** The top and nine levels of called workflows below it (github/docs, reusing workflows: nesting). */
const LEVELS = 10

/**
 * Reads a workflow file and all that it calls.
 * @throws InvalidWorkflow with everything that GitHub's parser has to say
 */
export async function readWorkflow(
  repository: Repository,
  path: string,
  repositories: Repositories,
  above: readonly string[] = [],
): Promise<WorkflowDefinition> {
  const content = await readFile(join(repository.root, path), 'utf8').catch(() => undefined)
  if (content === undefined) throw new InvalidWorkflow([`${path}: there is no such file in ${repository.name}`])
  const parsed = parseWorkflow({ name: path, content }, new NoOperationTraceWriter())
  const checked = parsed.value === undefined ? undefined : await convertWorkflowTemplate(parsed.context, parsed.value)
  const problems = (): string[] => parsed.context.errors.getErrors().map(({ message }) => message)
  if (problems().length > 0 || checked === undefined)
    throw new InvalidWorkflow(problems().length > 0 ? problems() : [`${path} is empty`])
  const { root, template } = await executable(path, content)

  const fieldsOf = root.find('jobs')?.assertMapping('jobs')
  const jobs: JobDefinition[] = []
  for (const [index, job] of template.jobs.entries()) {
    const fields = fieldsOf?.find(job.id.value)?.assertMapping('job')
    if (fields === undefined) continue
    let called: WorkflowDefinition | undefined
    if (job.type === 'reusableWorkflowJob') {
      const chain = [...above, path]
      if (chain.length >= LEVELS)
        throw new InvalidWorkflow([`${path}: job ${job.id.value} calls workflows more than ${LEVELS} levels deep`])
      called = await calledWorkflow(job.ref.value, repository, repositories, chain)
      const caller = checked.jobs[index]
      // Its inputs and secrets are checked against what the called workflow declares.
      if (caller?.type === 'reusableWorkflowJob') convertReferencedWorkflow(parsed.context, called.root, caller)
    }
    jobs.push({
      id: job.id.value,
      needs: (job.needs ?? []).map(({ value }) => value),
      condition: job.if.expression,
      fields,
      steps: job.type === 'job' ? stepDefinitions(job.steps, fields.find('steps')) : [],
      called,
    })
  }
  if (problems().length > 0) throw new InvalidWorkflow(problems())
  return { repository, path, root, jobs }
}

/**
 * GitHub's parser is made for editors: of a text of several lines it takes the source as it stands, indentation
 * included, when there is an expression in it. Written as JSON every text has one line, and is what YAML makes of it.
 */
async function executable(path: string, content: string): Promise<{ root: MappingToken; template: WorkflowTemplate }> {
  const { context, value } = parseWorkflow({ name: path, content: onOneLine(content) }, new NoOperationTraceWriter())
  const root = value?.assertMapping('workflow')
  if (root === undefined) throw new InvalidWorkflow([`${path} is empty`])
  return { root, template: await convertWorkflowTemplate(context, root) }
}

/** `./…` and `$/…` are of the repository and commit of the file that says so. */
function calledWorkflow(
  uses: string,
  repository: Repository,
  repositories: Repositories,
  above: readonly string[],
): Promise<WorkflowDefinition> {
  if (uses.startsWith('./') || uses.startsWith('$/'))
    return readWorkflow(repository, uses.slice(2), repositories, above)
  const found = remoteReference(uses, repositories)
  if (found.repository === undefined)
    throw new InvalidWorkflow([
      `${above.at(-1)}: the workflow ${uses} is not on this machine: no folder is known for the repository ${found.name}`,
    ])
  return readWorkflow(found.repository, found.path, repositories, above)
}

/** A field of a mapping, at any depth. */
export function fieldOf(token: TemplateToken | undefined, ...path: readonly string[]): TemplateToken | undefined {
  return path.reduce<TemplateToken | undefined>(
    (at, name) => (at !== undefined && guards.isMapping(at) ? at.find(name) : undefined),
    token,
  )
}
