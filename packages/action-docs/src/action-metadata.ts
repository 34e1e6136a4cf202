import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { isObject, textAt } from './plain-data.ts'

export interface Input {
  readonly name: string
  /** Markdown */
  readonly description: string
  readonly required: boolean
  /** undefined where action.yml gives none */
  readonly default: string | undefined
}

export interface Output {
  readonly name: string
  /** Markdown */
  readonly description: string
}

/** What an action.yml says (GitHub, "Metadata syntax reference"). */
export interface ActionMetadata {
  /** the folder's name, as people write it in `uses` */
  readonly name: string
  /** `name` in action.yml */
  readonly title: string
  readonly description: string
  readonly inputs: readonly Input[]
  readonly outputs: readonly Output[]
  /** paths from the action's folder */
  readonly runs: { readonly using: string; readonly main: string; readonly post: string | undefined }
}

/** The folders under `actions/` that hold an action, sorted. */
export function actionNames(root: string): string[] {
  return readdirSync(join(root, 'actions'), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()
}

/** @throws Error naming the file when it is missing or not YAML */
export function actionMetadata(root: string, name: string): ActionMetadata {
  const path = join('actions', name, 'action.yml')
  let document: unknown
  try {
    document = parse(readFileSync(join(root, path), 'utf8'))
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`)
  }
  const runs = isObject(document) ? document['runs'] : undefined
  return {
    name,
    title: textAt(document, 'name') ?? '',
    description: textAt(document, 'description') ?? '',
    inputs: entries(document, 'inputs').map(([input, value]) => ({
      name: input,
      description: textAt(value, 'description') ?? '',
      required: isObject(value) && value['required'] === true,
      default: textAt(value, 'default'),
    })),
    outputs: entries(document, 'outputs').map(([output, value]) => ({
      name: output,
      description: textAt(value, 'description') ?? '',
    })),
    runs: { using: textAt(runs, 'using') ?? '', main: textAt(runs, 'main') ?? '', post: textAt(runs, 'post') },
  }
}

function entries(document: unknown, key: string): [string, unknown][] {
  const found = isObject(document) ? document[key] : undefined
  return isObject(found) ? Object.entries(found) : []
}
