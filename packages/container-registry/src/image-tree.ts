import { type Descriptor, MANIFEST_TYPES, type Manifest } from './content.ts'
import type { SourceBlob } from './image-source.ts'

/** How the parts of an image are found where it lies. */
export interface PartsFinder {
  /** the manifest that an index names, verified */
  manifest(descriptor: Descriptor): Promise<Manifest>
  /** @param what `config`, `layer 2 of 5`; undefined for one that stays elsewhere */
  blob(descriptor: Descriptor, what: string): SourceBlob | undefined
}

export interface ImageTree {
  readonly children: readonly Manifest[]
  readonly blobs: readonly SourceBlob[]
}

const MOST_LEVELS = 4
/** All manifests are held in memory; an index of many platforms has some hundred kilobytes of them. */
const MOST_MANIFEST_BYTES = 32 * 1024 * 1024

/**
 * Everything below a manifest or index, each part once, children before what refers to them.
 * @throws Error for an index that names too much or nests too deeply, and whatever the finder throws
 */
export async function imageTree(root: Manifest, { manifest, blob }: PartsFinder): Promise<ImageTree> {
  const children: Manifest[] = []
  const blobs = new Map<string, SourceBlob>()
  const visited = new Set([root.digest])
  let bytes = root.bytes.length
  const add = (descriptor: Descriptor, what: string): void => {
    const same = blobs.get(descriptor.digest)
    if (same !== undefined) {
      if (same.descriptor.size === descriptor.size) return
      throw new Error(`${what} and ${same.label} have one digest, but not one size`)
    }
    const found = blob(descriptor, what)
    if (found !== undefined) blobs.set(descriptor.digest, found)
  }
  const visit = async ({ content }: Manifest, level: number): Promise<void> => {
    if (content.kind === 'image') {
      add(content.config, 'config')
      for (const [index, layer] of content.layers.entries())
        add(layer, `layer ${index + 1} of ${content.layers.length}`)
      return
    }
    if (level > MOST_LEVELS) throw new Error(`its indexes are nested more than ${MOST_LEVELS} deep`)
    for (const child of content.manifests) {
      if (visited.has(child.digest)) continue
      visited.add(child.digest)
      // An index may list content that is no manifest at all; registries take it as a blob.
      if (!MANIFEST_TYPES.some(type => type === child.mediaType)) {
        add(child, 'content')
        continue
      }
      const found = await manifest(child)
      bytes += found.bytes.length
      if (bytes > MOST_MANIFEST_BYTES) throw new Error(`its manifests have more than ${MOST_MANIFEST_BYTES} bytes`)
      await visit(found, level + 1)
      children.push(found)
    }
  }
  await visit(root, 0)
  return { children, blobs: [...blobs.values()] }
}
