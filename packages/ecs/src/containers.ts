import { Failure } from '@aws-deploy-actions/action-runtime'
import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import type { Registrable } from './task-definition.ts'

/** What may be changed in one container of a task definition. */
export interface ContainerChanges {
  readonly image?: string | undefined
  readonly entryPoint?: readonly string[] | undefined
  /** variable → `valueFrom` */
  readonly secrets: ReadonlyMap<string, string>
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

/** The definition with changes to one container: secrets are added or replaced by name. */
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
  { image, entryPoint, secrets }: ContainerChanges,
): ContainerDefinition {
  const kept = (container.secrets ?? []).filter(({ name }) => name === undefined || !secrets.has(name))
  const added = [...secrets].map(([name, valueFrom]) => ({ name, valueFrom }))
  // A name can be a variable or a secret, not both (RegisterTaskDefinition refuses it): the secret wins.
  const environment = container.environment?.filter(({ name }) => name === undefined || !secrets.has(name))
  return {
    ...container,
    ...(image === undefined ? {} : { image }),
    ...(entryPoint === undefined ? {} : { entryPoint: [...entryPoint] }),
    ...(secrets.size === 0
      ? {}
      : { secrets: [...kept, ...added], ...(environment === undefined ? {} : { environment }) }),
  }
}
