import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** minor: only what is young (about a millisecond); major: everything (20 to 30 ms in a small heap) */
type Collection = 'minor' | 'major'

let collect: ((collection: Collection) => void) | undefined

/**
 * For memory that stays flat however much passes through: the returned function is told how many bytes just did, and
 * collects garbage each time another `everyBytes` have. Left alone, V8 lets a hundred megabytes lie about first: it sizes
 * its heap by the machine's memory, and of a buffer it counts only the small wrapper.
 */
export function collectingGarbage(collection: Collection, everyBytes: number): (bytes: number) => void {
  let passed = 0
  return bytes => {
    passed += bytes
    if (passed < everyBytes) return
    passed = 0
    collect ??= collector()
    collect(collection)
  }
}

function collector(): (collection: Collection) => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return typeof gc === 'function' ? type => Reflect.apply(gc, undefined, [{ type }]) : () => undefined
}
