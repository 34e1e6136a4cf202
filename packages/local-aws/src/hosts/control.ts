import { isRecord } from '../smithy.ts'
import type { Fleet } from './fleet.ts'
import { type Host, type ScriptedEnd, scriptedEnds } from './host.ts'
import { checkedHostOptions, type HostState } from './options.ts'

const states: readonly string[] = ['online', 'offline', 'unresponsive', 'stopped', 'terminated', 'rebooted']

/** What `/_local/hosts` shows of a host. */
function shown({ instanceId, region, state, directory, options, latencyMs }: Host) {
  const { tags = {}, platform = 'Linux' } = options
  return { instanceId, region, state, directory, platform, tags, latencyMs }
}

/**
 * `GET` and `POST /_local/hosts`, `GET`, `PUT` and `DELETE /_local/hosts/ID`.
 * @returns undefined for any other request
 */
export function hostRoute(
  fleet: Fleet,
  method: string | undefined,
  path: string,
): ((body: unknown) => Promise<unknown>) | undefined {
  const [, id] = /^\/_local\/hosts(?:\/([^/]+))?$/.exec(path) ?? [undefined, undefined]
  if (id === undefined) {
    if (path !== '/_local/hosts') return undefined
    if (method === 'GET') return async () => fleet.all().map(shown)
    if (method === 'POST') return async body => shown(await fleet.add(checkedHostOptions(body)))
    return undefined
  }
  if (method === 'GET') return async () => shown(fleet.named(id))
  if (method === 'DELETE') return async () => fleet.remove(id)
  if (method === 'PUT') return async body => shown(await changed(fleet.named(id), body))
  return undefined
}

async function changed(host: Host, body: unknown): Promise<Host> {
  const change: Record<string, unknown> = isRecord(body) ? { ...body } : {}
  const { state, latencyMs, answerNext, times = 1, ...others } = change
  const wrong = (text: string) => new Error(`a change of a host: ${text}`)
  if (Object.keys(change).length === 0 || Object.keys(others).length > 0)
    throw wrong('state, latencyMs, answerNext with times')
  if (state !== undefined && !isState(state)) throw wrong(`state is one of ${states.join(', ')}`)
  if (latencyMs !== undefined && (typeof latencyMs !== 'number' || latencyMs < 0)) throw wrong('latencyMs is a number')
  if (answerNext !== undefined && !isScriptedEnd(answerNext))
    throw wrong(`answerNext is one of ${scriptedEnds.join(', ')}`)
  if (typeof times !== 'number') throw wrong('times is a number')
  if (latencyMs !== undefined) host.latencyMs = latencyMs
  if (answerNext !== undefined) host.answerNext(answerNext, times)
  if (state !== undefined) await host.become(state)
  return host
}

function isState(value: unknown): value is HostState | 'rebooted' {
  return typeof value === 'string' && states.includes(value)
}

function isScriptedEnd(value: unknown): value is ScriptedEnd {
  return scriptedEnds.some(end => end === value)
}
