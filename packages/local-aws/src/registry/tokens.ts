import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Twelve hours: GetAuthorizationToken in the ECR API reference. */
export const tokenLifetimeMs = 12 * 60 * 60 * 1000

/** Who may speak to which registry until when. */
export interface Grant {
  readonly kind: 'private' | 'public'
  /** account whose registry it opens */
  readonly registryId: string
  /** region whose repositories it opens; `*` (the engines' own tokens) finds a name in whatever region has it */
  readonly region: string
  readonly expiresAt: Date
  /** of an engine: ECS pulls with the execution role, so the policy of the one who deploys does not count */
  readonly ofEngine: boolean
  /** ARN of who asked for the token */
  readonly caller?: string
}

export type Verified =
  | { readonly state: 'valid'; readonly grant: Grant }
  | { readonly state: 'expired' }
  | { readonly state: 'invalid' }

/**
 * Registry passwords: opaque to clients as ECR's are, and like those base64 of a JSON object with `payload`, `version`,
 * `type` and `expiration` (seconds), here signed with a key of this cloud.
 */
export class Tokens {
  readonly #key = randomBytes(32)

  #signature(payload: string): Buffer {
    return createHmac('sha256', this.#key).update(payload).digest()
  }

  /** the password of the user `AWS` */
  issue(grant: Grant): string {
    const payload = Buffer.from(
      JSON.stringify([
        grant.kind,
        grant.registryId,
        grant.region,
        grant.expiresAt.getTime(),
        grant.ofEngine,
        grant.caller ?? '',
        randomBytes(8).toString('hex'),
      ]),
    ).toString('base64')
    const envelope = {
      payload,
      datakey: this.#signature(payload).toString('base64'),
      version: '2',
      type: 'DATA_KEY',
      expiration: Math.floor(grant.expiresAt.getTime() / 1000),
    }
    return Buffer.from(JSON.stringify(envelope)).toString('base64')
  }

  verify(password: string, now: Date): Verified {
    try {
      const envelope: unknown = JSON.parse(Buffer.from(password, 'base64').toString('utf8'))
      if (typeof envelope !== 'object' || envelope === null) return { state: 'invalid' }
      if (!('payload' in envelope) || typeof envelope.payload !== 'string') return { state: 'invalid' }
      if (!('datakey' in envelope) || typeof envelope.datakey !== 'string') return { state: 'invalid' }
      const given = Buffer.from(envelope.datakey, 'base64')
      const expected = this.#signature(envelope.payload)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { state: 'invalid' }
      const fields: unknown = JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8'))
      if (!Array.isArray(fields)) return { state: 'invalid' }
      const [kind, registryId, region, expires, ofEngine, caller]: unknown[] = fields
      if (kind !== 'private' && kind !== 'public') return { state: 'invalid' }
      if (typeof registryId !== 'string' || typeof region !== 'string') return { state: 'invalid' }
      if (typeof expires !== 'number' || typeof ofEngine !== 'boolean' || typeof caller !== 'string')
        return { state: 'invalid' }
      const expiresAt = new Date(expires)
      return expiresAt <= now
        ? { state: 'expired' }
        : {
            state: 'valid',
            grant: { kind, registryId, region, expiresAt, ofEngine, ...(caller === '' ? {} : { caller }) },
          }
    } catch {
      return { state: 'invalid' }
    }
  }
}
