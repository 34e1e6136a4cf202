import { isObject, type SchemaProblem } from './schema.ts'

const PLACEHOLDER = /(\$?)\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}/g

/** The names of all `${NAME}` in the texts of a document, each with the first path where it stands. */
export function placeholders(document: unknown): Map<string, string> {
  const found = new Map<string, string>()
  visitTexts(document, '', (text, path) => {
    for (const [, dollar, name] of text.matchAll(PLACEHOLDER)) {
      if (dollar === '' && name !== undefined && !found.has(name)) found.set(name, path)
    }
    return text
  })
  return found
}

/** The `${NAME}` for which there is no value. */
export function unresolved(document: unknown, known: ReadonlySet<string>): SchemaProblem[] {
  return [...placeholders(document)]
    .filter(([name]) => !known.has(name))
    .map(([name, path]) => ({
      path,
      problem: `\${${name}} has no value; add ${name}=… to template-values (a literal \${${name}} is written $\${${name}})`,
    }))
}

/** The document with every `${NAME}` in a text replaced by its value, and `$${NAME}` by a literal `${NAME}`. Values are data: they are not looked into again. */
export function filledIn(document: unknown, values: ReadonlyMap<string, string>): unknown {
  return visitTexts(document, '', text =>
    text.replace(PLACEHOLDER, (whole, dollar: string, name: string) =>
      dollar === '' ? (values.get(name) ?? whole) : whole.slice(1),
    ),
  )
}

function visitTexts(value: unknown, path: string, change: (text: string, path: string) => string): unknown {
  if (typeof value === 'string') return change(value, path)
  if (Array.isArray(value)) return value.map((entry, index) => visitTexts(entry, `${path}[${index}]`, change))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, visitTexts(entry, path === '' ? key : `${path}.${key}`, change)]),
  )
}
