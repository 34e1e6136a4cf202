import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import {
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeregisterTargetsCommand,
  DescribeRulesCommand,
  DescribeTargetHealthCommand,
  ModifyTargetGroupCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 100 })
})
afterAll(async () => {
  await cloud.stop()
})

interface Backend {
  readonly port: number
  /** paths that were asked, health checks left out */
  readonly asked: string[]
  close(): Promise<void>
}

/** A server of this test as a target. */
async function backend(
  answer: (path: string) => { readonly status: number; readonly afterMs?: number },
): Promise<Backend> {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path !== '/health') asked.push(path)
    const { status, afterMs = 0 } = answer(path)
    if (status === 0) request.socket.destroy()
    else setTimeout(() => response.writeHead(status).end(`from ${path}`), afterMs).unref()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    asked,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

let groups = 0
/** A target group of its own behind `/gN/*`. */
async function group(targets: readonly number[], more = {}) {
  groups += 1
  const prefix = `/g${groups}`
  const TargetGroupArn = await cloud.targetGroup(`g${groups}`, more)
  await cloud.elb.send(
    new CreateRuleCommand({
      ListenerArn: cloud.listenerArn,
      Priority: 100 + groups,
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`${prefix}/*`] } }],
      Actions: [{ Type: 'forward', TargetGroupArn }],
    }),
  )
  const Targets = targets.map(Port => ({ Id: '127.0.0.1', Port }))
  if (Targets.length > 0) await cloud.elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets }))
  return { TargetGroupArn, Targets, url: `${cloud.url}${prefix}` }
}
async function health(TargetGroupArn: string, Targets?: { Id: string; Port: number }[]) {
  const command = new DescribeTargetHealthCommand({ TargetGroupArn, ...(Targets ? { Targets } : {}) })
  return ((await cloud.elb.send(command)).TargetHealthDescriptions ?? []).map(({ TargetHealth }) => TargetHealth)
}
async function healthUntil(arn: string, state: string) {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    const [first] = await health(arn)
    if (first?.State === state) return first
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`never ${state}: ${JSON.stringify(await health(arn))}`)
}
/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const { port, close } = await backend(() => ({ status: 200 }))
  await close()
  return port
}

describe('target health', () => {
  test('initial, healthy, draining, gone', async () => {
    const { port, close } = await backend(() => ({ status: 200 }))
    const { TargetGroupArn, Targets } = await group([port])
    expect(await health(TargetGroupArn)).toEqual([
      {
        State: 'initial',
        Reason: 'Elb.RegistrationInProgress',
        Description: 'Target registration is in progress',
      },
    ])
    expect(await healthUntil(TargetGroupArn, 'healthy')).toEqual({ State: 'healthy' })
    await cloud.elb.send(new DeregisterTargetsCommand({ TargetGroupArn, Targets }))
    expect(await health(TargetGroupArn)).toEqual([
      {
        State: 'draining',
        Reason: 'Target.DeregistrationInProgress',
        Description: 'Target deregistration is in progress',
      },
    ])
    while ((await health(TargetGroupArn)).length > 0) await new Promise(resolve => setTimeout(resolve, 5))
    expect(await health(TargetGroupArn, Targets)).toEqual([
      {
        State: 'unused',
        Reason: 'Target.NotRegistered',
        Description: 'Target is not registered to the target group',
      },
    ])
    await close()
  })

  test('a wrong code, none in time, nobody there', async () => {
    const wrong = await backend(() => ({ status: 404 }))
    const slow = await backend(() => ({ status: 200, afterMs: 60_000 }))
    const [one, two, three] = [await group([wrong.port]), await group([slow.port]), await group([await deadPort()])]
    expect(await healthUntil(one.TargetGroupArn, 'unhealthy')).toEqual({
      State: 'unhealthy',
      Reason: 'Target.ResponseCodeMismatch',
      Description: 'Health checks failed with these codes: [404]',
    })
    expect(await healthUntil(two.TargetGroupArn, 'unhealthy')).toEqual({
      State: 'unhealthy',
      Reason: 'Target.Timeout',
      Description: 'Request timed out',
    })
    expect(await healthUntil(three.TargetGroupArn, 'unhealthy')).toEqual({
      State: 'unhealthy',
      Reason: 'Target.FailedHealthChecks',
      Description: 'Health checks failed',
    })
    // the matcher decides which codes are good
    await cloud.elb.send(
      new ModifyTargetGroupCommand({ TargetGroupArn: one.TargetGroupArn, Matcher: { HttpCode: '200-299,404' } }),
    )
    await healthUntil(one.TargetGroupArn, 'healthy')
    await Promise.all([wrong.close(), slow.close()])
  })

  test('a target group behind no listener', async () => {
    const TargetGroupArn = await cloud.targetGroup('nowhere')
    await cloud.elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id: '127.0.0.1', Port: 9 }] }))
    expect((await health(TargetGroupArn))[0]).toMatchObject({ State: 'unused', Reason: 'Target.NotInUse' })
  })
})

