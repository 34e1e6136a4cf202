import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames } from '@aws-deploy-actions/action-docs'
import { expect, test } from '@jest/globals'
import { root } from './support/module-graph.ts'

const EXPECTED = /^(?:post\/)?(?:(?:\d+\.)?index\.js|licenses\.txt|package\.json)$/

// ncc copies whatever it takes for an asset, under a path of the machine that it runs on.
test.each(actionNames(root))('actions/%s/dist holds code, its licences, and nothing of this machine', name => {
  const dist = join(root, 'actions', name, 'dist')
  const files = readdirSync(dist, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(dist.length + 1))
  expect(files.filter(file => !EXPECTED.test(file))).toEqual([])
  expect(files.filter(file => readFileSync(join(dist, file), 'utf8').includes(`${root}/`))).toEqual([])
})
