import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Fault } from './faults.ts'
import { hostRoute } from './hosts/control.ts'
import type { Fleet } from './hosts/fleet.ts'
import type { JournalEntry } from './journal.ts'
import type { PolicyDocument } from './policy.ts'
import { isRecord } from './smithy.ts'

/** What can be done to a cloud from outside. */
export interface Controls {
  journal(): JournalEntry[]
  clearJournal(): void
  setPolicy(document: PolicyDocument | undefined): void
  faults(): readonly Fault[]
  addFault(fault: Fault): void
  clearFaults(): void
  /** @throws Error naming what is wrong in the script */
  scriptScan(repositoryName: string, script: unknown): void
  /** @throws Error for a state that CloudWatch does not know */
  setAlarm(name: string, state: unknown): void
  /** @throws Error naming what is wrong in the script */
  scriptTasks(family: string, script: unknown): void
  readonly fleet: Fleet
  status(): Readonly<Record<string, unknown>>
}

const kinds: readonly string[] = [
  'throttle',
  'error',
  'reset',
  'lost-answer',
  'delay',
  'malformed',
  'expired',
  'answer',
]

/**
 * The HTTP side door for people and the AWS CLI's users: `/_local/faults`, `/_local/policy`, `/_local/journal`,
 * `/_local/scans/REPOSITORY` (or `*`), `/_local/alarms/NAME`, `/_local/tasks/FAMILY` (or `*`), `/_local/hosts`, `/_local/status`.
 * @returns false when the request is for AWS
 */
export function controlDoor(
  controls: Controls,
): (request: IncomingMessage, body: Buffer, response: ServerResponse) => boolean {
  const routes: Readonly<Record<string, (body: unknown) => unknown>> = {
    'GET /_local/journal': () => controls.journal(),
    'DELETE /_local/journal': () => controls.clearJournal(),
    'GET /_local/faults': () => controls.faults(),
    'POST /_local/faults': body => {
      for (const fault of Array.isArray(body) ? body : [body]) controls.addFault(checkedFault(fault))
    },
    'DELETE /_local/faults': () => controls.clearFaults(),
    'PUT /_local/policy': body => controls.setPolicy(checkedDocument(body)),
    'DELETE /_local/policy': () => controls.setPolicy(undefined),
    'GET /_local/status': () => controls.status(),
  }
  async function answer(
    method: string | undefined,
    path: string,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const route =
      routes[`${method} ${path}`] ?? namedRoute(controls, method, path) ?? hostRoute(controls.fleet, method, path)
    try {
      if (!route)
        throw new Error(
          `no such control: ${method} ${path}; there are ${[...Object.keys(routes), 'PUT /_local/scans/REPOSITORY', 'PUT /_local/alarms/NAME', 'PUT /_local/tasks/FAMILY', 'GET and POST /_local/hosts', 'GET, PUT and DELETE /_local/hosts/ID'].join(', ')}`,
        )
      const result = await route(body.length === 0 ? undefined : JSON.parse(body.toString('utf8')))
      sendJson(response, result === undefined ? 204 : 200, result)
    } catch (error) {
      sendJson(response, route ? 400 : 404, { message: error instanceof Error ? error.message : String(error) })
    }
  }
  return (request, body, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    if (!path.startsWith('/_local/')) return false
    answer(request.method, path, body, response)
    return true
  }
}

function namedRoute(
  controls: Controls,
  method: string | undefined,
  path: string,
): ((body: unknown) => unknown) | undefined {
  const [, kind, name] = /^\/_local\/(scans|alarms|tasks)\/(.+)$/.exec(path) ?? []
  if (method !== 'PUT' || name === undefined) return undefined
  if (kind === 'scans') return body => controls.scriptScan(decodeURIComponent(name), body)
  if (kind === 'tasks') return body => controls.scriptTasks(decodeURIComponent(name), body)
  return body => controls.setAlarm(decodeURIComponent(name), isRecord(body) ? body.state : undefined)
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(value === undefined ? undefined : `${JSON.stringify(value, null, 2)}\n`)
}

function checkedFault(value: unknown): Fault {
  if (!isFault(value)) throw new Error(`a fault has a kind, one of ${kinds.join(', ')}, and members as documented`)
  return value
}

function isFault(value: unknown): value is Fault {
  if (!isRecord(value) || typeof value.kind !== 'string' || !kinds.includes(value.kind)) return false
  const texts = ['service', 'operation', 'code', 'message']
  const numbers = ['status', 'delayMs', 'times', 'forMs', 'probability', 'perSecond', 'afterBytes']
  return Object.entries(value).every(([key, item]) => {
    if (key === 'kind' || key === 'body') return true
    if (texts.includes(key)) return typeof item === 'string'
    return numbers.includes(key) && typeof item === 'number'
  })
}

function checkedDocument(value: unknown): PolicyDocument {
  if (!isDocument(value)) throw new Error('a policy document has Statement: an object or a list of objects')
  return value
}

function isDocument(value: unknown): value is PolicyDocument {
  return (
    isRecord(value) &&
    (isRecord(value.Statement) || (Array.isArray(value.Statement) && value.Statement.every(isRecord)))
  )
}
