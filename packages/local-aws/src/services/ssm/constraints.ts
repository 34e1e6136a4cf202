import { AwsError } from '../../service.ts'

/** What the API reference demands of a text, a list or a number, beyond what the SDK's schemas hold. */
export interface Constraint {
  readonly min?: number
  readonly max?: number
  readonly pattern?: RegExp
  readonly values?: readonly string[]
}

/**
 * Checks members against their constraints; those that are not given are fine.
 * @throws AwsError ValidationException with every violation, in AWS's words
 */
export function checkConstraints(
  input: Readonly<Record<string, unknown>>,
  constraints: Readonly<Record<string, Constraint>>,
): void {
  const problems = Object.entries(constraints).flatMap(([name, constraint]) => {
    const path = name.charAt(0).toLowerCase() + name.slice(1)
    return violations(input[name], constraint).map(
      problem => `Value at '${path}' failed to satisfy constraint: ${problem}`,
    )
  })
  if (problems.length === 0) return
  const many = problems.length === 1 ? '1 validation error' : `${problems.length} validation errors`
  throw new AwsError('ValidationException', `${many} detected: ${problems.join('; ')}`)
}

function violations(value: unknown, { min, max, pattern, values }: Constraint): string[] {
  if (Array.isArray(value)) {
    const own = lengths(value.length, min, max)
    return [...own, ...value.flatMap(item => violations(item, { ...(pattern ? { pattern } : {}) }))]
  }
  if (typeof value === 'number') {
    return [
      ...(min !== undefined && value < min ? [`Member must have value greater than or equal to ${min}`] : []),
      ...(max !== undefined && value > max ? [`Member must have value less than or equal to ${max}`] : []),
    ]
  }
  if (typeof value !== 'string') return []
  return [
    ...lengths(value.length, min, max),
    ...(pattern && !pattern.test(value) ? [`Member must satisfy regular expression pattern: ${pattern.source}`] : []),
    ...(values && !values.includes(value) ? [`Member must satisfy enum value set: [${values.join(', ')}]`] : []),
  ]
}

function lengths(length: number, min: number | undefined, max: number | undefined): string[] {
  return [
    ...(min !== undefined && length < min ? [`Member must have length greater than or equal to ${min}`] : []),
    ...(max !== undefined && length > max ? [`Member must have length less than or equal to ${max}`] : []),
  ]
}
