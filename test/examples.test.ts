import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionMetadata, actionNames } from '@aws-deploy-actions/action-docs'
import { expect, test } from '@jest/globals'
import { filesBelow, root } from './support/module-graph.ts'
import { ownUsesIn } from './support/own-uses.ts'

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

function usesIn(block: string) {
  return ownUsesIn(block).filter(({ kind }) => kind === 'action')
}

test.each(sources)('%s uses our actions as they are', where => {
  for (const block of yamlIn(where)) {
    const uses = usesIn(block)
    for (const { name: action, inputs } of uses) {
      const metadata = known.get(action)
      expect([...known.keys()]).toContain(action)
      expect(metadata?.inputs.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(inputs)))
      const required = metadata?.inputs.filter(input => input.required).map(({ name }) => name)
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(required ?? []))
    }
    const actions = new Map(uses.flatMap(({ id, name }) => (id === undefined ? [] : [[id, name] as const])))
    for (const [, id = '', output] of block.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      const metadata = known.get(actions.get(id) ?? '')
      if (metadata !== undefined) expect(metadata.outputs.map(({ name }) => name)).toContain(output)
    }
  }
})

test('the whole of the example is found', () => {
  const deliveries = sources.filter(path => path.endsWith('/deliver.yml')).flatMap(yamlIn)
  expect(deliveries.flatMap(usesIn).map(({ name }) => name)).toEqual([
    'ecr-push',
    'run-migration-task',
    'deploy-ecs-service',
    'smoke-test',
    'deploy-ecs-service',
  ])
})
