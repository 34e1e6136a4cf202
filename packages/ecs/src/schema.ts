import { RegisterTaskDefinitionRequest$ } from '@aws-sdk/client-ecs'
import { NormalizedSchema } from '@smithy/core/schema'
import { distance } from 'fastest-levenshtein'

/** Something in a task definition that AWS does not know or that has the wrong type. */
export interface SchemaProblem {
  /** e.g. `containerDefinitions[0].enviroment` */
  readonly path: string
  readonly problem: string
}

/**
 * What DescribeTaskDefinition returns beside what RegisterTaskDefinition takes (API reference, TaskDefinition): ignored
 * without noise, so that a described task definition can be a file.
 */
const DESCRIBED_ONLY = new Set([
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  'deleteRequestedAt',
])

const REQUEST = NormalizedSchema.of(RegisterTaskDefinitionRequest$)

/** The members of a task definition that can be registered, top level. */
export function registrableMembers(): ReadonlySet<string> {
  return new Set([...REQUEST.structIterator()].map(([name]) => name))
}

/**
 * The value as RegisterTaskDefinition takes it, checked against the SDK's own model, which would drop unknown members
 * silently. Whole numbers become text where AWS wants text (task `cpu`, `memory`), and `"256"` a number where it wants
 * one, because templates can only hold text there.
 */
export function asRegistrable(value: unknown): { value: unknown; problems: SchemaProblem[] } {
  const problems: SchemaProblem[] = []
  return { value: visit(REQUEST, value, '', problems), problems }
}

function visit(schema: NormalizedSchema, value: unknown, path: string, problems: SchemaProblem[]): unknown {
  const wrong = (wanted: string): undefined => {
    problems.push({ path: path === '' ? 'the document' : path, problem: `is ${kindOf(value)}; allowed is ${wanted}` })
    return undefined
  }
  if (value === null || value === undefined) return undefined
  if (schema.isStructSchema()) {
    if (!isObject(value)) return wrong('an object')
    const members = new Map(schema.structIterator())
    const result: Record<string, unknown> = {}
    for (const [key, entry] of Object.entries(value)) {
      const member = members.get(key)
      const at = path === '' ? key : `${path}.${key}`
      if (member !== undefined) {
        const visited = visit(member, entry, at, problems)
        if (visited !== undefined) result[key] = visited
      } else if (path !== '' || !DESCRIBED_ONLY.has(key)) {
        problems.push({ path: at, problem: unknownKey(key, [...members.keys()]) })
      }
    }
    return result
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) return wrong('a list')
    return value.map((entry, index) => {
      const at = `${path}[${index}]`
      if (entry === null) problems.push({ path: at, problem: 'is empty; allowed is a value, or no entry' })
      return visit(schema.getValueSchema(), entry, at, problems)
    })
  }
  if (schema.isMapSchema()) {
    if (!isObject(value)) return wrong('an object')
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [
        key,
        visit(schema.getValueSchema(), entry, `${path}.${key}`, problems),
      ]),
    )
  }
  if (schema.isStringSchema()) {
    if (typeof value === 'string') return value
    if (Number.isSafeInteger(value) && /^(?:cpu|memory)$/.test(path)) return String(value)
    return wrong(typeof value === 'object' ? 'text' : `text (write it in quotes: "${String(value)}")`)
  }
  if (schema.isBooleanSchema()) {
    if (typeof value === 'boolean') return value
    return value === 'true' ? true : value === 'false' ? false : wrong('true or false')
  }
  if (schema.isNumericSchema()) {
    if (typeof value === 'number' && Number.isFinite(value)) return value
    return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : wrong('a number')
  }
  return value
}

function unknownKey(key: string, known: readonly string[]): string {
  const [nearest] = known.toSorted(
    (a, b) => distance(a.toLowerCase(), key.toLowerCase()) - distance(b.toLowerCase(), key.toLowerCase()),
  )
  return `is not known to AWS; the nearest known key is ${nearest}`
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isObject(value)) return 'an object'
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
