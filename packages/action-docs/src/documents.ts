import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ActionMetadata, actionMetadata, actionNames } from './action-metadata.ts'
import { catalogPage, type WorkflowEntry } from './catalog-page.ts'
import { firstYamlBlock, withTables, withWorkflowTables } from './readme.ts'
import { workflowMetadata, workflowNames } from './workflow-metadata.ts'

export interface GeneratedFile {
  /** from the repository's root */
  readonly path: string
  /** as it has to be */
  readonly text: string
  readonly upToDate: boolean
}

/** The files that are generated in whole or part, and what keeps one from being generated. */
export interface Documents {
  readonly files: readonly GeneratedFile[]
  /** one sentence each, beginning with the path */
  readonly problems: readonly string[]
}

/** The catalog, the READMEs and the workflows' pages of a repository as they have to be, beside what they are. Writes nothing. */
export function documents(root: string): Documents {
  const problems: string[] = []
  const readmes: GeneratedFile[] = []
  const entries = actionNames(root).map(name => {
    const metadata = actionMetadata(root, name)
    const readme = readmeOf(root, metadata, problems)
    if (readme !== undefined) readmes.push(readme)
    const example = readme === undefined ? undefined : firstYamlBlock(readme.text)
    if (readme !== undefined && example === undefined)
      problems.push(`${readme.path}: has no example, a block that begins with \`\`\`yaml.`)
    return { metadata, example, policy: policyOf(root, name) }
  })
  const pages: GeneratedFile[] = []
  const workflows = workflowNames(root).map((name): WorkflowEntry => {
    const metadata = workflowMetadata(root, name)
    const path = join('docs', 'workflows', `${name}.md`)
    const page = rewritten(root, path, problems, text => withWorkflowTables(text, metadata))
    if (page !== undefined) pages.push(page)
    const example = page === undefined ? undefined : firstYamlBlock(page.text)
    if (page !== undefined && example === undefined)
      problems.push(`${path}: has no example, a block that begins with \`\`\`yaml.`)
    return { metadata, example }
  })
  return {
    files: [...readmes, ...pages, generated(root, 'action-catalog.md', catalogPage(entries, workflows))],
    problems,
  }
}

function readmeOf(root: string, metadata: ActionMetadata, problems: string[]): GeneratedFile | undefined {
  return rewritten(root, join('actions', metadata.name, 'README.md'), problems, text => withTables(text, metadata))
}

function rewritten(
  root: string,
  path: string,
  problems: string[],
  rewrite: (text: string) => string,
): GeneratedFile | undefined {
  const text = textOf(root, path)
  if (text === undefined) {
    problems.push(`${path}: is missing.`)
    return undefined
  }
  try {
    return generated(root, path, rewrite(text))
  } catch (error) {
    problems.push(`${path}: ${error instanceof Error ? error.message : error}.`)
    return undefined
  }
}

function policyOf(root: string, name: string): unknown {
  const text = textOf(root, join('actions', name, 'iam-policy.json'))
  return text === undefined ? undefined : JSON.parse(text)
}

function generated(root: string, path: string, text: string): GeneratedFile {
  return { path, text, upToDate: textOf(root, path) === text }
}

function textOf(root: string, path: string): string | undefined {
  const file = join(root, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
