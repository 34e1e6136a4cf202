import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { digestOf } from '../src/registry/digest.ts'
import type { RegistryFault, RegistryRecord } from '../src/registry/hooks.ts'
import type { Need } from '../src/service.ts'
import { accountId, basic, errorOf, type Fixture, region, startFixture } from './registry-fixture.ts'

let fixture: Fixture
let records: RegistryRecord[] = []
let faults: Record<string, RegistryFault> = {}
let allowed: (need: Need) => boolean = () => true

beforeAll(async () => {
  fixture = await startFixture({
    hooks: {
      fault: operation => faults[operation],
      record: record => records.push(record),
      authorize: need => (allowed(need) ? undefined : `not authorized to perform: ${need.action}`),
    },
  })
  fixture.create('app')
  fixture.createPublic('site')
})

beforeEach(() => {
  records = []
  faults = {}
  allowed = () => true
})

afterAll(async () => {
  await fixture.close()
})

const past = new Date(Date.now() - 1000)
const repositoryArn = `arn:aws:ecr:${region}:${accountId}:repository/app`

describe('the private registry', () => {
  test('challenges as ECR does', async () => {
    const response = await fixture.send('GET', '/v2/', { authorization: undefined })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      `Basic realm="http://${fixture.registry.address}/",service="ecr.amazonaws.com"`,
    )
    expect(await response.text()).toBe('Not Authorized\n')
    expect((await fixture.send('GET', '/v2/')).status).toBe(200)
  })

  test('an expired token is told from a wrong one', async () => {
    const grant = { kind: 'private', registryId: accountId, region, expiresAt: past, ofEngine: false } as const
    const expired = basic(fixture.registry.tokens.issue(grant))
    expect(await errorOf(await fixture.send('GET', '/v2/', { authorization: expired }))).toEqual({
      status: 403,
      code: 'DENIED',
      message: 'Your authorization token has expired. Reauthenticate and try again.',
    })
    const forPublic = basic(fixture.registry.password('public', 'us-east-1').password)
    const other = Buffer.from(`someone:${fixture.registry.password('private', region).password}`).toString('base64')
    for (const authorization of [basic('guess'), basic(''), 'Basic', 'Bearer x', `Basic ${other}`, forPublic]) {
      const refused = await errorOf(await fixture.send('GET', '/v2/', { authorization }))
      expect(refused).toMatchObject({ status: 400, code: 'DENIED' })
    }
  })

  test('a token that was tampered with is wrong', async () => {
    const { password } = fixture.registry.password('private', region)
    const envelope: unknown = JSON.parse(Buffer.from(password, 'base64').toString('utf8'))
    const payload = Buffer.from(JSON.stringify(['private', accountId, 'us-west-2', Date.now() + 1e9, false, 'x']))
    const forged = JSON.stringify({ ...Object(envelope), payload: payload.toString('base64') })
    const authorization = basic(Buffer.from(forged).toString('base64'))
    expect((await fixture.send('GET', '/v2/', { authorization })).status).toBe(400)
  })

  test('each request needs its IAM action on the repository', async () => {
    const bytes = randomBytes(10)
    const digest = digestOf(bytes)
    const location = (await fixture.send('POST', '/v2/app/blobs/uploads/')).headers.get('location') ?? ''
    await fixture.send('PATCH', location, { body: bytes })
    await fixture.send('PUT', `${location}?digest=${digest}`)
    await fixture.send('HEAD', `/v2/app/blobs/${digest}`)
    await fixture.send('GET', `/v2/app/blobs/${digest}`, { redirect: 'manual' })
    await fixture.send('PUT', '/v2/app/manifests/x', { body: '{}' })
    await fixture.send('GET', '/v2/app/manifests/x')
    await fixture.send('GET', '/v2/app/tags/list')
    expect(records.map(({ operation, needs }) => [operation, ...needs.map(need => need.action)])).toEqual([
      ['POST upload', 'ecr:InitiateLayerUpload'],
      ['PATCH upload', 'ecr:UploadLayerPart'],
      ['PUT upload', 'ecr:CompleteLayerUpload'],
      ['HEAD blob', 'ecr:BatchCheckLayerAvailability'],
      ['GET blob', 'ecr:GetDownloadUrlForLayer'],
      ['PUT manifest', 'ecr:PutImage'],
      ['GET manifest', 'ecr:BatchGetImage'],
      ['GET tags', 'ecr:ListImages'],
    ])
    expect(new Set(records.flatMap(({ needs }) => needs.map(need => need.resource)))).toEqual(new Set([repositoryArn]))
  })

  test('what the policy does not allow is denied and changes nothing', async () => {
    allowed = need => need.action !== 'ecr:InitiateLayerUpload'
    expect(await errorOf(await fixture.send('POST', '/v2/app/blobs/uploads/'))).toEqual({
      status: 403,
      code: 'DENIED',
      message: 'not authorized to perform: ecr:InitiateLayerUpload',
    })
    const denied = { action: 'ecr:InitiateLayerUpload', resource: repositoryArn }
    expect(records).toMatchObject([{ status: 403, error: 'DENIED', denied }])
  })
})

