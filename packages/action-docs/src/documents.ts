import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ActionMetadata, actionMetadata, actionNames } from './action-metadata.ts'
import { catalogPage } from './catalog-page.ts'
import { firstYamlBlock, withTables } from './readme.ts'

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

/** The catalog and the READMEs of a repository as they have to be, beside what they are. Writes nothing. */
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
  return { files: [...readmes, generated(root, 'action-catalog.md', catalogPage(entries))], problems }
}

function readmeOf(root: string, metadata: ActionMetadata, problems: string[]): GeneratedFile | undefined {
  const path = join('actions', metadata.name, 'README.md')
  const text = textOf(root, path)
  if (text === undefined) {
    problems.push(`${path}: is missing.`)
    return undefined
  }
  try {
    return generated(root, path, withTables(text, metadata))
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
