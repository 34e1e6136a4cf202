import { isMap, type Value, type ValueMap } from '../syntax/values.ts'

export interface Combination {
  /** the `matrix` context */
  readonly values: ValueMap
  /** how it is told from the others in names: `20, linux`; may be empty */
  readonly label: string
}

/** More jobs than that GitHub does not make of one matrix (github/docs, workflow syntax: jobs.<job_id>.strategy.matrix). */
const MOST = 256

/**
 * The combinations of a matrix in GitHub's order: the product of the vectors, less what `exclude` matches in part, then
 * `include`: an entry joins every combination whose original values it would not change, else it becomes one of its own
 * (github/docs, workflow syntax: strategy.matrix.include).
 * @throws Error for a matrix without a combination, or with too many
 */
export function matrixCombinations(matrix: Value): Combination[] {
  if (!isMap(matrix)) throw new Error('A mapping was expected')
  const { include, exclude, ...vectors } = matrix
  let product: ValueMap[] = Object.keys(vectors).length === 0 ? [] : [{}]
  for (const [name, values] of Object.entries(vectors)) {
    if (!Array.isArray(values)) throw new Error('A sequence was expected')
    if (values.length === 0) throw new Error(`Matrix vector '${name}' does not contain any values`)
    product = product.flatMap(combination => values.map((value: Value) => ({ ...combination, [name]: value })))
  }
  const excluded = mapsOf(exclude)
  const originals = product.filter(combination => !excluded.some(entry => agrees(combination, entry)))
  const joined = originals.map(original => ({ original, all: { ...original } }))
  const alone: ValueMap[] = []
  for (const entry of mapsOf(include)) {
    const fitting = joined.filter(({ original }) => agrees(original, shared(entry, original)))
    if (fitting.length === 0) alone.push(entry)
    for (const one of fitting) Object.assign(one.all, entry)
  }
  const combinations = [
    ...joined.map(({ original, all }) => ({ values: all, label: labelOf(original) })),
    ...alone.map(values => ({ values, label: labelOf(values) })),
  ]
  if (combinations.length === 0) throw new Error('Matrix must define at least one vector')
  if (combinations.length > MOST)
    throw new Error(`The matrix has ${combinations.length} combinations, more than ${MOST}`)
  return combinations
}

/** What `include` adds to a combination does not show in its name (actions/runner, MatrixBuilder and JobNameBuilder). */
function labelOf(values: ValueMap): string {
  return leaves(values)
    .filter(value => value !== null && value !== '')
    .map(String)
    .join(', ')
}

function leaves(value: Value): Value[] {
  if (Array.isArray(value)) return value.flatMap(leaves)
  return isMap(value) ? Object.values(value).flatMap(leaves) : [value]
}

/** Whether a combination has all values of an entry. */
function agrees(combination: ValueMap, entry: ValueMap): boolean {
  return Object.entries(entry).every(([name, value]) => JSON.stringify(combination[name]) === JSON.stringify(value))
}

function shared(entry: ValueMap, original: ValueMap): ValueMap {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => name in original))
}

function mapsOf(value: Value | undefined): ValueMap[] {
  return Array.isArray(value) ? value.filter(isMap) : []
}
