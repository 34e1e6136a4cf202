import type { Readable } from 'node:stream'
import type { Descriptor, Manifest } from './content.ts'

/** A blob that a source can give, from any byte on and as often as it is asked. */
export interface SourceBlob {
  readonly descriptor: Descriptor
  /** where the bytes come from, as a person knows it: `layer 2 of 5 (3f2a/layer.tar)` */
  readonly label: string
  /** a stream of the bytes from offset `start` to the end */
  open(start: number): Readable
}

/** An image that can be pushed, wherever it lies. Everything about its structure is known and checked before the first request. */
export interface ImageSource {
  readonly root: Manifest
  /** the manifests that an index names, each before one that refers to it; empty for a single image */
  readonly children: readonly Manifest[]
  /** every blob once */
  readonly blobs: readonly SourceBlob[]
  close(): Promise<void>
}
