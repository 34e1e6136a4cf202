import type { InputReader } from '@aws-deploy-actions/action-runtime'
import { isObject } from './schema.ts'
import { checkedDefinition, patchedDocument, type Registrable } from './task-definition.ts'
import type { TaskDefinitionSource } from './task-definition-source.ts'
import { filledIn, unresolved } from './template.ts'

/** The merge patch of `task-definition-patch`. */
export function readPatch(input: InputReader): unknown {
  const patch = input.yaml('task-definition-patch')
  if (patch === undefined || isObject(patch)) return patch
  input.conflict('task-definition-patch', 'allowed is an object in YAML or JSON, a merge patch on the task definition')
  return undefined
}

/** The definition in a file; everything that is wrong in it is noted, before AWS is asked anything. */
export function fileDefinition(
  input: InputReader,
  { document, path }: Extract<TaskDefinitionSource, { kind: 'file' }>,
  region: string,
  values: ReadonlyMap<string, string>,
  patch: unknown,
): Registrable | undefined {
  const open = unresolved(document, new Set([...values.keys(), 'account', 'region']))
  // The account id is known later; any number has its form.
  const filled = filledIn(document, new Map([['region', region], ['account', '000000000000'], ...values]))
  const { definition, problems } = checkedDefinition(patchedDocument(filled, patch))
  for (const { path: at, problem } of [...open, ...problems])
    input.conflict('task-definition', `${path}: ${at} ${problem}`)
  return definition
}
