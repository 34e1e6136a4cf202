import { Failure } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, call } from '@aws-deploy-actions/aws-clients'
import {
  DescribeTaskDefinitionCommand,
  type ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type RegisterTaskDefinitionCommandOutput,
  type Tag,
  type TaskDefinition,
} from '@aws-sdk/client-ecs'
import { mergePatched } from './merge-patch.ts'
import { type Difference, differences } from './normalise.ts'
import { asRegistrable, isObject, registrableMembers, type SchemaProblem } from './schema.ts'
import type { TaskDefinitionSource } from './task-definition-source.ts'
import { placeholders } from './template.ts'

/** What RegisterTaskDefinition takes: the form in which we read, change and compare task definitions. */
export type Registrable = RegisterTaskDefinitionCommandInput

/** A revision as it is registered. */
export interface Revision {
  readonly arn: string
  readonly definition: Registrable
  /** false for one that was deregistered: it can be described, not run */
  readonly active: boolean
}

/** A revision that is in use now, and how it differs from the one before. */
export interface RegisteredRevision extends Revision {
  readonly registered: boolean
  readonly differences: readonly Difference[]
}

/** `family:revision` of an ARN. */
export function familyRevision(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}

/**
 * The document as a task definition, checked against AWS's model.
 * @param name what to call it in an error: a path or a family
 * @throws Failure that lists every problem with its path
 */
export function registrableDocument(document: unknown, name: string): Registrable {
  const { definition, problems } = checkedDefinition(document)
  if (definition !== undefined) return definition
  throw new Failure(`The task definition ${name} is wrong.`, {
    next: problems.map(({ path, problem }) => `${path} ${problem}`),
  })
}

/** Every problem of a task definition document, and the definition when there is none. */
export function checkedDefinition(document: unknown): { definition?: Registrable; problems: SchemaProblem[] } {
  const { value, problems } = asRegistrable(document)
  if (isObject(document)) {
    if (document['family'] === undefined || document['family'] === null || document['family'] === '')
      problems.push({ path: 'family', problem: 'is missing' })
    if (!Array.isArray(document['containerDefinitions']) || document['containerDefinitions'].length === 0) {
      problems.push({ path: 'containerDefinitions', problem: 'is missing or empty' })
    }
  }
  return problems.length === 0 && isRegistrable(value) ? { definition: value, problems } : { problems }
}

export function patchedDocument(document: unknown, patch: unknown): unknown {
  return patch === undefined ? document : mergePatched(document, patch)
}

/** Does a file's template need the account id? It costs a call to know it. */
export function needsAccount(source: TaskDefinitionSource): boolean {
  return source.kind === 'file' && placeholders(source.document).has('account')
}

/**
 * The newest active revision of a family, or the one named, with its tags; undefined for a family that has none.
 * @throws Failure when a named revision or ARN does not exist
 */
export async function describedRevision(ecs: ECSClient, name: string, calling: Calling): Promise<Revision | undefined> {
  try {
    const { taskDefinition, tags } = await call('ecs:DescribeTaskDefinition', calling, options =>
      ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: name, include: ['TAGS'] }), options),
    )
    if (taskDefinition?.taskDefinitionArn === undefined) return undefined
    return {
      arn: taskDefinition.taskDefinitionArn,
      definition: registrable(taskDefinition, tags),
      active: taskDefinition.status !== 'INACTIVE',
    }
  } catch (error) {
    // "Unable to describe task definition." (ClientException) is ECS's word for one that does not exist.
    if (error instanceof AwsError && /^(?:ClientException|InvalidParameterException)$/.test(error.code))
      return undefined
    throw error
  }
}

/** A described task definition as it can be registered again: an allow-list, so that future Describe-only members do no harm. */
function registrable(described: TaskDefinition, tags: readonly Tag[] | undefined): Registrable {
  const members = registrableMembers()
  const kept = Object.fromEntries(
    Object.entries(described).filter(([key, value]) => members.has(key) && value !== undefined),
  )
  const definition: unknown = { ...kept, ...(tags === undefined || tags.length === 0 ? {} : { tags }) }
  if (!isRegistrable(definition)) throw new Failure('ECS described a task definition without family or containers.')
  return definition
}

function isRegistrable(value: unknown): value is Registrable {
  return isObject(value) && typeof value['family'] === 'string' && Array.isArray(value['containerDefinitions'])
}

/**
 * The revision that carries `desired`: `current` where it is active and there is no real difference, else a new one. The tags of
 * `current` are kept unless `desired` has its own.
 */
export async function registeredRevision(
  ecs: ECSClient,
  desired: Registrable,
  current: Revision | undefined,
  calling: Calling,
): Promise<RegisteredRevision> {
  const found = current === undefined ? [] : differences(current.definition, desired)
  if (current?.active && found.length === 0) return { ...current, registered: false, differences: [] }
  const tags = desired.tags ?? current?.definition.tags
  const { tags: _, ...rest } = desired
  const definition: Registrable = tags === undefined || tags.length === 0 ? rest : { ...rest, tags }
  const { taskDefinition } = await call<Pick<RegisterTaskDefinitionCommandOutput, 'taskDefinition'>>(
    'ecs:RegisterTaskDefinition',
    calling,
    options => ecs.send(new RegisterTaskDefinitionCommand(definition), options),
    async () => {
      const newest = await describedRevision(ecs, desired.family ?? '', calling)
      const ours =
        newest !== undefined && newest.arn !== current?.arn && differences(newest.definition, desired).length === 0
      return ours ? { taskDefinition: { taskDefinitionArn: newest.arn } } : undefined
    },
  )
  if (taskDefinition?.taskDefinitionArn === undefined)
    throw new Failure('ECS registered a task definition but named no revision.')
  return { arn: taskDefinition.taskDefinitionArn, definition, active: true, registered: true, differences: found }
}
