import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames } from '@aws-deploy-actions/action-docs'
import { expect, test } from '@jest/globals'
import { root } from './support/module-graph.ts'
import { INTERNAL_ACTIONS } from './support/workflow-files.ts'

const EXPECTED = /^(?:post\/)?(?:(?:\d+\.)?index\.js|licenses\.txt|package\.json)$/

// ncc copies whatever it takes for an asset, under a path of the machine that it runs on.
const FOLDERS = [
  ...actionNames(root).map(name => `actions/${name}`),
  ...INTERNAL_ACTIONS.filter(folder => existsSync(join(root, folder, 'src'))),
]

test.each(FOLDERS)('%s/dist holds code, its licences, and nothing of this machine', folder => {
  const dist = join(root, folder, 'dist')
  const files = readdirSync(dist, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(dist.length + 1))
  expect(files.filter(file => !EXPECTED.test(file))).toEqual([])
  expect(files.filter(file => readFileSync(join(dist, file), 'utf8').includes(`${root}/`))).toEqual([])
})
