import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** bytes between two collections; each takes about a millisecond */
const EVERY_BYTES = 8 * 1024 * 1024

let collect: ((options: object) => void) | undefined
let passed = 0

/**
 * Keeps memory flat while a download passes through. Every chunk that Node reads from a socket is memory of its own, but V8
 * counts only its small wrapper, so it would let a hundred megabytes of used chunks lie about before it collects them.
 */
export function passedThrough(bytes: number): void {
  passed += bytes
  if (passed < EVERY_BYTES) return
  passed = 0
  collect ??= collector()
  collect({ type: 'minor' })
}

function collector(): (options: object) => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return typeof gc === 'function' ? options => Reflect.apply(gc, undefined, [options]) : () => undefined
}
