import { readFile } from 'node:fs/promises'
import type { JournalEntry, PolicyDocument, PolicyStatement } from '@aws-deploy-actions/local-aws'
import type { JavaScriptActionResult } from '@aws-deploy-actions/rehearsal'
import { expect, test } from '@jest/globals'
import { startTaskCloud, type TaskCloud } from './task-cloud.ts'

/** One way to use an action; together they use it fully. */
export interface PolicyUse<Cloud = TaskCloud> {
  readonly name: string
  readonly prepare?: (cloud: Cloud) => Promise<void>
  readonly use: (cloud: Cloud) => Promise<JavaScriptActionResult>
  /** does the use end well? */
  readonly green: boolean
}

/**
 * Proves that a policy is enough and that nothing in it is too much: under it every use meets no denial, and without any
 * one of its actions some use is denied that very action.
 */
export function testPolicy(file: URL, uses: readonly PolicyUse[]): void {
  testPolicyIn(startTaskCloud, file, uses)
}

/** As {@link testPolicy}, in a cloud of another kind. */
export function testPolicyIn<Cloud extends Pick<TaskCloud, 'aws' | 'stop'>>(
  start: () => Promise<Cloud>,
  file: URL,
  uses: readonly PolicyUse<Cloud>[],
): void {
  const policy = readFile(file, 'utf8').then((text): PolicyDocument => JSON.parse(text))

  /** A use in a cloud of its own, under a policy made from the whole one. */
  const used = async ({ prepare, use }: PolicyUse<Cloud>, made: (whole: PolicyDocument) => PolicyDocument) => {
    const cloud = await start()
    try {
      await prepare?.(cloud)
      const before = cloud.aws.journal().length
      cloud.aws.setPolicy(made(await policy))
      const { exitCode, stdout } = await use(cloud)
      const journal = cloud.aws.journal()
      const needed = journal.slice(before).flatMap(({ needs }) => needs.map(({ action }) => action))
      return { exitCode, stdout, needed: new Set(needed), denied: denied(journal) }
    } finally {
      await cloud.stop()
    }
  }
  const whole = new Map<PolicyUse<Cloud>, ReturnType<typeof used>>()
  const underWhole = (use: PolicyUse<Cloud>): ReturnType<typeof used> => {
    const found = whole.get(use) ?? used(use, all => all)
    whole.set(use, found)
    return found
  }

  for (const use of uses) {
    test.concurrent(`is enough: ${use.name}`, async () => {
      const { exitCode, stdout, denied } = await underWhole(use)
      expect(denied).toEqual([])
      if ((exitCode === 0) !== use.green) throw new Error(`exit code ${exitCode}\n${stdout}`)
    })
  }

  test('nothing is too much', async () => {
    const actions = [...new Set<string>(statements(await policy).flatMap(({ Action }) => Action ?? []))]
    expect(actions.length).toBeGreaterThan(5)
    const needed = await inParallel(5, actions, async action => {
      for (const use of uses) {
        // Where it was not asked for it cannot be denied.
        if (!(await underWhole(use)).needed.has(action)) continue
        if ((await used(use, all => without(all, action))).denied.includes(action)) return action
      }
      return undefined
    })
    expect(needed.toSorted()).toEqual(actions.toSorted())
  }, 300_000)
}

function denied(journal: readonly JournalEntry[]): string[] {
  return journal.flatMap(entry => (entry.denied === undefined ? [] : [entry.denied.action]))
}

function statements({ Statement }: PolicyDocument): readonly PolicyStatement[] {
  return [Statement].flat()
}

function without(policy: PolicyDocument, action: string): PolicyDocument {
  const Statement = statements(policy).flatMap(statement => {
    const Action = [statement.Action ?? []].flat().filter(entry => entry !== action)
    return Action.length === 0 ? [] : [{ ...statement, Action }]
  })
  return { ...policy, Statement }
}

async function inParallel<Item, Result>(
  many: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const open = items.entries()
  await Promise.all(
    Array.from({ length: many }, async () => {
      for (const [index, item] of open) results[index] = await work(item)
    }),
  )
  return results
}

/** A policy that allows everything but these actions. */
export function denying(...Action: string[]) {
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow' as const, Action: '*', Resource: '*' },
      { Effect: 'Deny' as const, Action, Resource: '*' },
    ],
  }
}
