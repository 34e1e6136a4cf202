/**
 * Does the work for every item, at most `many` at a time. After a failure nothing more begins; what is under way is waited
 * for, so that nobody acts on a half-known state.
 * @throws the first failure
 */
export async function inParallel<Item>(
  many: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const open = items.values()
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const item of open) {
      if (failures.length > 0) return
      try {
        await work(item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(many, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}