describe('the public registry', () => {
  const path = (): string => `/v2/${fixture.registry.publicAlias}/site`

  test('lets everybody pull, with the token that its endpoint gives away', async () => {
    const challenge = await fixture.sendPublic('GET', '/v2/', { authorization: undefined })
    const header = challenge.headers.get('www-authenticate') ?? ''
    expect(header).toBe(
      `Bearer realm="http://${fixture.registry.publicAddress}/token/",service="public.ecr.aws",scope="aws"`,
    )
    const answer: unknown = await (await fixture.sendPublic('GET', '/token/', { authorization: undefined })).json()
    const authorization = `Bearer ${Object(answer).token}`
    expect((await fixture.sendPublic('GET', `${path()}/tags/list`, { authorization })).status).toBe(200)
    const push = await fixture.sendPublic('POST', `${path()}/blobs/uploads/`, { authorization })
    expect(await errorOf(push)).toEqual({ status: 403, code: 'DENIED', message: 'Not Authorized' })
  })

  test('takes pushes with a token of ecr-public, by its own IAM actions', async () => {
    const push = await fixture.sendPublic('POST', `${path()}/blobs/uploads/`)
    expect(push.status).toBe(202)
    const resource = `arn:aws:ecr-public::${accountId}:repository/site`
    expect(records).toMatchObject([{ needs: [{ action: 'ecr-public:InitiateLayerUpload', resource }] }])
  })

  test('its token endpoint refuses a wrong and an expired password, and Basic is no way in', async () => {
    const token = (authorization: string): Promise<Response> => fixture.sendPublic('GET', '/token/', { authorization })
    const grant = {
      kind: 'public',
      registryId: accountId,
      region: 'us-east-1',
      expiresAt: past,
      ofEngine: false,
    } as const
    expect((await token(basic(fixture.registry.tokens.issue(grant)))).status).toBe(403)
    expect((await token(basic(fixture.registry.password('private', region).password))).status).toBe(400)
    const good = basic(fixture.registry.password('public', 'us-east-1').password)
    expect((await token(good)).status).toBe(200)
    expect(await errorOf(await fixture.sendPublic('GET', '/v2/', { authorization: good }))).toMatchObject({
      message: 'Your Authorization Token is invalid.',
    })
  })

  test('says the alias where a private registry says the account', async () => {
    const missing = await fixture.sendPublic('GET', `/v2/${fixture.registry.publicAlias}/nothing/tags/list`)
    expect((await errorOf(missing)).message).toBe(
      `The repository with name 'nothing' does not exist in the registry with id '${fixture.registry.publicAlias}'`,
    )
    expect((await fixture.sendPublic('GET', '/v2/other/site/tags/list')).status).toBe(404)
  })
})

