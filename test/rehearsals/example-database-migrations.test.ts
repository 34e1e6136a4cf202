import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Example, errors, results, startExample } from './examples.ts'

let example: Example
beforeAll(async () => {
  example = await startExample('database-migrations', 'migrate.yml')
})
afterAll(() => example?.stop())

async function tables(database: string): Promise<unknown[]> {
  const rows = await example.surroundings.postgres?.query(
    database,
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  )
  return (rows ?? []).map(row => row['tablename'])
}

const UP_TO_DATE = ['customers', 'migrations', 'orders']

// One after the other: what one leaves is what the next finds.
describe('examples/database-migrations', () => {
  test('one database of the menu is tested for, migrated and verified', async () => {
    const run = await example.deliver({ event: 'workflow_dispatch', inputs: { database: 'shop_north' } })
    expect(errors(run)).toEqual([])
    expect(run.status).toBe('success')
    expect(await tables('shop_north')).toEqual(UP_TO_DATE)
    expect(await tables('shop_south')).toEqual([])
    expect(run.jobs['test / test']?.result).toBe('success')
    expect(run.jobs['summary']?.summary).toMatch(/shop(?:_|&#95;)north/)
  })

  test('all of them: the first that fails ends it, with its reason; tests are left out by hand', async () => {
    await example.surroundings.postgres?.query('shop_south', 'CREATE TABLE orders (id int)')
    const run = await example.deliver({
      event: 'workflow_dispatch',
      inputs: { database: 'all', 'skip-tests': 'true' },
    })
    expect(results(run, 'lint', 'test', 'build', 'migrate', 'summary')).toEqual([
      'success',
      'skipped',
      'success',
      'failure',
      'failure',
    ])
    const steps = run.jobs['migrate / migrate']?.steps.filter(({ name }) => /^Migrate shop/.test(name))
    expect(steps?.map(({ conclusion }) => conclusion)).toEqual(['success', 'failure', 'skipped'])
    expect(errors(run).join()).toContain('shop_south: relation "orders" already exists')
    expect(await tables('shop_west')).toEqual([])
    expect(run.jobs['summary']?.summary).toMatch(/shop(?:_|&#95;)south/)
  })

  test('a database that nobody has in the menu is refused', async () => {
    await expect(example.deliver({ event: 'workflow_dispatch', inputs: { database: 'shop_east' } })).rejects.toThrow(
      'shop_east',
    )
  })
})
