import { randomUUID } from 'node:crypto'
import type { BlobStore, IncomingBlob } from './blob-store.ts'
import type { Repository } from './repositories.ts'

/** A layer on its way into a repository, over `/v2` or UploadLayerPart. */
export interface Upload {
  readonly id: string
  readonly repository: Repository
  readonly blob: IncomingBlob
  /** size in bytes of the last part: only the last one may be under 5 MiB (UploadLayerPart) */
  lastPartSize: number | undefined
  /** one request at a time: the next waits until the former has left the file alone */
  turn: Promise<void>
}

export class Uploads {
  readonly #all = new Map<string, Upload>()
  readonly #store: BlobStore

  constructor(store: BlobStore) {
    this.#store = store
  }

  async start(repository: Repository): Promise<Upload> {
    const upload: Upload = {
      id: randomUUID(),
      repository,
      blob: await this.#store.receive(),
      lastPartSize: undefined,
      turn: Promise.resolve(),
    }
    this.#all.set(upload.id, upload)
    return upload
  }

  find(repository: Repository, id: string): Upload | undefined {
    const upload = this.#all.get(id)
    return upload?.repository === repository ? upload : undefined
  }

  /** runs `use` when no other request writes to the upload */
  async alone<Result>(upload: Upload, use: () => Promise<Result>): Promise<Result> {
    const result = upload.turn.then(use)
    upload.turn = result.then(
      () => undefined,
      () => undefined,
    )
    return await result
  }

  /**
   * Ends the upload. The blob joins the store and the repository when its digest is the expected one; otherwise what
   * was uploaded is dropped.
   */
  async finish(upload: Upload, digest: string): Promise<boolean> {
    this.#all.delete(upload.id)
    if (upload.blob.digest() !== digest) {
      await upload.blob.discard()
      return false
    }
    await upload.blob.keep()
    upload.repository.blobs.add(digest)
    return true
  }

  async cancel(upload: Upload): Promise<void> {
    this.#all.delete(upload.id)
    await upload.blob.discard()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all.values()].map(upload => this.alone(upload, () => this.cancel(upload))))
  }
}
