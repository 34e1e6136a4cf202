import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionMetadata, actionNames } from '@aws-deploy-actions/action-docs'
import { expect, test } from '@jest/globals'
import { filesBelow, root } from './support/module-graph.ts'
import { ownUsesIn } from './support/own-uses.ts'
import { calleeOf } from './support/workflow-files.ts'

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

test.each(sources)('%s uses our actions and workflows as they are', where => {
  for (const block of yamlIn(where)) {
    const uses = ownUsesIn(block)
    for (const { kind, name, inputs } of uses) {
      const callee = calleeOf(kind === 'action' ? `$/actions/${name}` : `$/.github/workflows/${name}.yml`)
      expect(callee?.inputs).toEqual(expect.arrayContaining(Object.keys(inputs)))
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining([...(callee?.required ?? [])]))
    }
    const actions = new Map(uses.flatMap(({ id, name }) => (id === undefined ? [] : [[id, name] as const])))
    for (const [, id = '', output] of block.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      const metadata = known.get(actions.get(id) ?? '')
      if (metadata !== undefined) expect(metadata.outputs.map(({ name }) => name)).toContain(output)
    }
  }
})

test('the workflows of the examples are found', () => {
  const workflows = sources.filter(path => /^examples\/.*\/workflows\//.test(path))
  const used = workflows.map(path => [
    path.split('/')[1],
    ...yamlIn(path)
      .flatMap(ownUsesIn)
      .map(({ name }) => name),
  ])
  expect(used.sort()).toEqual([
    ['database-migrations', 'lint', 'test', 'build', 'migrate', 'summarize'],
    ['ec2-compose', 'pipeline-ec2'],
    ['migrate-deploy-smoke', 'pipeline-ecs'],
    ['task-definition-files', 'pipeline-ecs'],
  ])
})
