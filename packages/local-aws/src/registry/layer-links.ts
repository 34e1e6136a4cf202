import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** ECR's links into S3 are good for an hour. */
const lifetimeMs = 60 * 60 * 1000

/** Addresses of layers that need no authentication, as S3's pre-signed ones that ECR redirects to. */
export class LayerLinks {
  readonly #key = randomBytes(32)
  readonly #now: () => Date

  constructor(now: () => Date) {
    this.#now = now
  }

  #signature(digest: string, expires: number): Buffer {
    return createHmac('sha256', this.#key).update(`${digest} ${expires}`).digest()
  }

  /** @param origin `http://host:port` */
  link(origin: string, digest: string): string {
    const expires = this.#now().getTime() + lifetimeMs
    return `${origin}/layers/${digest}?expires=${expires}&signature=${this.#signature(digest, expires).toString('hex')}`
  }

  isValid(digest: string, query: URLSearchParams): boolean {
    const expires = Number(query.get('expires'))
    const given = Buffer.from(query.get('signature') ?? '', 'hex')
    const expected = this.#signature(digest, expires)
    return given.length === expected.length && timingSafeEqual(given, expected) && expires > this.#now().getTime()
  }
}
