import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, createLog } from '@aws-deploy-actions/action-runtime'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type ContainerStream, followLogs } from '../src/index.ts'

/** How CloudWatch answers GetLogEvents for a stream, one page after another; at the end the token repeats. */
type Page = { readonly status?: number; readonly body: object }
const streams = new Map<string, readonly Page[]>()
const asked = new Map<string, number>()

const lines = (token: string, ...messages: string[]): Page => ({
  body: { events: messages.map(message => ({ message, timestamp: 1, ingestionTime: 1 })), nextForwardToken: token },
})
const refused = (status: number, type: string, message = ''): Page => ({ status, body: { __type: type, message } })

let server: Server
const kept = { ...process.env }
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const { logStreamName = '', nextToken } = JSON.parse(Buffer.concat(parts).toString())
    asked.set(logStreamName, (asked.get(logStreamName) ?? 0) + 1)
    const pages = streams.get(logStreamName) ?? []
    // Without a token from the head, else the page after it; a refusal counts once while there is something behind it.
    const at =
      nextToken === undefined
        ? 0
        : pages.findIndex(({ body }) => Reflect.get(body, 'nextForwardToken') === nextToken) + 1
    const page = pages[at]
    if (page?.status !== undefined && at + 1 < pages.length) streams.set(logStreamName, pages.toSpliced(at, 1))
    const { status = 200, body } = page ?? lines(nextToken ?? '')
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
  })
})
afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in kept)) delete process.env[name]
  Object.assign(process.env, kept)
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  streams.clear()
  asked.clear()
})

/** A clock that runs twenty times as fast. */
const began = Date.now()
const fast: Clock = {
  now: () => began + (Date.now() - began) * 20,
  sleep: (ms, signal) => pause(ms / 20, undefined, signal === undefined ? {} : { signal }),
}

const source = (container: string): ContainerStream => ({
  container,
  group: '/ecs/app',
  stream: `ecs/${container}/f00`,
  region: 'eu-west-1',
})

function following(...containers: string[]) {
  const said: string[] = []
  const log = createLog(text => said.push(text))
  return {
    said,
    follower: followLogs(containers.map(source), { clock: fast, log }),
    /** waits until a text was printed: how long that takes is the machine's business */
    seen: async (text: string) => {
      while (!said.join('').includes(text)) await pause(5)
    },
  }
}

const EVERY = new Set(['app', 'side', 'late', 'never', 'nor-this', 'denied'])

test('every line once and in order, across empty pages, whose tokens move on', async () => {
  const empty = Array.from({ length: 25 }, (_, at) => lines(`e${at}`))
  streams.set('ecs/app/f00', [lines('t1', 'one', 'two'), ...empty, lines('t2', 'three')])
  streams.set('ecs/side/f00', [lines('s1', 'aside')])
  const { said, follower } = following('app', 'side')
  const { lines: counts, unfinished } = await follower.drain(200_000, EVERY)
  const shown = said.join('')
  expect(shown.split('\n').filter(line => line.startsWith('app'))).toEqual(['app | one', 'app | two', 'app | three'])
  expect(shown.split('\n').filter(line => line.startsWith('side'))).toEqual(['side | aside'])
  expect([[...counts].sort(), unfinished]).toEqual([
    [
      ['app', 3],
      ['side', 1],
    ],
    [],
  ])
  expect(follower.lastLines('app')).toEqual(['one', 'two', 'three'])
  expect(follower.lastLines('none')).toEqual([])
})

test('a stream that appears late is read; one that never does is one notice', async () => {
  const missing = refused(400, 'ResourceNotFoundException', 'The specified log stream does not exist.')
  streams.set('ecs/late/f00', [missing, missing, lines('t', ...Array.from({ length: 30 }, (_, at) => `line ${at}`))])
  streams.set('ecs/never/f00', [missing])
  streams.set('ecs/nor-this/f00', [missing])
  const { said, follower, seen } = following('late', 'never', 'nor-this')
  await seen('line 29')
  await follower.drain(200_000, EVERY)
  expect(follower.lastLines('late')).toEqual(Array.from({ length: 20 }, (_, at) => `line ${at + 10}`))
  expect(said.filter(line => line.startsWith('::notice'))).toHaveLength(1)
  expect(said.join('')).toMatch(/The log stream ecs\/(?:never|nor-this)\/f00 of \/ecs\/app never appeared\./)
})

test('a stream that cannot be seen for a moment is read on from where it was', async () => {
  const gone = refused(400, 'ResourceNotFoundException')
  streams.set('ecs/app/f00', [
    lines('t1', 'one'),
    gone,
    lines('t2', 'two'),
    refused(500, 'InternalFailure'),
    lines('t3', 'three'),
  ])
  const { said, follower, seen } = following('app')
  await seen('three')
  await follower.drain(200_000, EVERY)
  expect(said.filter(line => line.startsWith('app'))).toEqual(['app | one\n', 'app | two\n', 'app | three\n'])
})

test('throttling is ridden out; denied logs are a notice and fail nothing', async () => {
  const slow = refused(400, 'ThrottlingException', 'Rate exceeded')
  streams.set('ecs/app/f00', [slow, slow, slow, lines('t', 'one')])
  const message = 'User: u is not authorized to perform: logs:GetLogEvents on resource: arn:aws:logs:x because no'
  streams.set('ecs/denied/f00', [refused(400, 'AccessDeniedException', message)])
  const { said, follower, seen } = following('app', 'denied')
  await Promise.all([seen('app | one'), seen('::notice')])
  const { unfinished } = await follower.drain(200_000, EVERY)
  expect(unfinished).toEqual([])
  expect(follower.lastLines('app')).toEqual(['one'])
  expect(said.filter(line => line.startsWith('::notice'))).toEqual([
    '::notice title=Logs are incomplete::The logs of denied cannot be read: the role lacks logs:GetLogEvents on /ecs/app.\n',
  ])
})

test('after the last batch no long quiet is needed, after lines of before the end it is', async () => {
  const at = (ingestionTime: number): Page => ({
    body: { events: [{ message: 'the end', timestamp: 1, ingestionTime }], nextForwardToken: 't' },
  })
  streams.set('ecs/app/f00', [at(1001)])
  streams.set('ecs/side/f00', [at(999)])
  const last = following('app')
  const earlier = following('side')
  await Promise.all([last.seen('the end'), earlier.seen('the end')])
  const order: string[] = []
  const drained = async ({ follower }: typeof last, name: string): Promise<void> => {
    await follower.drain(200_000, EVERY, 1000)
    order.push(name)
  }
  await Promise.all([drained(earlier, 'earlier'), drained(last, 'last')])
  expect(order).toEqual(['last', 'earlier'])
})

test('what does not end in time is named; a stop ends it at once', async () => {
  streams.set(
    'ecs/app/f00',
    Array.from({ length: 1000 }, (_, at) => lines(`t${at}`, `line ${at}`)),
  )
  const { follower, said, seen } = following('app')
  await seen('line 1\n')
  const start = fast.now()
  const { unfinished } = await follower.drain(3000, EVERY)
  expect(unfinished).toEqual([source('app')])
  expect(fast.now() - start).toBeLessThan(60_000)
  expect(said.join('').split('\n').slice(0, 2)).toEqual(['app | line 0', 'app | line 1'])

  const stopped = following('app')
  await stopped.follower.stop()
  const calls = asked.get('ecs/app/f00') ?? 0
  await pause(50)
  // One request may have been on its way.
  expect(asked.get('ecs/app/f00') ?? 0).toBeLessThanOrEqual(calls + 1)
})
