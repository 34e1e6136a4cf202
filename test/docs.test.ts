import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { actionMetadata, actionNames } from '@aws-deploy-actions/action-docs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { recordOf } from './support/cloudformation.ts'
import { type MarkdownPage, markdownPage } from './support/markdown.ts'
import { filesBelow, foldersIn, root } from './support/module-graph.ts'
import { ownUsesIn } from './support/own-uses.ts'

const AT_THE_TOP = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'cloudformation/README.md']
const paths = [...AT_THE_TOP, ...filesBelow('docs').filter(path => path.endsWith('.md'))]
const readmes = actionNames(root).map(name => `actions/${name}/README.md`)
const known = new Map(actionNames(root).map(name => [name, actionMetadata(root, name)]))

const pages = new Map<string, MarkdownPage>()
function pageAt(path: string): MarkdownPage {
  const page = pages.get(path) ?? markdownPage(path)
  pages.set(path, page)
  return page
}

test.each([...paths, ...readmes])('%s: every link within the repository leads somewhere', path => {
  const relative = pageAt(path).links.filter(link => !/^[a-z]+:/.test(link))
  expect(relative.map(link => brokenLink(path, link)).filter(problem => problem !== undefined)).toEqual([])
})

test.each(paths)('%s: its examples are YAML, and use our actions as they are', path => {
  for (const { text } of pageAt(path).code.filter(({ language }) => /^ya?ml$/.test(language))) {
    expect(() => parse(text)).not.toThrow()
    const uses = ownUsesIn(text)
    for (const { kind, name, inputs } of uses) {
      const declared = kind === 'action' ? known.get(name)?.inputs : workflowInputs(name)
      expect(declared).toBeDefined()
      expect(declared?.map(input => input.name)).toEqual(expect.arrayContaining(Object.keys(inputs)))
      const required = declared?.filter(input => input.required).map(input => input.name)
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(required ?? []))
    }
    const actions = new Map(uses.flatMap(({ id, name }) => (id === undefined ? [] : [[id, name] as const])))
    for (const [, id = '', output] of text.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      const outputs = known.get(actions.get(id) ?? '')?.outputs.map(({ name }) => name)
      if (outputs !== undefined) expect(outputs).toContain(output)
    }
  }
})

test('the examples of the documents are found', () => {
  const blocks = paths.flatMap(path => pageAt(path).code.map(({ text, language }) => ({ text, language })))
  const used = blocks.filter(({ language }) => language === 'yaml').flatMap(({ text }) => ownUsesIn(text))
  expect(new Set(used.map(({ name }) => name)).size).toBeGreaterThan(4)
})

test('docs/moving.md counts the lines of workflows as they are', () => {
  const rows = readFileSync(join(root, 'docs/moving.md'), 'utf8')
    .split('\n')
    .filter(line => / → \d+ \|$/.test(line))
  expect(rows).toHaveLength(4)
  for (const row of rows) {
    const [, after = '', lines] = /\((\.\.\/examples\/[^)]*\.yml)\).* → (\d+) \|$/.exec(row) ?? []
    expect(`${after} ${lines}`).toBe(`${after} ${linesOf(join('docs', after))}`)
    const [, counted, before] = /\| \[(\d+)\]\(([^)]*)\) →/.exec(row) ?? []
    if (before !== undefined) expect(`${before} ${counted}`).toBe(`${before} ${linesOf(join('docs', before))}`)
  }
})

/** How many lines of a workflow are neither blank nor a comment. */
function linesOf(path: string): number {
  return readFileSync(join(root, path), 'utf8')
    .split('\n')
    .filter(line => !/^\s*(?:#|$)/.test(line)).length
}

/** Sections with AWS's or GitHub's words, and with answers of a server: those are in no source of ours. */
const WORDS_OF_OTHERS = new Set(['What AWS says about tasks', 'Exit codes', 'Before a step begins'])

test('docs/troubleshooting.md has the words that our actions and workflows print', () => {
  const folders = [...foldersIn('packages').map(name => `packages/${name}/src`), ...readmesSources(), '.github']
  const sources = folders
    .flatMap(folder => filesBelow(folder))
    .filter(path => /\.(?:ts|bash|sh|yml)$/.test(path))
    .map(path => readFileSync(join(root, path), 'utf8'))
    .join('\n')
  const phrases = pageAt('docs/troubleshooting.md')
    .tables.filter(({ under }) => !WORDS_OF_OTHERS.has(under))
    .flatMap(({ firstCells }) => firstCells.flat())
    // Sentences are put together at their signs; what is left of `… failed.` says nothing.
    .flatMap(phrase => phrase.split(/…|(?=[;:])/).map(part => part.trim().replace(/\.$/, '')))
    .filter(part => part.length > 8)
  expect(phrases.length).toBeGreaterThan(100)
  expect(phrases.filter(part => !sources.includes(part))).toEqual([])
})

test.each(paths)('%s names no place of a machine', path => {
  const text = readFileSync(join(root, path), 'utf8')
  expect([...text.matchAll(/(?<![\w.$}~-])\/(?:tmp|work|root|home|Users)\/[\w.-]+/g)].map(([found]) => found)).toEqual(
    [],
  )
})

/** What a called workflow takes; undefined when there is no such workflow. */
function workflowInputs(name: string): { readonly name: string; readonly required: boolean }[] | undefined {
  const path = join(root, '.github/workflows', `${name}.yml`)
  if (!existsSync(path)) return undefined
  const inputs = ['on', 'workflow_call', 'inputs'].reduce<Record<string, unknown>>(
    (at, key) => recordOf(at[key]),
    recordOf(parse(readFileSync(path, 'utf8'))),
  )
  return Object.entries(inputs).map(([input, rules]) => ({
    name: input,
    required: recordOf(rules)['required'] === true,
  }))
}

function readmesSources(): string[] {
  return actionNames(root).map(name => `actions/${name}/src`)
}

function brokenLink(from: string, link: string): string | undefined {
  const [file = '', anchor] = decodeURI(link).split('#')
  const path = file === '' ? from : normalize(join(dirname(from), file))
  if (path.startsWith('..') || !existsSync(join(root, path))) return `${link}: there is no ${path}`
  if (anchor === undefined || statSync(join(root, path)).isDirectory()) return undefined
  return pageAt(path).anchors.has(anchor) ? undefined : `${link}: ${path} has no heading for it`
}
