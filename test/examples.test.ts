import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionMetadata, actionNames } from '@aws-deploy-actions/action-docs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { filesBelow, root } from './support/module-graph.ts'

/** One step of ours, in a document or workflow. */
interface Use {
  readonly where: string
  readonly action: string
  readonly id: string | undefined
  readonly inputs: Readonly<Record<string, unknown>>
}

const OURS = /^OWNER\/aws-deploy-actions\/actions\/([a-z0-9-]+)@v1$/
const known = new Map(actionNames(root).map(name => [name, actionMetadata(root, name)]))

const sources = [
  'README.md',
  ...actionNames(root).map(name => `actions/${name}/README.md`),
  ...filesBelow('examples').filter(path => /\/README\.md$|\/workflows\/[^/]+\.ya?ml$/.test(path)),
].filter(path => !path.includes('/node_modules/'))

/** The YAML of a file: all of a workflow, the marked blocks of a document. */
function yamlIn(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  return path.endsWith('.md') ? [...text.matchAll(/```ya?ml\n([\s\S]*?)```/g)].map(([, block = '']) => block) : [text]
}

function usesIn(where: string, value: unknown): Use[] {
  if (typeof value !== 'object' || value === null) return []
  const { uses, id, with: inputs } = Object.fromEntries(Object.entries(value))
  const action = typeof uses === 'string' ? OURS.exec(uses)?.[1] : undefined
  const inside = Object.values(value).flatMap(member => usesIn(where, member))
  if (action === undefined) return inside
  const given = typeof inputs === 'object' && inputs !== null ? Object.fromEntries(Object.entries(inputs)) : {}
  return [{ where, action, id: typeof id === 'string' ? id : undefined, inputs: given }, ...inside]
}

test.each(sources)('%s uses our actions as they are', where => {
  for (const block of yamlIn(where)) {
    const uses = usesIn(where, parse(block))
    for (const { action, inputs } of uses) {
      const metadata = known.get(action)
      expect([...known.keys()]).toContain(action)
      expect(metadata?.inputs.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(inputs)))
      const required = metadata?.inputs.filter(input => input.required).map(({ name }) => name)
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(required ?? []))
    }
    const actions = new Map(uses.flatMap(({ id, action }) => (id === undefined ? [] : [[id, action] as const])))
    for (const [, id = '', output] of block.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      const metadata = known.get(actions.get(id) ?? '')
      if (metadata !== undefined) expect(metadata.outputs.map(({ name }) => name)).toContain(output)
    }
  }
})

test('the whole of the example is found', () => {
  const found = sources.flatMap(path => yamlIn(path).flatMap(block => usesIn(path, parse(block))))
  const delivered = found.filter(({ where }) => where.endsWith('/deliver.yml')).map(({ action }) => action)
  expect(delivered).toEqual([
    'ecr-push',
    'run-migration-task',
    'deploy-ecs-service',
    'smoke-test',
    'deploy-ecs-service',
  ])
})
