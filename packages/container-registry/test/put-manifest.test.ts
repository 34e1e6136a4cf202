import { createServer } from 'node:http'
import { RegistryConnection, Repository } from '@aws-deploy-actions/container-registry'
import { afterEach, expect, test } from '@jest/globals'
import { ociImage } from '../../../test/support/sample-archives.ts'
import { parseManifest } from '../src/content.ts'
import { hastyClock, logInto } from './registry-cloud.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A registry that takes manifests without telling their digest, and shows them from the n-th look on. */
async function tacitRegistry(digest: string, shownAt: number): Promise<Repository> {
  let looks = 0
  const server = createServer((request, response) => {
    request.resume()
    if (request.method === 'PUT') response.statusCode = 201
    else if (++looks < shownAt) response.statusCode = 404
    else response.setHeader('docker-content-digest', digest)
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const connection = new RegistryConnection(`127.0.0.1:${address.port}`, undefined, {
    clock: hastyClock,
    log: logInto([]),
    signal: new AbortController().signal,
    hide: () => undefined,
  })
  stops.push(() => {
    connection.close()
    server.close()
  })
  return new Repository(connection, 'app', 'ecr')
}

const manifest = parseManifest(Buffer.from(ociImage(['one']).manifest))

test('a manifest that the registry shows only after a while is waited for', async () => {
  const repository = await tacitRegistry(manifest.digest, 3)
  expect(await repository.putManifest('v1', manifest)).toBe(manifest.digest)
})

test('a manifest that the registry took and never shows is a failure', async () => {
  const repository = await tacitRegistry(manifest.digest, Number.POSITIVE_INFINITY)
  await expect(repository.putManifest('v1', manifest)).rejects.toMatchObject({
    name: 'RegistryUnavailable',
    message: 'The registry took the manifest, but has nothing under v1.',
  })
})
