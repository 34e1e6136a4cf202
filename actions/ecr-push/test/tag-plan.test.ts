import { expect, test } from '@jest/globals'
import { TagHeld, tagPlan } from '../src/tagging.ts'

/** What the tags hold, where `a…` are manifests of the image that was built; those in `kept` cannot be moved. */
async function plan(held: Readonly<Record<string, string>>, kept: readonly string[] = []) {
  const place = {
    reference: 'ecr:app',
    keeps: (tag: string) => kept.includes(tag),
    repository: { digestOf: async (tag: string) => held[tag] },
  }
  const inputs = { tags: ['one', 'two', 'three'], optionalTags: new Set<string>() }
  const log = { notice: () => undefined }
  const { put, present } = await tagPlan(place, inputs, { log }, async digest => digest.startsWith('a'), 'built')
  return { put, present: Object.fromEntries(present) }
}

test('tags that hold the image as different manifests: one counts, the others are put', async () => {
  expect(await plan({ one: 'a1', two: 'a2' })).toEqual({ put: ['two', 'three'], present: { one: 'a1' } })
  expect(await plan({ one: 'a1', two: 'a1', three: 'b' })).toEqual({
    put: ['three'],
    present: { one: 'a1', two: 'a1' },
  })
})

test('the manifest of a tag that cannot be moved counts; two of them cannot both be right', async () => {
  expect(await plan({ one: 'a1', two: 'a2' }, ['two'])).toEqual({ put: ['one', 'three'], present: { two: 'a2' } })
  await expect(plan({ one: 'a1', two: 'a2' }, ['one', 'two'])).rejects.toThrow(TagHeld)
})
