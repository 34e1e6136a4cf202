import { isObject } from './schema.ts'

/**
 * A JSON merge patch (RFC 7396) applied. One addition: where the target is a list whose entries have a `name`
 * (containers, environment, secrets) and the patch is an object, its keys are those names, so that one container's log
 * options can be changed without repeating the list; RFC 7396 alone would put an object where AWS takes a list.
 */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  if (Array.isArray(target) && target.every(entry => isObject(entry) && typeof entry['name'] === 'string')) {
    return patchedByName(target, patch)
  }
  // A map, because assigning to the key `__proto__` of an object would lose it.
  const result = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) result.delete(key)
    else result.set(key, mergePatched(result.get(key), change))
  }
  return Object.fromEntries(result)
}

function patchedByName(target: readonly unknown[], patch: Record<string, unknown>): unknown[] {
  const rest = new Map(Object.entries(patch))
  const result = target.flatMap(entry => {
    const name = isObject(entry) && typeof entry['name'] === 'string' ? entry['name'] : ''
    if (!rest.has(name)) return [entry]
    const change = rest.get(name)
    rest.delete(name)
    return change === null ? [] : [mergePatched(entry, change)]
  })
  for (const [name, change] of rest) if (change !== null) result.push(mergePatched({ name }, change))
  return result
}
