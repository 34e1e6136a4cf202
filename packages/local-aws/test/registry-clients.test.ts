import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { accountId, type Fixture, region, startFixture } from './registry-fixture.ts'

interface Ended {
  readonly code: number
  readonly output: string
}

let folder = ''
let fixture: Fixture

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-clients-'))
  fixture = await startFixture()
  fixture.create('app')
  fixture.create('copy')
  fixture.createPublic('site')
  const scope = { kind: 'private', registryId: accountId, region } as const
  fixture.registry.repositories.create(scope, 'fixed', { mutability: 'IMMUTABLE' })
})

afterAll(async () => {
  await fixture.close()
  await rm(folder, { recursive: true, force: true })
})

/** docker with a configuration of this test's own */
async function run(command: string, args: readonly string[], input = ''): Promise<Ended> {
  return await new Promise(resolve => {
    const env = { ...process.env, DOCKER_CONFIG: folder, DOCKER_BUILDKIT: '0' }
    const child = execFile(command, args, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` })
    })
    child.stdin?.end(input)
  })
}

describeWith(['Docker Engine', 'busybox-static'], 'docker', () => {
  const images: string[] = []

  /** an image like no other, so that its removal takes nothing away from a test that runs beside this one */
  async function built(reference: string): Promise<string> {
    await copyFile('/bin/busybox', join(folder, 'busybox'))
    await writeFile(join(folder, 'content'), randomUUID())
    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY content /content\n')
    const build = await run('docker', ['build', '-q', '-t', reference, folder])
    expect(build).toMatchObject({ code: 0 })
    images.push(build.output.split('\n').find(line => line.startsWith('sha256:')) ?? reference)
    return reference
  }

  afterAll(async () => {
    await run('docker', ['rmi', '-f', ...images])
  })

  test('login, push, pull; a wrong password, a missing repository and a missing tag in the words of ECR', async () => {
    const { address } = fixture.registry
    const image = await built(`${address}/app:v1`)
    expect(await run('docker', ['push', image])).toMatchObject({
      code: 1,
      output: expect.stringContaining('no basic auth credentials'),
    })
    const login = (password: string): Promise<Ended> =>
      run('docker', ['login', '-u', 'AWS', '--password-stdin', address], password)
    const refused = await login('wrong')
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('400 Bad Request')])
    expect(await login(fixture.registry.password('private', region).password)).toMatchObject({ code: 0 })

    const push = await run('docker', ['push', image])
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(push.output)?.[1] ?? ''
    expect([push.code, digest]).toEqual([0, expect.stringMatching(/^sha256:/)])
    const head = await fixture.send('HEAD', '/v2/app/manifests/v1')
    expect(head.headers.get('docker-content-digest')).toBe(digest)

    await run('docker', ['rmi', image])
    const pull = await run('docker', ['pull', image])
    expect([pull.code, pull.output]).toEqual([0, expect.stringContaining(digest)])

    const elsewhere = `${address}/missing:v1`
    await run('docker', ['tag', image, elsewhere])
    expect((await run('docker', ['push', elsewhere])).output).toContain(
      `name unknown: The repository with name 'missing' does not exist in the registry with id '${accountId}'`,
    )
    expect((await run('docker', ['pull', `${address}/app:v2`])).output).toContain(
      'manifest unknown: Requested image not found',
    )
  })

  test('an immutable tag: the same image again is fine, another is refused', async () => {
    const { address } = fixture.registry
    const { password } = fixture.registry.password('private', region)
    await run('docker', ['login', '-u', 'AWS', '--password-stdin', address], password)
    const image = await built(`${address}/fixed:v1`)
    expect(await run('docker', ['push', image])).toMatchObject({ code: 0 })
    expect(await run('docker', ['push', image])).toMatchObject({ code: 0 })
    await built(image)
    expect((await run('docker', ['push', image])).output).toContain(
      "tag invalid: The image tag 'v1' already exists in the 'fixed' repository and cannot be overwritten because the tag is immutable.",
    )
  })

  test('an expired token', async () => {
    const { address, tokens } = fixture.registry
    const grant = {
      kind: 'private',
      registryId: accountId,
      region,
      expiresAt: new Date(Date.now() - 1),
      ofEngine: false,
    } as const
    const auth = Buffer.from(`AWS:${tokens.issue(grant)}`).toString('base64')
    const image = await built(`${address}/app:expired`)
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [address]: { auth } } }))
    expect((await run('docker', ['push', image])).output).toContain(
      'denied: Your authorization token has expired. Reauthenticate and try again.',
    )
  })

  test('the public registry: pushed with a login, pulled by anybody', async () => {
    const { publicAddress, publicAlias } = fixture.registry
    const image = await built(`${publicAddress}/${publicAlias}/site:v1`)
    expect((await run('docker', ['push', image])).output).toContain('denied: Not Authorized')
    const { password } = fixture.registry.password('public', 'us-east-1')
    await run('docker', ['login', '-u', 'AWS', '--password-stdin', publicAddress], password)
    expect(await run('docker', ['push', image])).toMatchObject({ code: 0 })
    await run('docker', ['logout', publicAddress])
    await run('docker', ['rmi', image])
    expect(await run('docker', ['pull', image])).toMatchObject({ code: 0 })
  })
})

describeWith(['skopeo'], 'skopeo', () => {
  test('copies an image between repositories without changing its digest', async () => {
    const { address } = fixture.registry
    const digest = await fixture.pushImage('app', 'seed', 'copied by skopeo')
    const credentials = `AWS:${fixture.registry.password('private', region).password}`
    const copied = await run('skopeo', [
      'copy',
      '--preserve-digests',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `--src-creds=${credentials}`,
      `--dest-creds=${credentials}`,
      `docker://${address}/app:seed`,
      `docker://${address}/copy:seed`,
    ])
    expect(copied).toMatchObject({ code: 0 })
    const tags = await run('skopeo', [
      'list-tags',
      '--tls-verify=false',
      `--creds=${credentials}`,
      `docker://${address}/copy`,
    ])
    expect(JSON.parse(tags.output)).toMatchObject({ Tags: ['seed'] })
    const head = await fixture.send('HEAD', '/v2/copy/manifests/seed')
    expect(head.headers.get('docker-content-digest')).toBe(digest)
  })
})
