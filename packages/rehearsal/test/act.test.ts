import { expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { actRun, plainKey } from './support/act.ts'
import { inRepository, rehearsedRule, rules } from './support/rule.ts'

// What act has no option for: shorter minutes, somebody who cancels or refuses, another ref.
const NOT_COMPARED = ['timing', 'cancel-at', 'refuse', 'act-not-compared']
const comparable = rules().filter(({ fields }) => !NOT_COMPARED.some(key => key in fields))
const agreeing = comparable.filter(({ fields }) => fields['act'] === undefined)
const differing = comparable.filter(({ fields }) => fields['act'] !== undefined)

describeWith(['act'], 'another program that runs workflows', () => {
  test.concurrent.each(agreeing.map(rule => [rule.name, rule] as const))('act agrees: %s', async (_name, rule) => {
    const { ours, acts } = await compared(rule)
    expect(acts).toEqual(ours)
  })

  // Each says in its file who is right; one that agrees since a newer act loses its line there.
  test.concurrent.each(differing.map(rule => [rule.name, String(rule.fields['act']), rule] as const))(
    'act differs: %s: %s',
    async (_name, _reason, rule) => {
      const { ours, acts } = await compared(rule)
      expect(acts).not.toEqual(ours)
    },
  )
})

/** How the jobs ended that ran at all. */
async function compared(rule: (typeof comparable)[number]): Promise<{ ours: unknown; acts: unknown }> {
  return inRepository(rule, async folder => {
    const found = await rehearsedRule(rule, folder).catch(() => undefined)
    const act = await actRun(rule, folder)
    const ran = Object.values(found?.jobs ?? {}).filter(job => job.parts.length === 0 && job.result !== 'skipped')
    return {
      ours: Object.fromEntries(ran.map(job => [plainKey(job.key), job.conclusion])),
      acts: act.results,
    }
  })
}
