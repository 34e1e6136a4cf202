import { differences, familyRevision, type Registrable, type Revision } from '@aws-deploy-actions/ecs'
import type { ServiceRevision } from '@aws-sdk/client-ecs'

/** What a deployment put in: a task definition, and the images that its tags meant then. */
export type Version = Pick<ServiceRevision, 'taskDefinition' | 'containerImages'>

/** `unsure` where a digest that could tell them apart was not recorded. */
export type Sameness = 'same' | 'unsure' | 'different'

/**
 * Compares two versions by what is in them, not by name: many tools register a new revision for the same content, a
 * rollback registers an earlier one with digests in place of its tags, and behind a tag that moved one revision is two
 * versions.
 * @param described a revision by ARN; undefined for one that exists no more. Asked for only where digests do not tell
 */
export async function sameness(
  one: Version,
  other: Version,
  described: (arn: string) => Promise<Revision | undefined>,
): Promise<Sameness> {
  const digests = digestsOf(one)
  const others = digestsOf(other)
  const both = new Map<string, string>()
  for (const [container, digest] of digests) {
    const its = others.get(container)
    if (digest === undefined || its === undefined) continue
    if (digest !== its) return 'different'
    both.set(container, digest)
  }
  const isSure = digests.size > 0 && both.size === digests.size && both.size === others.size
  const same = isSure ? 'same' : 'unsure'
  const { taskDefinition = '' } = one
  if (taskDefinition === other.taskDefinition) return same
  if (familyOf(taskDefinition) !== familyOf(other.taskDefinition)) return 'different'
  const [left, right] = await Promise.all([taskDefinition, other.taskDefinition ?? ''].map(described))
  if (left === undefined || right === undefined) return 'different'
  const found = differences(byDigest(left.definition, both), byDigest(right.definition, both))
  return found.length === 0 ? same : 'different'
}

/** How many of its images are known by digest. */
export function knownDigests(version: Version): number {
  return [...digestsOf(version).values()].filter(digest => digest !== undefined).length
}

function digestsOf({ containerImages = [] }: Version): Map<string, string | undefined> {
  return new Map(
    containerImages.map(({ containerName = '', image = '', imageDigest }) => [
      containerName,
      imageDigest ?? /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1],
    ]),
  )
}

/** The same image has many names: a tag, another one, a digest. */
function byDigest(definition: Registrable, digests: ReadonlyMap<string, string>): Registrable {
  const containerDefinitions = definition.containerDefinitions?.map(container => {
    const digest = digests.get(container.name ?? '')
    return digest === undefined ? container : { ...container, image: digest }
  })
  return { ...definition, containerDefinitions }
}

function familyOf(arn = ''): string {
  return familyRevision(arn).replace(/:\d+$/, '')
}
