import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { documentedWorkflows } from '@aws-deploy-actions/action-docs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { filesBelow, root } from './support/module-graph.ts'
import { ownUsesIn } from './support/own-uses.ts'
import { calleeOf, listOf, type Mapping, mapOf, problemsIn } from './support/workflow-files.ts'

/** What people copy: the workflows of the examples, and those in the documents. `whole` ones are copied as files. */
const COPIED = [
  ...filesBelow('examples')
    .filter(path => /\/\.github\/workflows\/[^/]+\.ya?ml$/.test(path))
    .map(where => ({ where, yaml: readFileSync(join(root, where), 'utf8'), whole: true })),
  ...documentedWorkflows(root),
]
const WHOLE = COPIED.filter(({ whole }) => whole)
const PINNED = /^([\w.-]+\/[\w./-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$/
const OURS = /^OWNER\/aws-deploy-actions\/[\w./-]+@v1$/

function jobsIn(yaml: string): [string, Mapping][] {
  return Object.entries(mapOf(mapOf(parse(yaml))['jobs'])).map(([id, job]) => [id, mapOf(job)])
}

/** What stands behind each `uses:`, with the comment. */
function usedIn(text: string): string[] {
  return [...text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(([, used = '']) => used)
}

test('there are some of every kind', () => {
  expect(COPIED.filter(({ where }) => where.startsWith('examples/')).length).toBeGreaterThanOrEqual(4)
  for (const document of ['README.md', 'docs/moving.md', 'docs/rollback.md', 'docs/workflows/', 'actions/ecr-push/'])
    expect(COPIED.some(({ where }) => where.startsWith(document))).toBe(true)
  expect(WHOLE.length).toBeGreaterThan(10)
})

test('every workflow that the documents call is in a block that is found', () => {
  const found = COPIED.flatMap(({ yaml }) => ownUsesIn(yaml)).filter(({ kind }) => kind === 'workflow')
  expect(new Set(found.map(({ name }) => name)).size).toBeGreaterThanOrEqual(8)
})

describe.each(COPIED)('$where', ({ yaml, whole }) => {
  test("passes GitHub's parser", () => {
    expect(problemsIn('workflow.yml', yaml)).toEqual([])
  })

  test("pins other people's actions by commit, with the version beside", () => {
    expect(usedIn(yaml).filter(used => !PINNED.test(used) && !OURS.test(used))).toEqual([])
  })

  test('pastes nothing into shell', () => {
    const scripts = jobsIn(yaml).flatMap(([, job]) => listOf(job['steps']).map(step => mapOf(step)['run']))
    expect(scripts.filter(script => String(script).includes('${{'))).toEqual([])
  })

  test('gives our actions and workflows inputs and secrets that they have, and those that they require', () => {
    const calls = jobsIn(yaml).flatMap(([, job]) => [job, ...listOf(job['steps']).map(mapOf)])
    const wrong = calls.flatMap(({ uses, with: inputs, secrets }) => {
      const path = /^OWNER\/aws-deploy-actions\/(.*)@v1$/.exec(String(uses))?.[1]
      const callee = path === undefined ? undefined : calleeOf(`$/${path}`)
      if (callee === undefined) return []
      const given = Object.keys(mapOf(inputs))
      return [
        ...given.filter(name => !callee.inputs.includes(name)),
        ...callee.required.filter(name => !given.includes(name)),
        ...Object.keys(mapOf(secrets)).filter(name => !callee.secrets.includes(name)),
      ].map(name => `${uses}: ${name}`)
    })
    expect(wrong).toEqual([])
  })

  if (whole)
    test('grants nothing at the top, and every job what it needs', () => {
      expect(mapOf(parse(yaml))['permissions']).toEqual({})
      expect(jobsIn(yaml).flatMap(([id, job]) => (job['permissions'] === undefined ? [id] : []))).toEqual([])
    })
})

test('the examples have a time-out for every job that runs', () => {
  const without = COPIED.filter(({ where }) => where.startsWith('examples/')).flatMap(({ where, yaml }) =>
    jobsIn(yaml)
      .filter(([, job]) => job['uses'] === undefined && job['timeout-minutes'] === undefined)
      .map(([id]) => `${where}: ${id}`),
  )
  expect(without).toEqual([])
})

test('an action of other people is the same commit wherever it is written', () => {
  const workflows = filesBelow('.github').filter(path => path.endsWith('.yml'))
  const documents = [...filesBelow('docs'), ...filesBelow('actions')].filter(path => path.endsWith('.md'))
  const texts = [...workflows, ...documents].map(path => readFileSync(join(root, path), 'utf8'))
  const pins = new Map<string, Set<string>>()
  for (const used of [...texts, ...COPIED.map(({ yaml }) => yaml)].flatMap(usedIn)) {
    const [, action, pin] = PINNED.exec(used) ?? []
    if (action !== undefined && pin !== undefined) pins.set(action, (pins.get(action) ?? new Set()).add(pin))
  }
  expect(pins.size).toBeGreaterThan(5)
  expect([...pins].filter(([, found]) => found.size > 1)).toEqual([])
})
