/**
 * What is still to be applied, in order.
 * @param files names of the migrations in the repository
 * @param applied names of those in the database
 * @throws Error when the database has one that the repository has not: it belongs to a newer version
 */
export function plan(files, applied) {
  const known = files.filter(name => name.endsWith('.sql')).sort()
  const unknown = applied.filter(name => !known.includes(name))
  if (unknown.length > 0) throw new Error(`the database has migrations that are not here: ${unknown.join(', ')}`)
  const open = known.filter(name => !applied.includes(name))
  const last = applied.toSorted().at(-1)
  const late = open.filter(name => last !== undefined && name < last)
  if (late.length > 0) throw new Error(`${late.join(', ')} would come after ${last}, which is applied already`)
  return open
}
