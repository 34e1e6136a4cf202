import { durationText } from '@aws-deploy-actions/action-runtime'
import { uploadBlob } from './blob-upload.ts'
import type { Manifest } from './content.ts'
import type { ImageSource, SourceBlob } from './image-source.ts'
import type { Repository } from './repository.ts'

/** What a push did. */
export interface PushRecord {
  /** blobs that were sent, those that the registry had, and those that it took over from another of its repositories */
  readonly sent: number
  readonly present: number
  readonly mounted: number
  /** bytes on the wire, repeated ones counted again */
  readonly bytes: number
}

const PARALLEL = 4

/**
 * Sends all that an image consists of, but tags nothing: blobs in parallel, then the manifests that an index names. From
 * another repository of the same registry, blobs are taken over where the registry does that. The first error stops the
 * rest.
 *
 * @throws BlobMismatch, RegistryError, PermissionError, RegistryUnavailable, the signal's reason
 */
export async function pushContent(source: ImageSource, repository: Repository): Promise<PushRecord> {
  const { log, clock } = repository.connection.context
  const record = { sent: 0, present: 0, mounted: 0, bytes: 0 }
  // Registries take a manifest only after all that it names, and keep that as long.
  if ((await repository.digestOf(source.root.digest)) !== undefined) {
    return { ...record, present: source.blobs.length }
  }
  const began = clock.now()
  let toldAt = began
  let from = mountable(source, repository)
  await forEachInParallel(source.blobs, PARALLEL, repository, async (blob, target) => {
    if (await target.hasBlob(blob.descriptor.digest)) {
      record.present++
      log.info(`${blob.label}: already in the registry`)
      return
    }
    const start = clock.now()
    const mount = from === undefined ? undefined : await target.mountBlob(blob.descriptor.digest, from)
    if (mount?.mounted === true) {
      record.mounted++
      log.info(`${blob.label}: taken over from ${from}`)
      return
    }
    // It does so for all or for none.
    if (mount !== undefined) from = undefined
    const sent = (bytes: number): void => {
      record.bytes += bytes
      if (clock.now() - toldAt < 20_000) return
      toldAt = clock.now()
      log.info(`${sizeText(record.bytes)} sent after ${durationText(toldAt - began)}`)
    }
    await uploadBlob(target, blob, sent, mount?.upload)
    record.sent++
    log.info(`${blob.label}: ${sizeText(blob.descriptor.size)} sent in ${durationText(clock.now() - start)}`)
  })
  for (const manifest of source.children) await putVerified(repository, manifest.digest, manifest)
  return record
}

/** The repository beside the target that the image lies in. */
function mountable({ origin }: ImageSource, target: Repository): string | undefined {
  if (origin === undefined || origin.connection.host !== target.connection.host) return undefined
  return origin.name === target.name ? undefined : origin.name
}

/**
 * Puts a manifest under a tag (or its digest) and makes sure that the registry has it there.
 * @throws RegistryError, PermissionError, RegistryUnavailable
 */
export async function putVerified(repository: Repository, reference: string, manifest: Manifest): Promise<void> {
  const digest = await repository.putManifest(reference, manifest)
  if (digest !== manifest.digest) {
    throw new Error(`The registry has ${digest} under ${reference}, where ${manifest.digest} was put.`)
  }
}

/** Bytes as people read them. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

/** At most `most` at a time; after the first error the others are aborted and waited for. */
async function forEachInParallel(
  blobs: readonly SourceBlob[],
  most: number,
  repository: Repository,
  work: (blob: SourceBlob, target: Repository) => Promise<void>,
): Promise<void> {
  const failed = new AbortController()
  const target = repository.abortedBy(failed.signal)
  // Large layers first: the last one to finish decides how long the push takes.
  const queue = [...blobs].sort((a, b) => b.descriptor.size - a.descriptor.size)
  let first: { error: unknown } | undefined
  const workers = Array.from({ length: Math.min(most, queue.length) }, async () => {
    for (let blob = queue.shift(); blob !== undefined && first === undefined; blob = queue.shift()) {
      try {
        await work(blob, target)
      } catch (error) {
        first ??= { error }
        failed.abort(error)
      }
    }
  })
  await Promise.all(workers)
  if (first !== undefined) throw first.error
}
