import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { byteRange } from '../src/registry/blob-routes.ts'
import { digestOf } from '../src/registry/digest.ts'
import { accountId, basic, errorOf, type Fixture, region, startFixture } from './registry-fixture.ts'

let fixture: Fixture

beforeAll(async () => {
  fixture = await startFixture()
  fixture.create('app')
  fixture.create('team/other')
})

afterAll(async () => {
  await fixture.close()
})

async function begin(name = 'app'): Promise<string> {
  const response = await fixture.send('POST', `/v2/${name}/blobs/uploads/`)
  expect(response.status).toBe(202)
  expect(response.headers.get('range')).toBe('0-0')
  return response.headers.get('location') ?? ''
}

async function chunk(location: string, bytes: Buffer, start: number): Promise<Response> {
  const headers = {
    'content-range': `${start}-${start + bytes.length - 1}`,
    'content-type': 'application/octet-stream',
  }
  return await fixture.send('PATCH', location, { body: bytes, headers })
}

describe('uploads', () => {
  test('in one piece: POST, then PUT with the bytes', async () => {
    const bytes = randomBytes(300_000)
    const location = await begin()
    const put = await fixture.send('PUT', `${location}?digest=${digestOf(bytes)}`, { body: bytes })
    expect(put.status).toBe(201)
    expect(put.headers.get('docker-content-digest')).toBe(digestOf(bytes))
    const got = await fixture.send('GET', put.headers.get('location') ?? '')
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
  })

  test('in chunks: each answers how far it is, and one in the wrong place is refused without harm', async () => {
    const bytes = randomBytes(50_000)
    const location = await begin()
    const first = await chunk(location, bytes.subarray(0, 20_000), 0)
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-19999'])
    const gap = await chunk(location, bytes.subarray(30_000), 30_000)
    expect([gap.status, gap.headers.get('range')]).toEqual([416, '0-19999'])
    const status = await fixture.send('GET', location)
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-19999'])
    const second = await chunk(location, bytes.subarray(20_000, 49_000), 20_000)
    expect(second.headers.get('range')).toBe('0-48999')
    const put = await fixture.send('PUT', `${location}?digest=${digestOf(bytes)}`, {
      body: bytes.subarray(49_000),
      headers: { 'content-range': '49000-49999' },
    })
    expect(put.status).toBe(201)
    const head = await fixture.send('HEAD', `/v2/app/blobs/${digestOf(bytes)}`)
    expect(head.headers.get('content-length')).toBe('50000')
  })

  test('a connection that breaks off keeps what arrived; the upload goes on from there', async () => {
    const bytes = randomBytes(400_000)
    const location = await begin()
    const authorization = basic(fixture.registry.password('private', region).password)
    await new Promise<void>(resolve => {
      const broken = request(location, { method: 'PATCH', headers: { authorization, 'content-length': bytes.length } })
      broken.on('error', () => resolve())
      broken.write(bytes.subarray(0, 150_000), () => setTimeout(() => broken.destroy(new Error('cut')), 50))
    })
    const status = await fixture.send('GET', location)
    expect(status.headers.get('range')).toBe('0-149999')
    expect((await chunk(location, bytes.subarray(150_000), 150_000)).status).toBe(202)
    expect((await fixture.send('PUT', `${location}?digest=${digestOf(bytes)}`)).status).toBe(201)
  })

  test('a wrong digest is refused and nothing is kept', async () => {
    const bytes = randomBytes(1000)
    const wrong = digestOf(Buffer.from('something else'))
    const location = await begin()
    const put = await fixture.send('PUT', `${location}?digest=${wrong}`, { body: bytes })
    expect(await errorOf(put)).toMatchObject({ status: 400, code: 'DIGEST_INVALID' })
    expect((await fixture.send('HEAD', `/v2/app/blobs/${wrong}`)).status).toBe(404)
    expect((await fixture.send('HEAD', `/v2/app/blobs/${digestOf(bytes)}`)).status).toBe(404)
    expect(await errorOf(await fixture.send('GET', location))).toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' })
  })

  test('DELETE cancels; the upload of another repository is unknown', async () => {
    const location = await begin()
    const elsewhere = location.replace('/v2/app/', '/v2/team/other/')
    expect((await fixture.send('GET', elsewhere)).status).toBe(404)
    expect((await fixture.send('DELETE', location)).status).toBe(204)
    expect((await fixture.send('GET', location)).status).toBe(404)
  })

  test('into a repository that does not exist: the text of AWS', async () => {
    expect(await errorOf(await fixture.send('POST', '/v2/missing/blobs/uploads/'))).toEqual({
      status: 404,
      code: 'NAME_UNKNOWN',
      message: `The repository with name 'missing' does not exist in the registry with id '${accountId}'`,
    })
  })
})

