import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, call, type ImageReference, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  type ContainerChanges,
  describedRevision,
  filledIn,
  needsAccount,
  onlyEssential,
  patchedDocument,
  type Registrable,
  type Revision,
  registrableDocument,
  withContainerChanges,
} from '@aws-deploy-actions/ecs'
import type { ECSClient } from '@aws-sdk/client-ecs'
import type { DeployInputs, ServiceInput, Targeted } from './inputs.ts'

/** What one service runs now, and what it shall run. */
export interface DesiredService {
  readonly name: string
  readonly current: Revision
  /** the revision that it is made from, and that is used as it is when nothing differs */
  readonly base: Revision
  readonly desired: Registrable
}

/** Looks up what is asked for once, however many services share it. */
export class Lookup {
  readonly #ecs: ECSClient
  readonly #region: string
  readonly #calling: Calling
  readonly #revisions = new Map<string, Promise<Revision | undefined>>()
  readonly #addresses = new Map<ImageReference, Promise<string>>()
  #account: Promise<string> | undefined

  constructor(ecs: ECSClient, region: string, calling: Calling) {
    this.#ecs = ecs
    this.#region = region
    this.#calling = calling
  }

  revision(name: string): Promise<Revision | undefined> {
    return remembered(this.#revisions, name, () => describedRevision(this.#ecs, name, this.#calling))
  }

  address(reference: ImageReference): Promise<string> {
    return remembered(this.#addresses, reference, async () => {
      const { imageAddress } = await import('@aws-deploy-actions/aws-clients/image-address')
      return imageAddress(reference, this.#region, this.#calling)
    })
  }

  account(): Promise<string> {
    this.#account ??= (async () => {
      const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts')
      const sts = new STSClient(sdkConfig(this.#region))
      const { Account = '' } = await call('sts:GetCallerIdentity', this.#calling, options =>
        sts.send(new GetCallerIdentityCommand({}), options),
      )
      return Account
    })()
    return this.#account
  }
}

/** @throws Failure for a task definition, container or image that does not exist */
export async function desiredService(
  service: ServiceInput,
  running: string,
  inputs: DeployInputs,
  lookup: Lookup,
): Promise<DesiredService> {
  const current = await lookup.revision(running)
  if (current === undefined)
    throw new Failure(`The task definition ${running}, which ${service.name} runs, cannot be described.`)
  const { base, definition } = await baseOf(service, current, inputs, lookup)
  return { name: service.name, current, base, desired: await withChanges(service.name, definition, inputs, lookup) }
}

async function baseOf(
  { source, name }: ServiceInput,
  current: Revision,
  inputs: DeployInputs,
  lookup: Lookup,
): Promise<{ base: Revision; definition: Registrable }> {
  const { patch, region, templateValues } = inputs
  if (source === undefined)
    return { base: current, definition: registrableDocument(patchedDocument(current.definition, patch), name) }
  if (source.kind === 'registered') {
    const found = await lookup.revision(source.name)
    if (found === undefined) {
      throw new Failure(`The task definition ${source.name} does not exist in ${region}.`, {
        next: [`Correct the task definition of ${name}.`],
      })
    }
    return { base: found, definition: registrableDocument(patchedDocument(found.definition, patch), source.name) }
  }
  const account = needsAccount(source) ? await lookup.account() : ''
  const values = new Map([['region', region], ['account', account], ...templateValues])
  const document = patchedDocument(filledIn(source.document, values), patch)
  return { base: current, definition: registrableDocument(document, source.path) }
}

interface OpenChanges {
  image?: string
  readonly secrets: Map<string, string>
  readonly environment: Map<string, string>
}

/** Images, variables and secrets, each into its container. */
async function withChanges(
  service: string,
  base: Registrable,
  { images, environment, secrets }: DeployInputs,
  lookup: Lookup,
): Promise<Registrable> {
  const names = new Set((base.containerDefinitions ?? []).map(({ name }) => name))
  const containerOf = ({ container }: Targeted<unknown>, line: string): string => {
    if (container === undefined) return onlyEssential(base, line)
    if (names.has(container)) return container
    throw new Failure(`The task definition ${base.family} of ${service} has no container "${container}".`, {
      next: [`Correct "${line}"; its containers are ${[...names].join(', ')}.`],
    })
  }
  const mine = <Value>(targets: readonly Targeted<Value>[]): readonly Targeted<Value>[] =>
    targets
      .filter(target => target.service === undefined || target.service === service)
      .toSorted((a, b) => precision(a) - precision(b))
  const changes = new Map<string, OpenChanges>()
  const changesOf = (container: string): OpenChanges => {
    const found: OpenChanges = changes.get(container) ?? { secrets: new Map(), environment: new Map() }
    changes.set(container, found)
    return found
  }
  for (const target of mine(images)) changesOf(containerOf(target, 'images')).image = await lookup.address(target.value)
  for (const target of mine(environment))
    changesOf(containerOf(target, target.value[0])).environment.set(...target.value)
  for (const target of mine(secrets)) changesOf(containerOf(target, target.value[0])).secrets.set(...target.value)
  return [...changes].reduce(
    (definition, [container, change]: [string, ContainerChanges]) =>
      withContainerChanges(definition, container, change),
    base,
  )
}

/** What names more wins over what names less: it is put in later. */
function precision({ service, container }: Targeted<unknown>): number {
  return Number(service !== undefined) + Number(container !== undefined)
}

function remembered<Key, Value>(
  values: Map<Key, Promise<Value>>,
  key: Key,
  make: () => Promise<Value>,
): Promise<Value> {
  const found = values.get(key) ?? make()
  values.set(key, found)
  return found
}
