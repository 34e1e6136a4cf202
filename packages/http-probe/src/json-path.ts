/** Keys and indexes from the root of a JSON document. */
export type JsonPath = readonly (string | number)[]

const ALLOWED = 'allowed is a path such as version, build.version, items[0].id or ["a.b"]'

/**
 * Reads `a.b`, `items[0].id`, `["a.b"].c`; a leading `$` or `$.` is taken, as JSONPath writes it.
 * @throws Error that says what is allowed
 */
export function jsonPath(text: string): JsonPath {
  const path: (string | number)[] = []
  let rest = text.trim().replace(/^\$(?=[.[]|$)\.?/, '')
  if (rest === '' && text.trim() !== '$') throw new Error(ALLOWED)
  for (let first = true; rest !== ''; first = false) {
    const match = /^\[(\d+)\]|^\[("(?:[^"\\]|\\.)*")\]|^\['([^']*)'\]|^(\.?)([^.[\]\s]+)/.exec(rest)
    if (match === null) throw new Error(ALLOWED)
    const [whole, index, quoted, single, dot, key] = match
    if (index !== undefined) path.push(Number(index))
    else if (quoted !== undefined) path.push(unquoted(quoted))
    else if (single !== undefined) path.push(single)
    else if (key !== undefined && first === (dot === '')) path.push(key)
    else throw new Error(ALLOWED)
    rest = rest.slice(whole.length)
  }
  return path
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    throw new Error(ALLOWED)
  }
}

/** What stands at the path; undefined when there is nothing. Own members only: `constructor` is not in `{}`. */
export function valueAt(document: unknown, path: JsonPath): unknown {
  let value = document
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

/** The path as a person writes it. */
export function jsonPathText(path: JsonPath): string {
  if (path.length === 0) return '$'
  const text = path.map(step => {
    if (typeof step === 'number') return `[${step}]`
    return /^[^.[\]\s"']+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
  })
  return text.join('').replace(/^\./, '')
}
