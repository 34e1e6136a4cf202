import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PolicyDocument } from '@aws-deploy-actions/local-aws'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { action, type PushCloud, startedPushCloud } from './support/push-cloud.ts'

const policy: { Version: string; Statement: { Sid: string; Effect: 'Allow'; Action: string[]; Resource: string }[] } =
  JSON.parse(readFileSync(join(action, 'iam-policy.json'), 'utf8'))

let cloud: PushCloud
let counter = 0

beforeAll(async () => {
  cloud = await startedPushCloud()
  await cloud.repository('full')
  await cloud.repository('scanned')
  await cloud.publicRepository('full')
  writeFileSync(
    join(cloud.folder, 'policy.json'),
    '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]}',
  )
  // so that the first run finds something to delete
  for (const registry of ['private', 'public']) for (const _ of [1, 2]) await fresh({ repository: 'full', registry })
})
afterAll(() => cloud?.stop())

/** Pushes an image that nobody has yet, so that all of a push happens. */
async function fresh(inputs: Readonly<Record<string, string>>): Promise<number | null> {
  const run = counter++
  await cloud.archive('fresh.tar', `${run}`)
  return (await cloud.run({ archive: 'fresh.tar', tags: `run-${run}`, ...inputs })).exitCode
}

/** Uses what needs permissions in one kind of registry. @returns exit codes, and the actions that were denied */
async function fullUse(document: PolicyDocument, uses: readonly string[]) {
  cloud.aws.setPolicy(document)
  const since = cloud.aws.journal().length
  const exitCodes: (number | null)[] = []
  const create = () => ({ repository: `created${counter}`, 'create-repository': 'true' })
  if (uses.includes('ecr')) {
    exitCodes.push(await fresh({ ...create(), 'lifecycle-policy': 'policy.json' }))
    exitCodes.push(await fresh({ repository: 'full', 'keep-tagged': '1' }))
    // what was pushed just now is streamed to a repository that has none of it
    const source = { 'source-image': `ecr:full:run-${counter - 1}`, archive: '' }
    exitCodes.push(await fresh({ ...create(), ...source }))
  }
  if (uses.includes('scan')) {
    exitCodes.push(await fresh({ repository: 'scanned', 'scan-fail-on': 'critical' }))
  }
  if (uses.includes('ecr-public')) {
    exitCodes.push(await fresh({ ...create(), registry: 'public' }))
    exitCodes.push(await fresh({ repository: 'full', registry: 'public', 'keep-tagged': '1' }))
  }
  const denied = cloud.aws
    .journal()
    .slice(since)
    .flatMap(entry => (entry.denied === undefined ? [] : [entry.denied.action]))
  cloud.aws.setPolicy(undefined)
  return { exitCodes: new Set(exitCodes), denied }
}

test('iam-policy.json is enough for everything', async () => {
  expect(await fullUse(policy, ['ecr', 'scan', 'ecr-public'])).toEqual({ exitCodes: new Set([0]), denied: [] })
})

const actions = policy.Statement.flatMap(statement => statement.Action)

test.each(actions)('%s is needed', async without => {
  const use = /Scan/.test(without) ? 'scan' : without.startsWith('ecr:') ? 'ecr' : 'ecr-public'
  const document = {
    ...policy,
    Statement: policy.Statement.map(statement => ({
      ...statement,
      Action: statement.Action.filter(entry => entry !== without),
    })),
  }
  expect((await fullUse(document, [use])).denied).toContain(without)
})
