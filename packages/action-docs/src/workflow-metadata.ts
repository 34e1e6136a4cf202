import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Input, Output } from './action-metadata.ts'
import { isObject, textAt } from './plain-data.ts'

/** What the file of a reusable workflow says (GitHub, "Reusing workflows"). */
export interface WorkflowMetadata {
  /** of the file, without `.yml` */
  readonly name: string
  /** the comment at the top of the file, up to the path of its page */
  readonly description: string
  readonly inputs: readonly Input[]
  readonly secrets: readonly Output[]
  readonly outputs: readonly Output[]
  /** `scope: level` of the token, as the jobs ask for them; GitHub refuses to start when the caller grants less */
  readonly permissions: readonly string[]
}

const FOLDER = '.github/workflows'

/** The workflows that others can call, sorted. */
export function workflowNames(root: string): string[] {
  const folder = join(root, FOLDER)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(file => file.endsWith('.yml'))
    .map(file => file.slice(0, -'.yml'.length))
    .filter(name => called(documentOf(root, name)) !== undefined)
    .sort()
}

/** @throws Error naming the file when it cannot be called, or is not YAML */
export function workflowMetadata(root: string, name: string): WorkflowMetadata {
  const document = documentOf(root, name)
  const contract = called(document)
  if (contract === undefined) throw new Error(`${FOLDER}/${name}.yml: has no workflow_call`)
  const described = (key: string): Output[] =>
    entries(contract[key]).map(([entry, value]) => ({ name: entry, description: textAt(value, 'description') ?? '' }))
  const permissions = entries(isObject(document) ? document['jobs'] : undefined).flatMap(([, job]) =>
    entries(isObject(job) ? job['permissions'] : undefined).map(([scope, level]) => `${scope}: ${level}`),
  )
  return {
    name,
    description: new RegExp(`^# (.*): docs/workflows/${name}\\.md$`, 'm').exec(source(root, name))?.[1] ?? '',
    inputs: entries(contract['inputs']).map(([input, value]) => ({
      name: input,
      description: textAt(value, 'description') ?? '',
      required: isObject(value) && value['required'] === true,
      default: textAt(value, 'default'),
    })),
    secrets: described('secrets'),
    outputs: described('outputs'),
    permissions: [...new Set(permissions)].sort(),
  }
}

function source(root: string, name: string): string {
  return readFileSync(join(root, FOLDER, `${name}.yml`), 'utf8')
}

function documentOf(root: string, name: string): unknown {
  try {
    return parse(source(root, name))
  } catch (error) {
    throw new Error(`${FOLDER}/${name}.yml: ${error instanceof Error ? error.message : error}`)
  }
}

function called(document: unknown): Record<string, unknown> | undefined {
  const triggers = isObject(document) ? document['on'] : undefined
  if (!isObject(triggers) || !('workflow_call' in triggers)) return undefined
  const contract = triggers['workflow_call']
  return isObject(contract) ? contract : {}
}

function entries(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : []
}
