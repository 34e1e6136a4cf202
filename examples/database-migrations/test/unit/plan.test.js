import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plan } from '../../src/plan.js'

test('what is open comes in order', () => {
  assert.deepEqual(plan(['0002_b.sql', '0001_a.sql', 'README.md'], []), ['0001_a.sql', '0002_b.sql'])
  assert.deepEqual(plan(['0002_b.sql', '0001_a.sql'], ['0001_a.sql']), ['0002_b.sql'])
})

test('a database of a newer version is left alone', () => {
  assert.throws(() => plan(['0001_a.sql'], ['0001_a.sql', '0002_b.sql']), /not here: 0002_b.sql/)
})

test('nothing is slipped in before what is applied', () => {
  assert.throws(() => plan(['0001_a.sql', '0002_b.sql'], ['0002_b.sql']), /0001_a.sql would come after/)
})
