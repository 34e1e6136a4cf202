import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Access } from './access.ts'
import type { Cloud } from './cloud.ts'
import type { Fault } from './faults.ts'
import type { Outcome } from './journal.ts'
import { formToJson, queryAnswer, queryError } from './query.ts'
import { AwsError, type Need, type RequestContext, type Service } from './service.ts'
import {
  decode,
  encode,
  isRecord,
  type OperationShapes,
  operationShapes,
  type Violation,
  violationText,
} from './smithy.ts'

/** Answers a request that is none of AWS's (`/_local/…`); false when it is not its own. */
export type SideDoor = (request: IncomingMessage, body: Buffer, response: ServerResponse) => boolean

interface ServedApi {
  readonly service: Service
  readonly shapes: ReadonlyMap<string, () => OperationShapes>
}

/** A request as far as it is understood before the operation's own model comes in. */
interface Call {
  readonly api: ServedApi
  readonly operation: string
  readonly payload: (shapes: OperationShapes) => unknown
  readonly region: string
  readonly accessKeyId: string
  readonly requestId: string
}

type Reply =
  | { readonly kind: 'text'; readonly status: number; readonly body: string; readonly errorCode?: string }
  | { readonly kind: 'destroyed' }

const BODY_LIMIT = 16 * 1024 * 1024

/** One HTTP port, on loopback only, for all APIs of a cloud. It does not listen yet. */
export function apiServer(cloud: Cloud, services: readonly Service[], access: Access, sideDoor: SideDoor): Server {
  const apis = services.map(service => ({ service, shapes: operationShapes(service.model) }))
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      cloud.log(`request failed inside: ${error instanceof Error ? error.stack : String(error)}`)
      response.destroy()
    })
  })
  // clients keep connections open between polls; AWS's own load balancers close idle ones later than the SDK does
  server.keepAliveTimeout = 60_000
  return server

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (sideDoor(request, body, response)) return
    const requestId = randomUUID()
    const call = understood(request, body, requestId, apis)
    const reply = 'problem' in call ? call.problem : await perform(call)
    if (reply.kind === 'destroyed') {
      request.socket.destroy()
      return
    }
    const xml = reply.body.startsWith('<')
    response.writeHead(reply.status, {
      'content-type': xml ? 'text/xml' : 'application/x-amz-json-1.1',
      'x-amzn-requestid': requestId,
      'content-length': Buffer.byteLength(reply.body),
      ...(reply.errorCode === undefined || xml ? {} : { 'x-amzn-errortype': reply.errorCode }),
    })
    response.end(reply.body)
  }

  async function perform(call: Call): Promise<Reply> {
    const { service, shapes } = call.api
    const shapesOf = shapes.get(call.operation)
    const operation = service.operations[call.operation]
    if (!shapesOf || !operation) {
      cloud.journal.open(
        service.name,
        call.operation,
        {},
      )({ status: 400, error: 'UnknownOperationException', region: call.region })
      return failure(
        call,
        new AwsError('UnknownOperationException', `local-aws does not serve ${service.name}:${call.operation}`),
      )
    }
    const model = shapesOf()
    const payload = call.payload(model)
    const finish = cloud.journal.open(service.name, call.operation, payload, model.sensitive)
    const caller = access.callerOf(call.accessKeyId)
    finish({ region: call.region, ...(caller === access.caller ? {} : { caller }) })
    const fault = cloud.faults.next(service.name, call.operation)
    if (fault) finish({ fault: fault.kind })
    const faulty = fault && (await replyInstead(fault, call, payload))
    if (faulty) {
      finish(outcomeOf(faulty))
      return faulty
    }
    const reply = await run(call, model, payload, finish)
    if (fault?.kind === 'lost-answer') return { kind: 'destroyed' }
    if (fault?.kind === 'malformed' && reply.kind === 'text')
      return { ...reply, body: reply.body.slice(0, reply.body.length / 2) }
    return reply
  }

  async function run(
    call: Call,
    model: OperationShapes,
    payload: unknown,
    finish: (outcome: Outcome) => void,
  ): Promise<Reply> {
    const context = contextOf(call)
    try {
      const violations: Violation[] = []
      const input = decode(model.input, payload, violations)
      const { service } = call.api
      if (violations.length > 0) {
        throw new AwsError(service.validationError ?? 'InvalidParameterException', violationText(violations))
      }
      const operation = service.operations[call.operation]
      // a decoded input has the type that the operation declares: the model is the SDK's own
      const needs: Need[] = operation ? Reflect.apply(operation.needs, operation, [input, context]) : []
      finish({ needs })
      access.check(needs, context.caller, denied => finish({ denied }))
      const output: unknown = operation ? await Reflect.apply(operation.run, operation, [input, context]) : undefined
      // the query protocol writes timestamps as text
      const encoded =
        service.protocol.kind === 'query'
          ? encode(model.output, output ?? {}, violations, '', date => date.toISOString())
          : encode(model.output, output ?? {}, violations)
      if (violations.length > 0) {
        finish({ status: 500, error: 'InternalFailure', modelError: violationText(violations) })
        return failure(
          call,
          new AwsError('InternalFailure', `local-aws broke AWS's model: ${violationText(violations)}`, 500),
        )
      }
      finish({ status: 200 })
      return success(call, encoded)
    } catch (error) {
      if (!(error instanceof AwsError)) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
        cloud.log(`${call.api.service.name}:${call.operation} failed inside: ${text}`)
        finish({ status: 500, error: 'InternalFailure', modelError: text })
        return failure(call, new AwsError('InternalFailure', text, 500))
      }
      finish({ status: error.status, error: error.name, message: error.message })
      return failure(call, error)
    }
  }

  function contextOf(call: Call): RequestContext {
    return { cloud, region: call.region, accountId: cloud.accountId, caller: access.callerOf(call.accessKeyId) }
  }
}

