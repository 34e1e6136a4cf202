import type { Descriptor, Manifest } from './content.ts'
import type { Repository } from './repository.ts'

/** A blob that a source can give, from any byte on and as often as it is asked. */
export interface SourceBlob {
  readonly descriptor: Descriptor
  /** where the bytes come from, as a person knows it: `layer 2 of 5 (3f2a/layer.tar)` */
  readonly label: string
  /** what to do when the bytes are not what they should be */
  readonly remedy: string
  /**
   * The bytes from offset `start` to the end. A piece is valid until the next one is asked for: its memory is used again.
   * @param gone aborted when nobody waits for the bytes any more
   */
  open(start: number, gone: AbortSignal): AsyncIterable<Buffer>
}

/** An image that can be pushed, wherever it lies. Everything about its structure is known and checked before the first request. */
export interface ImageSource {
  readonly root: Manifest
  /** the manifests that an index names, each before one that refers to it; empty for a single image */
  readonly children: readonly Manifest[]
  /** every blob once */
  readonly blobs: readonly SourceBlob[]
  /** the repository that it lies in; undefined for an archive */
  readonly origin: Repository | undefined
  close(): Promise<void>
}