describe('the listener', () => {
  test('no target: 503; the rules are tried in order', async () => {
    const { url } = await group([])
    expect((await fetch(`${url}/x`)).status).toBe(503)
    const { Rules } = await cloud.elb.send(new DescribeRulesCommand({ ListenerArn: cloud.listenerArn }))
    expect(Rules?.[0]?.Priority).toBe('10')
    expect(Rules?.at(-1)).toMatchObject({ Priority: 'default', IsDefault: true })
  })

  test('balances over healthy targets', async () => {
    const backends = [await backend(() => ({ status: 200 })), await backend(() => ({ status: 200 }))]
    const sick = await backend(path => ({ status: path === '/health' ? 500 : 200 }))
    const { url, TargetGroupArn } = await group([...backends, sick].map(({ port }) => port))
    for (;;) {
      const states = (await health(TargetGroupArn)).map(one => one?.State)
      if (states.join() === 'healthy,healthy,unhealthy') break
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    for (let n = 0; n < 20; n += 1) expect((await fetch(`${url}/${n}`)).status).toBe(200)
    expect(backends.map(({ asked }) => asked.length)).toEqual([10, 10])
    expect(sick.asked).toEqual([])
    await Promise.all([...backends, sick].map(({ close }) => close()))
  })

  test('never tries again: a target that breaks the connection is a 502, asked once', async () => {
    const broken = await backend(path => ({ status: path === '/health' ? 200 : 0 }))
    const { url, TargetGroupArn } = await group([broken.port])
    await healthUntil(TargetGroupArn, 'healthy')
    expect((await fetch(`${url}/x`)).status).toBe(502)
    expect(broken.asked).toHaveLength(1)
    await broken.close()
  })

  test('what is under way when a target is deregistered is finished', async () => {
    const slow = await backend(path => ({ status: 200, afterMs: path === '/health' ? 0 : 600 }))
    const { url, TargetGroupArn, Targets } = await group([slow.port])
    await healthUntil(TargetGroupArn, 'healthy')
    const under = fetch(`${url}/x`)
    while (slow.asked.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    await cloud.elb.send(new DeregisterTargetsCommand({ TargetGroupArn, Targets }))
    expect((await fetch(`${url}/y`)).status).toBe(503)
    expect((await under).status).toBe(200)
    expect(slow.asked).toHaveLength(1)
    await slow.close()
  })

  test('passes bodies, queries and headers on', async () => {
    const seen: string[] = []
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      const { 'x-forwarded-for': from, 'x-forwarded-proto': protocol, host } = request.headers
      if (request.url !== '/health')
        seen.push(`${request.method} ${request.url} ${body} ${String(from)} ${String(protocol)} ${host}`)
      response.writeHead(201, { 'x-one': '1' }).end(body)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { url, TargetGroupArn } = await group([port], { Matcher: { HttpCode: '201' } })
    await healthUntil(TargetGroupArn, 'healthy')
    const response = await fetch(`${url}/a?b=c`, { method: 'POST', body: 'hello' })
    expect([response.status, response.headers.get('x-one'), await response.text()]).toEqual([201, '1', 'hello'])
    const { pathname, host } = new URL(`${url}/a`)
    expect(seen).toEqual([`POST ${pathname}?b=c hello 127.0.0.1 http ${host}`])
    server.closeAllConnections()
    server.close()
  })

  test('a client that goes away takes its request with it', async () => {
    let gone: () => void = () => undefined
    const closed = new Promise<void>(resolve => {
      gone = resolve
    })
    const server = createServer((request, response) => {
      if (request.url === '/health') response.end()
      else request.socket.once('close', gone)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { url, TargetGroupArn } = await group([port])
    await healthUntil(TargetGroupArn, 'healthy')
    const { pathname, port: listenerPort } = new URL(url)
    const socket = connect(Number(listenerPort), '127.0.0.1', () => {
      socket.write(`GET ${pathname}/x HTTP/1.1\r\nHost: x\r\n\r\n`)
      setTimeout(() => socket.destroy(), 100)
    })
    await closed
    server.closeAllConnections()
    server.close()
  })
})

test('names are taken once, and what does not exist is said in ELB’s words', async () => {
  const again = new CreateTargetGroupCommand({ Name: 'web', Protocol: 'HTTP', Port: 80, VpcId: 'vpc-0a1b2c3d' })
  await expect(cloud.elb.send(again)).rejects.toMatchObject({ name: 'DuplicateTargetGroupNameException' })
  const none = new DescribeTargetHealthCommand({ TargetGroupArn: 'arn:none' })
  await expect(cloud.elb.send(none)).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' })
})