/** The reply of a fault that lets nothing run; undefined when the operation runs after all. */
async function replyInstead(fault: Fault, call: Call, payload: unknown): Promise<Reply | undefined> {
  // the query protocol has names of its own for the common errors
  const query = call.api.service.protocol.kind === 'query'
  switch (fault.kind) {
    case 'throttle':
      return failure(
        call,
        new AwsError(
          query ? 'Throttling' : 'ThrottlingException',
          fault.message ?? 'Rate exceeded',
          fault.status ?? 400,
        ),
      )
    case 'error': {
      const status = fault.status ?? 500
      return failure(
        call,
        new AwsError(
          fault.code ?? 'InternalFailure',
          fault.message ?? 'Service Unavailable. Please try again later.',
          status,
        ),
      )
    }
    case 'expired': {
      const text = 'The security token included in the request is expired'
      return failure(
        call,
        query ? new AwsError('ExpiredToken', text, 403) : new AwsError('ExpiredTokenException', text),
      )
    }
    case 'reset':
      return { kind: 'destroyed' }
    case 'answer':
      return success(call, typeof fault.body === 'function' ? fault.body(payload) : (fault.body ?? {}))
    case 'delay':
      await new Promise(resolve => setTimeout(resolve, fault.delayMs ?? 1_000).unref())
      return undefined
    default:
      return undefined
  }
}

function outcomeOf(reply: Reply): Outcome {
  if (reply.kind === 'destroyed') return { status: 0 }
  return { status: reply.status, ...(reply.errorCode === undefined ? {} : { error: reply.errorCode }) }
}

function success(call: Call, encoded: unknown): Reply {
  const { protocol } = call.api.service
  const body =
    protocol.kind === 'query'
      ? queryAnswer(call.operation, protocol.version, encoded, call.requestId)
      : JSON.stringify(encoded)
  return { kind: 'text', status: 200, body }
}

function failure(call: Call, error: AwsError): Reply {
  const { protocol } = call.api.service
  const body =
    protocol.kind === 'query'
      ? queryError(error.name, error.message, error.status, protocol.version, call.requestId)
      : JSON.stringify({ __type: error.name, message: error.message, ...error.fields })
  return { kind: 'text', status: error.status, body, errorCode: error.name }
}

function understood(
  request: IncomingMessage,
  body: Buffer,
  requestId: string,
  apis: readonly ServedApi[],
): Call | { readonly problem: Reply } {
  const refuse = (code: string, message: string, status: number): { readonly problem: Reply } => ({
    problem: { kind: 'text', status, errorCode: code, body: JSON.stringify({ __type: code, message }) },
  })
  const credential = /Credential=([^/,\s]+)\/\d{8}\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request/.exec(
    request.headers.authorization ?? '',
  )
  if (!credential) return refuse('MissingAuthenticationTokenException', 'Missing Authentication Token', 403)
  const [, accessKeyId = '', region = 'us-east-1'] = credential

  const target = request.headers['x-amz-target']
  if (typeof target === 'string') {
    const [prefix, operation] = target.split('.')
    const api = apis.find(({ service }) => service.protocol.kind !== 'query' && service.protocol.target === prefix)
    if (!api || !operation) return refuse('UnknownOperationException', `local-aws does not serve ${target}`, 404)
    const payload = parsedJson(body)
    if (payload === undefined) return refuse('SerializationException', 'The request body is not JSON', 400)
    return { api, operation, payload: () => payload, region, accessKeyId, requestId }
  }
  const form = new Map(new URLSearchParams(body.toString('utf8')))
  const api = apis.find(
    ({ service }) =>
      service.protocol.kind === 'query' &&
      service.protocol.version === form.get('Version') &&
      service.operations[form.get('Action') ?? ''] !== undefined,
  )
  if (!api) {
    const message = `local-aws serves no such request: ${request.method} ${request.url} ${form.get('Action') ?? ''}`
    const version = form.get('Version')
    if (version === undefined) return refuse('UnknownOperationException', message, 404)
    // a client of the query protocol expects XML, whatever it asked for
    const problem = queryError('InvalidAction', message, 400, version, requestId)
    return { problem: { kind: 'text', status: 400, body: problem, errorCode: 'InvalidAction' } }
  }
  return {
    api,
    operation: form.get('Action') ?? '',
    payload: shapes => formToJson(shapes.input, form),
    region,
    accessKeyId,
    requestId,
  }
}

function parsedJson(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.length === 0 ? '{}' : body.toString('utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > BODY_LIMIT) throw new Error(`request body over ${BODY_LIMIT} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