describe('faults', () => {
  test('throttle, error, expired and answer stand in for the operation', async () => {
    faults = { 'GET tags': { kind: 'throttle' } }
    const throttled = await fixture.send('GET', '/v2/app/tags/list')
    expect(throttled.headers.get('retry-after')).toBe('1')
    expect(await errorOf(throttled)).toEqual({ status: 429, code: 'TOOMANYREQUESTS', message: 'Rate exceeded' })
    faults = { 'GET tags': { kind: 'error', status: 503, code: 'UNAVAILABLE', message: 'later' } }
    expect(await errorOf(await fixture.send('GET', '/v2/app/tags/list'))).toEqual({
      status: 503,
      code: 'UNAVAILABLE',
      message: 'later',
    })
    faults = { 'GET tags': { kind: 'expired' } }
    expect((await fixture.send('GET', '/v2/app/tags/list')).status).toBe(403)
    faults = { 'GET tags': { kind: 'answer', body: { tags: ['made up'] } } }
    expect(await (await fixture.send('GET', '/v2/app/tags/list')).json()).toEqual({ tags: ['made up'] })
    faults = { 'GET tags': { kind: 'malformed' } }
    await expect((await fixture.send('GET', '/v2/app/tags/list')).json()).rejects.toThrow()
    expect(records.map(record => record.fault)).toEqual(['throttle', 'error', 'expired', 'answer', 'malformed'])
  })

  test('a lost answer: the connection breaks, the tag is there', async () => {
    await fixture.pushImage('app', 'seed', 'one')
    const seed = Buffer.from(await (await fixture.send('GET', '/v2/app/manifests/seed')).arrayBuffer())
    faults = { 'PUT manifest': { kind: 'lost-answer' } }
    await expect(fixture.send('PUT', '/v2/app/manifests/lost', { body: seed })).rejects.toThrow()
    faults = { 'PUT manifest': { kind: 'reset' } }
    await expect(fixture.send('PUT', '/v2/app/manifests/never', { body: seed })).rejects.toThrow()
    expect((await fixture.send('HEAD', '/v2/app/manifests/lost')).status).toBe(200)
    expect((await fixture.send('HEAD', '/v2/app/manifests/never')).status).toBe(404)
  })

  test('a reset in the middle keeps what passed: uploads and downloads can go on', async () => {
    const bytes = randomBytes(300_000)
    const location = (await fixture.send('POST', '/v2/app/blobs/uploads/')).headers.get('location') ?? ''
    faults = { 'PATCH upload': { kind: 'reset', afterBytes: 100_000 } }
    await expect(fixture.send('PATCH', location, { body: bytes })).rejects.toThrow()
    faults = {}
    expect((await fixture.send('GET', location)).headers.get('range')).toBe('0-99999')
    await fixture.send('PATCH', location, { body: bytes.subarray(100_000) })
    expect((await fixture.send('PUT', `${location}?digest=${digestOf(bytes)}`)).status).toBe(201)
    faults = { 'GET blob': { kind: 'reset', afterBytes: 1000 } }
    const cut = await fixture.send('GET', `/v2/app/blobs/${digestOf(bytes)}`)
    expect(cut.headers.get('content-length')).toBe('300000')
    await expect(cut.arrayBuffer()).rejects.toThrow()
  })

  test('a delay waits, then the operation runs', async () => {
    faults = { 'GET tags': { kind: 'delay', delayMs: 120 } }
    const start = performance.now()
    expect((await fixture.send('GET', '/v2/app/tags/list')).status).toBe(200)
    expect(performance.now() - start).toBeGreaterThanOrEqual(115)
  })
})

test('an upload in one request needs the rights for all its steps', async () => {
  const digest = digestOf(Buffer.from('at once'))
  await fixture.send('POST', `/v2/app/blobs/uploads/?digest=${digest}`, { body: 'at once' })
  const location = (await fixture.send('POST', '/v2/app/blobs/uploads/')).headers.get('location') ?? ''
  await fixture.send('PUT', `${location}?digest=${digest}`, { body: 'at once' })
  expect(records.map(({ needs }) => needs.map(need => need.action))).toEqual([
    ['ecr:InitiateLayerUpload', 'ecr:UploadLayerPart', 'ecr:CompleteLayerUpload'],
    ['ecr:InitiateLayerUpload'],
    ['ecr:CompleteLayerUpload', 'ecr:UploadLayerPart'],
  ])
})

test('what is not served is said to be unsupported', async () => {
  expect(await errorOf(await fixture.send('GET', '/v1/'))).toMatchObject({ status: 404, code: 'UNSUPPORTED' })
  expect((await fixture.send('POST', '/v2/app/manifests/x')).status).toBe(404)
  expect((await fixture.send('GET', '/v2/app/manifests/%E0%A4%A')).status).toBe(404)
})
