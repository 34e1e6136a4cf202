import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { isObject } from './schema.ts'

/** Where a task definition comes from, as the inputs name it. */
export type TaskDefinitionSource =
  | { readonly kind: 'file'; readonly path: string; readonly document: unknown }
  /** family, `family:revision` or ARN: what DescribeTaskDefinition takes */
  | { readonly kind: 'registered'; readonly name: string }

/**
 * Reads what `task-definition` names. Something with a `/` or ending in .json, .yml or .yaml is a file.
 * @throws Error that says what is allowed
 */
export function taskDefinitionSource(text: string, folder: string): TaskDefinitionSource {
  if (/^arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition\/[A-Za-z0-9_-]{1,255}:\d+$/.test(text))
    return { kind: 'registered', name: text }
  if (text.startsWith('arn:'))
    throw new Error(
      'allowed is an ARN of a task definition: arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION',
    )
  if (/[/\\]|\.(?:json|ya?ml)$/i.test(text)) return { kind: 'file', path: text, document: documentIn(text, folder) }
  if (/^[A-Za-z0-9_-]{1,255}(?::\d+)?$/.test(text)) return { kind: 'registered', name: text }
  throw new Error('allowed is a path to a JSON or YAML file, a family, family:revision, or an ARN')
}

function documentIn(path: string, folder: string): unknown {
  let text: string
  try {
    text = readFileSync(resolve(folder, path), 'utf8')
  } catch (error) {
    const missing = isObject(error) && error['code'] === 'ENOENT'
    throw new Error(
      missing
        ? 'there is no such file; is the repository checked out?'
        : `the file cannot be read (${error instanceof Error ? error.message : error})`,
    )
  }
  // JSON is YAML; YAML 1.2's core schema keeps `no`, `012` and dates what they are.
  const document = parseDocument(text, { version: '1.2', schema: 'core' })
  const [error] = document.errors
  if (error !== undefined) throw new Error(`the file is not valid JSON or YAML: ${error.message.split('\n')[0]}`)
  const parsed: unknown = document.toJS()
  if (!isObject(parsed)) throw new Error('the file holds no task definition: allowed is one object')
  // `aws ecs describe-task-definition` wraps it.
  return isObject(parsed['taskDefinition']) &&
    Object.keys(parsed).every(key => key === 'taskDefinition' || key === 'tags')
    ? {
        ...parsed['taskDefinition'],
        ...(Array.isArray(parsed['tags']) && parsed['tags'].length > 0 ? { tags: parsed['tags'] } : {}),
      }
    : parsed
}
