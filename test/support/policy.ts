import { readFile } from 'node:fs/promises'
import type { PolicyDocument, PolicyStatement } from '@aws-deploy-actions/local-aws'
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

  for (const { name, prepare, use, green } of uses) {
    test.concurrent(`is enough: ${name}`, async () => {
      const cloud = await start()
      try {
        await prepare?.(cloud)
        cloud.aws.setPolicy(await policy)
        const { exitCode, stdout } = await use(cloud)
        expect(denied(cloud)).toEqual([])
        if ((exitCode === 0) !== green) throw new Error(`exit code ${exitCode}\n${stdout}`)
      } finally {
        await cloud.stop()
      }
    })
  }

  test('nothing is too much', async () => {
    const whole = await policy
    const actions = [...new Set<string>(statements(whole).flatMap(({ Action }) => Action ?? []))]
    expect(actions.length).toBeGreaterThan(5)
    const needed = await inParallel(5, actions, async action => {
      for (const { prepare, use } of uses) {
        const cloud = await start()
        try {
          await prepare?.(cloud)
          cloud.aws.setPolicy(without(whole, action))
          await use(cloud)
          if (denied(cloud).includes(action)) return action
        } finally {
          await cloud.stop()
        }
      }
      return undefined
    })
    expect(needed.toSorted()).toEqual(actions.toSorted())
  }, 300_000)
}

function denied({ aws }: Pick<TaskCloud, 'aws'>): string[] {
  return aws.journal().flatMap(entry => (entry.denied === undefined ? [] : [entry.denied.action]))
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
