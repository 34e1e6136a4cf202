/** An image of a repository, as DescribeImages shows it. */
export interface ListedImage {
  readonly digest: string
  readonly tags: readonly string[]
  /** of the first push of this digest; a further tag does not refresh it */
  readonly pushedAt: Date
  readonly isIndex: boolean
  /** the image that this one is a signature or an attestation of */
  readonly subject: string | undefined
}

/** What is to stay whatever its age; it is not counted. */
export interface Spared {
  /** so many of the other tagged images stay, the newest ones */
  readonly keep: number
  readonly protect: readonly string[]
  /** digests */
  readonly justPushed: readonly string[]
}

/** Untagged images younger than that may belong to a push that is going on. */
export const UNTAGGED_KEPT_MS = 24 * 60 * 60 * 1000

/** cosign's tags for what belongs to an image: `sha256-<hex>.sig`, `.att`, `.sbom`; the fallback tag of OCI referrers has no ending. */
const COMPANION = /^sha256-([0-9a-f]{64})(?:\.[a-z]+)?$/

/**
 * The tagged images that stay: protected ones, those just pushed, so many of the newest others, and what belongs to them.
 * Untagged ones follow from it, in {@link expiredImages}.
 */
export function keptTaggedImages(images: readonly ListedImage[], spared: Spared): Set<string> {
  const isSpared = ({ digest, tags }: ListedImage): boolean =>
    spared.justPushed.includes(digest) || tags.some(tag => spared.protect.includes(tag))
  const counted = images
    .filter(image => image.tags.length > 0 && subjectOf(image) === undefined && !isSpared(image))
    .toSorted((a, b) => b.pushedAt.getTime() - a.pushedAt.getTime())
  const kept = new Set([...images.filter(isSpared), ...counted.slice(0, spared.keep)].map(({ digest }) => digest))
  return withCompanions(images, kept)
}

/**
 * What is to be deleted, tagged images first: an image that an index names cannot go before the index.
 * @param named digests that the kept indexes name, at every depth
 * @param now milliseconds since the epoch
 */
export function expiredImages(
  images: readonly ListedImage[],
  keptTagged: ReadonlySet<string>,
  named: ReadonlySet<string>,
  now: number,
): { readonly tagged: readonly ListedImage[]; readonly untagged: readonly ListedImage[] } {
  const kept = withCompanions(images, new Set([...keptTagged, ...named]))
  const expired = images.filter(({ digest }) => !kept.has(digest))
  return {
    tagged: expired.filter(({ tags }) => tags.length > 0),
    untagged: expired.filter(({ tags, pushedAt }) => tags.length === 0 && now - pushedAt.getTime() > UNTAGGED_KEPT_MS),
  }
}

/** A signature stays as long as what it signs, an attestation of a signature as well. */
function withCompanions(images: readonly ListedImage[], kept: ReadonlySet<string>): Set<string> {
  const all = new Set(kept)
  for (let before = -1; before < all.size; ) {
    before = all.size
    for (const image of images) {
      const subject = subjectOf(image)
      if (subject !== undefined && all.has(subject)) all.add(image.digest)
    }
  }
  return all
}

/** What an image belongs to; one that has another tag as well stands for itself. */
function subjectOf({ tags, subject }: ListedImage): string | undefined {
  const companions = tags.map(tag => COMPANION.exec(tag)?.[1])
  if (companions.length > 0) {
    const [hex] = companions
    return hex === undefined || companions.some(other => other !== hex) ? undefined : `sha256:${hex}`
  }
  return subject
}
