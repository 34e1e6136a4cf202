import { evaluated } from '../syntax/evaluate.ts'
import { mapOf, type ValueMap } from '../syntax/values.ts'
import type { WorkflowDefinition } from '../syntax/workflow-file.ts'
import { isWanted } from './patterns.ts'

export const EVENTS = ['push', 'pull_request', 'workflow_dispatch'] as const
export type EventName = (typeof EVENTS)[number]

/** The events of a workflow's `on`, with what it says about each. */
export function eventsOf({ root }: WorkflowDefinition): ValueMap {
  const value = evaluated(root.find('on'), { contexts: {} })
  if (typeof value === 'string') return { [value]: {} }
  if (Array.isArray(value)) return Object.fromEntries(value.map(name => [String(name), {}]))
  return mapOf(value)
}

/**
 * Why an event does not start a workflow; undefined when it does (github/docs, workflow syntax: on).
 * @param ref the branch or tag that was pushed, or the base branch of the pull request
 * @param action of a pull request: `opened`
 */
export function whyNotTriggered(
  workflow: WorkflowDefinition,
  event: EventName,
  { ref, changed, action }: { ref: string; changed: readonly string[] | undefined; action: string },
): string | undefined {
  const events = eventsOf(workflow)
  if (!(event in events)) return `it has no '${event}' among its events: ${Object.keys(events).join(', ')}`
  const filters = mapOf(events[event])
  const lists = (name: string): string[] | undefined => {
    const value = filters[name]
    return typeof value === 'string' ? [value] : Array.isArray(value) ? value.map(String) : undefined
  }
  const types = lists('types') ?? ['opened', 'synchronize', 'reopened']
  if (event === 'pull_request' && !types.includes(action))
    return `'${action}' is not among its types: ${types.join(', ')}`
  if (event === 'workflow_dispatch') return undefined
  const kind = ref.startsWith('refs/tags/') ? 'tags' : 'branches'
  const name = ref.replace(/^refs\/(?:heads|tags)\//, '')
  const wanted = lists(kind)
  const unwanted = lists(`${kind}-ignore`)
  if (wanted !== undefined && !isWanted(name, wanted)) return `'${name}' is not among its ${kind}: ${wanted.join(', ')}`
  if (unwanted !== undefined && isWanted(name, unwanted))
    return `'${name}' is among its ${kind}-ignore: ${unwanted.join(', ')}`
  // With filters for the other kind only, this kind does not start it.
  const other = kind === 'tags' ? 'branches' : 'tags'
  if (event === 'push' && !wanted && !unwanted && (lists(other) ?? lists(`${other}-ignore`)))
    return `it is for ${other} only`
  return whyNotPaths(lists('paths'), lists('paths-ignore'), changed)
}

function whyNotPaths(
  paths: readonly string[] | undefined,
  ignored: readonly string[] | undefined,
  changed: readonly string[] | undefined,
): string | undefined {
  if (changed === undefined) return undefined
  if (paths !== undefined && !changed.some(path => isWanted(path, paths))) return 'no changed path is among its paths'
  if (ignored !== undefined && changed.every(path => isWanted(path, ignored)))
    return 'all changed paths are among its paths-ignore'
  return undefined
}
