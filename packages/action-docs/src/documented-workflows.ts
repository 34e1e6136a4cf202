import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { isObject } from './plain-data.ts'

/** A workflow in a document, or a piece of one, completed to a whole one. */
export interface DocumentedWorkflow {
  /** the document, from the repository's root, and the number of the block in it */
  readonly where: string
  /** as GitHub would read it */
  readonly yaml: string
  /** nothing was missing: people copy it as a file */
  readonly whole: boolean
}

// The catalog repeats what is in the others.
const DOCUMENTS = ['*.md', 'docs/**/*.md', '{actions,examples}/*/README.md', 'cloudformation/README.md']
const STEPS = /^ {6}- /

/** Every block of YAML in the documents that is a whole workflow, or steps or jobs with some of ours. */
export function documentedWorkflows(root: string): DocumentedWorkflow[] {
  return globSync(DOCUMENTS, { cwd: root, exclude: ['action-catalog.md'] })
    .filter(path => existsSync(join(root, path)))
    .sort()
    .flatMap(path =>
      yamlBlocks(readFileSync(join(root, path), 'utf8')).flatMap((yaml, index) => {
        const completed = completedWorkflow(yaml)
        return completed === undefined ? [] : [{ where: `${path}#${index + 1}`, ...completed }]
      }),
    )
}

function yamlBlocks(text: string): string[] {
  return [...text.matchAll(/^(`{3,})ya?ml[^\n]*\n([\s\S]*?)^\1`*$/gm)].map(([, , yaml = '']) => yaml)
}

function completedWorkflow(yaml: string): Omit<DocumentedWorkflow, 'where'> | undefined {
  const ours = /uses: OWNER\/aws-deploy-actions\//.test(yaml)
  if (STEPS.test(yaml))
    return ours
      ? { yaml: `on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n${yaml}`, whole: false }
      : undefined
  const document: unknown = parse(yaml)
  if (!isObject(document) || !('jobs' in document)) return undefined
  if ('on' in document) return { yaml, whole: true }
  return ours ? { yaml: `on: push\n${yaml}`, whole: false } : undefined
}
