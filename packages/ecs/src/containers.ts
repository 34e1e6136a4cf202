import { Failure } from '@aws-deploy-actions/action-runtime'
import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import type { Registrable } from './task-definition.ts'

/** What may be changed in one container of a task definition. */
export interface ContainerChanges {
  readonly image?: string | undefined
  readonly entryPoint?: readonly string[] | undefined
  /** variable → `valueFrom` */
  readonly secrets: ReadonlyMap<string, string>
  /** variable → value */
  readonly environment?: ReadonlyMap<string, string>
}

/**
 * The container that counts: the one named, else the only one, else the first essential one.
 * @throws Failure naming the containers there are
 */
export function countedContainer(
  { family, containerDefinitions = [] }: Registrable,
  named: string | undefined,
): string {
  const names = containerDefinitions.map(({ name }) => name ?? '')
  if (named !== undefined) {
    if (names.includes(named)) return named
    throw new Failure(`The task definition ${family} has no container "${named}".`, {
      next: [`Set container to one of: ${names.join(', ')}.`],
    })
  }
  const counted =
    containerDefinitions.length === 1
      ? containerDefinitions[0]
      : containerDefinitions.find(({ essential }) => essential !== false)
  if (counted?.name === undefined)
    throw new Failure(`The task definition ${family} has no essential container.`, { next: ['Set container.'] })
  return counted.name
}

/**
 * The container that a line without container means.
 * @throws Failure naming the containers when there is more than one essential one
 */
export function onlyEssential({ family, containerDefinitions = [] }: Registrable, line: string): string {
  const essential =
    containerDefinitions.length === 1
      ? containerDefinitions
      : containerDefinitions.filter(entry => entry.essential !== false)
  const [only] = essential
  if (only?.name !== undefined && essential.length === 1) return only.name
  throw new Failure(
    `"${line}" names no container, and the task definition ${family} has ${essential.length} essential ones.`,
    {
      next: [`Write the container before it: ${containerDefinitions.map(({ name }) => name).join(', ')}.`],
    },
  )
}

/** The definition with changes to one container: variables and secrets are added or replaced by name. */
export function withContainerChanges(
  definition: Registrable,
  container: string,
  changes: ContainerChanges,
): Registrable {
  return {
    ...definition,
    containerDefinitions: definition.containerDefinitions?.map(entry =>
      entry.name === container ? changed(entry, changes) : entry,
    ),
  }
}

function changed(
  container: ContainerDefinition,
  { image, entryPoint, secrets, environment: variables = new Map() }: ContainerChanges,
): ContainerDefinition {
  // A name can be a variable or a secret, not both (RegisterTaskDefinition refuses it): what is given now wins.
  const given = (name: string | undefined): boolean => name !== undefined && (secrets.has(name) || variables.has(name))
  const kept = (container.secrets ?? []).filter(({ name }) => !given(name))
  const added = [...secrets].map(([name, valueFrom]) => ({ name, valueFrom }))
  const keptVariables = (container.environment ?? []).filter(({ name }) => !given(name))
  const addedVariables = [...variables].map(([name, value]) => ({ name, value }))
  const changesVariables = variables.size > 0 || keptVariables.length !== (container.environment ?? []).length
  return {
    ...container,
    ...(image === undefined ? {} : { image }),
    ...(entryPoint === undefined ? {} : { entryPoint: [...entryPoint] }),
    ...(secrets.size === 0 && kept.length === (container.secrets ?? []).length ? {} : { secrets: [...kept, ...added] }),
    ...(changesVariables ? { environment: [...keptVariables, ...addedVariables] } : {}),
  }
}