describe('mounting', () => {
  const mount = (digest: string): Promise<Response> =>
    fixture.send('POST', `/v2/team/other/blobs/uploads/?mount=${digest}&from=app`)

  test('only where the account has turned it on, as on AWS; before, an upload begins', async () => {
    const digest = await fixture.pushBlob('app', randomBytes(100))
    expect((await mount(digest)).status).toBe(202)
    const scope = { kind: 'private', registryId: accountId, region } as const
    fixture.registry.settings.putAccountSetting(scope, 'BLOB_MOUNTING', 'ENABLED')
    expect((await fixture.send('HEAD', `/v2/team/other/blobs/${digest}`)).status).toBe(404)
    expect((await mount(digest)).status).toBe(201)
    expect((await fixture.send('HEAD', `/v2/team/other/blobs/${digest}`)).status).toBe(200)
    expect((await mount(digestOf(Buffer.from('unknown')))).status).toBe(202)
  })
})

describe('downloads', () => {
  test('GET leads to an address without authentication, as ECR leads to S3', async () => {
    const bytes = randomBytes(5000)
    const digest = await fixture.pushBlob('app', bytes)
    const redirect = await fixture.send('GET', `/v2/app/blobs/${digest}`, { redirect: 'manual' })
    expect(redirect.status).toBe(307)
    const link = redirect.headers.get('location') ?? ''
    const got = await fixture.send('GET', link, { authorization: undefined })
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true)
    const forged = link.replace(/signature=(.)/, (_all, digit) => `signature=${digit === '0' ? '1' : '0'}`)
    expect((await fixture.send('GET', forged, { authorization: undefined })).status).toBe(403)
    const other = link.replace(digest, digestOf(Buffer.from('other')))
    expect((await fixture.send('GET', other, { authorization: undefined })).status).toBe(403)
  })

  test('a range of the bytes', async () => {
    const bytes = randomBytes(5000)
    const digest = await fixture.pushBlob('app', bytes)
    const part = await fixture.send('GET', `/v2/app/blobs/${digest}`, { headers: { range: 'bytes=4990-' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 4990-4999/5000'])
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(4990))).toBe(true)
    const beyond = await fixture.send('GET', `/v2/app/blobs/${digest}`, { headers: { range: 'bytes=5000-' } })
    expect(beyond.status).toBe(416)
  })

  test.each([
    ['bytes=0-9', 100, { start: 0, end: 9 }],
    ['bytes=90-', 100, { start: 90, end: 99 }],
    ['bytes=90-200', 100, { start: 90, end: 99 }],
    ['bytes=-10', 100, { start: 90, end: 99 }],
    ['bytes=-200', 100, { start: 0, end: 99 }],
    ['bytes=100-', 100, 'unsatisfiable'],
    ['bytes=-0', 100, 'unsatisfiable'],
    ['bytes=5-4', 100, 'unsatisfiable'],
    ['bytes=0-1,3-4', 100, undefined],
    ['lines=0-1', 100, undefined],
    ['bytes=-', 100, undefined],
    [undefined, 100, undefined],
  ])('%s of %d bytes', (header, size, expected) => {
    expect(byteRange(header, size)).toEqual(expected)
  })

  test('a blob of another repository is not readable through this one', async () => {
    const digest = await fixture.pushBlob('app', randomBytes(77))
    expect((await fixture.send('HEAD', `/v2/team/other/blobs/${digest}`)).status).toBe(404)
    expect((await fixture.send('GET', `/v2/team/other/blobs/${digest}`)).status).toBe(404)
  })
})

test('memory stays flat while a large layer goes in and out', async () => {
  const size = 200 * 1024 * 1024
  const piece = randomBytes(1024 * 1024)
  const location = await begin()
  const before = process.memoryUsage().rss
  let peak = before
  const authorization = basic(fixture.registry.password('private', region).password)
  const status = await new Promise<number>((resolve, reject) => {
    const patch = request(location, { method: 'PATCH', headers: { authorization } }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    patch.on('error', reject)
    let sent = 0
    const more = (): void => {
      peak = Math.max(peak, process.memoryUsage().rss)
      if (sent === size) patch.end()
      else {
        sent += piece.length
        patch.write(piece, more)
      }
    }
    more()
  })
  expect(status).toBe(202)
  expect(peak - before).toBeLessThan(size / 2)
  expect((await fixture.send('DELETE', location)).status).toBe(204)
})

test('close leaves no file behind', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'registry-close-'))
  const own = await startFixture({ directory })
  own.create('app')
  await own.pushBlob('app', randomBytes(10))
  await own.send('POST', '/v2/app/blobs/uploads/')
  expect((await readdir(directory, { recursive: true })).length).toBeGreaterThan(3)
  await own.registry.close()
  expect(await readdir(directory)).toEqual([])
  await expect(fetch(`http://${own.registry.address}/v2/`)).rejects.toThrow()
  await own.close()
  await rm(directory, { recursive: true })
})
