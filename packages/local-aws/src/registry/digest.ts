import { createHash } from 'node:crypto'

/** ECR takes sha256 only (the distribution specification allows others). */
const SHA256 = /^sha256:[0-9a-f]{64}$/

export function isDigest(text: string): boolean {
  return SHA256.test(text)
}

/** `sha256:…` of the bytes */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
