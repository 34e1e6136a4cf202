import { expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { actRun, plainKey } from './support/act.ts'
import { inRepository, isCompared, type Rule, record, rehearsedRule, rules } from './support/rule.ts'

const comparable = rules().filter(isCompared)
const differing = comparable.filter(({ fields }) => fields['act'] !== undefined)
const printing = comparable.filter(({ fields }) => fields['act-prints'] !== undefined)
const agreeing = comparable.filter(rule => !differing.includes(rule) && !printing.includes(rule))

// Each that differs says in its file who is right; one that agrees since a newer act loses its line there.
describeWith(['act'], 'another program that runs workflows', () => {
  test.concurrent.each(agreeing.map(rule => [rule.name, rule] as const))('act agrees: %s', async (_name, rule) => {
    const { ours, acts } = await compared(rule)
    expect(acts).toEqual(ours)
  })

  test.concurrent.each(differing.map(rule => [rule.name, String(rule.fields['act']), rule] as const))(
    'act differs: %s: %s',
    async (_name, _reason, rule) => {
      const { ours, acts } = await compared(rule)
      expect(acts.results).not.toEqual(ours.results)
    },
  )

  test.concurrent.each(printing.map(rule => [rule.name, String(rule.fields['act-prints']), rule] as const))(
    'act ends the same, and prints something else: %s: %s',
    async (_name, _reason, rule) => {
      const { ours, acts } = await compared(rule)
      expect(acts.results).toEqual(ours.results)
      expect(acts.lines).not.toEqual(ours.lines)
    },
  )
})

/** How the jobs ended that ran at all, and the lines that a rule speaks of. */
interface Told {
  readonly results: Readonly<Record<string, string>>
  readonly lines: readonly string[]
}

async function compared(rule: Rule): Promise<{ ours: Told; acts: Told }> {
  return inRepository(rule, async folder => {
    const found = await rehearsedRule(rule, folder).catch(() => undefined)
    const act = await actRun(rule, folder)
    const ran = Object.values(found?.jobs ?? {}).filter(job => job.parts.length === 0 && job.result !== 'skipped')
    const wanted = linesOf(rule)
    const text = ([key, line]: readonly [string, string]): string => `${plainKey(key)}: ${line}`
    return {
      ours: {
        results: Object.fromEntries(ran.map(job => [plainKey(job.key), job.conclusion])),
        lines: wanted.map(text),
      },
      acts: {
        results: act.results,
        lines: wanted.filter(([key, line]) => isAmong(act.lines[plainKey(key)], line)).map(text),
      },
    }
  })
}

/** What each job must print, as the rule says; that the rehearsal does is tested with the rules. */
function linesOf({ fields }: Rule): (readonly [key: string, line: string])[] {
  const { jobs } = record(fields['expect'], 'expect')
  return Object.entries(record(jobs ?? {}, 'jobs')).flatMap(([key, job]) => {
    const { log } = typeof job === 'string' ? {} : record(job, key)
    return log === undefined ? [] : [log].flat().map(line => [key, String(line)] as const)
  })
}

function isAmong(lines: readonly string[] = [], wanted: string): boolean {
  return lines.some(line => (wanted.endsWith('*') ? line.startsWith(wanted.slice(0, -1)) : line.trim() === wanted))
}
