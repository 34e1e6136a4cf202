import { execFileSync } from 'node:child_process'
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { JavaScriptActionResult } from '@aws-deploy-actions/rehearsal'
import { expect } from '@jest/globals'
import { docker, instancesOf, type ShopHost } from '../../../test/support/host-cloud.ts'
import { describeWith } from '../../../test/support/parts.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

const HEALTHY = `services:
  web:
    image: IMAGE:\${TAG:-1}
    restart: always
    stop_grace_period: 1s
    healthcheck: { test: ["CMD", "/bin/busybox", "test", "-e", "/well"], interval: 1s, timeout: 2s, retries: 2 }
  migrate:
    image: IMAGE:1
    entrypoint: ["/bin/sh", "-c", "echo migrated"]
    restart: "no"
`
const WELL = '/bin/busybox touch /well; trap "exit 0" TERM; while :; do sleep 0.2; done'

describeWith(['Docker Engine', 'docker compose', 'busybox-static'], 'a compose project on a host', () => {
  withHosts('deployed, then unchanged, then a new version, then back by hand', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    await cloud.image('2')
    const inputs = inputsFor(host)
    const first = await cloud.run({ ...inputs, env: 'TAG=1' })
    if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
    expect(first.outputs['status']).toBe('deployed')
    expect(instancesOf(first)).toMatchObject([
      { id: host.id, status: 'deployed', statusDetails: 'Success', exitCode: 0, services: [{ name: 'web' }] },
    ])
    const again = await cloud.run({ ...inputs, env: 'TAG=1' })
    expect([again.exitCode, again.outputs['status']]).toEqual([0, 'unchanged'])
    const second = await cloud.run({ ...inputs, env: 'TAG=2' })
    expect([second.exitCode, second.outputs['status']]).toEqual([0, 'deployed'])
    expect(host.containers()).toEqual([`web ${cloud.repository}:2 running`])
    const digest = (result: typeof first): unknown => Reflect.get(Object(instancesOf(result)[0]), 'services')
    expect(digest(second)).toEqual([
      {
        name: 'web',
        before: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        after: docker('image', 'inspect', '--format', '{{index .RepoDigests 0}}', `${cloud.repository}:2`).split(
          '@',
        )[1],
      },
    ])
    // The tag of the former release is not needed to go back to it.
    docker('rmi', `${cloud.repository}:1`)
    const back = await cloud.run({ ...inputs, operation: 'rollback' })
    if (back.exitCode !== 0) throw new Error(back.stdout + host.stateFile('log'))
    expect(back.outputs['status']).toBe('rolled-back')
    expect(host.containers()).toEqual([`web ${cloud.repository}:1 running`])
    expect(host.envFile()).toBe('TAG=1\n')
    const recreated = await cloud.run({ ...inputs, env: 'TAG=1', recreate: 'always' })
    expect([recreated.exitCode, recreated.outputs['status']]).toEqual([0, 'deployed'])
  })

  withHosts('a pull that fails is red whatever follows, and nothing was stopped', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    const inputs = inputsFor(host)
    expect((await cloud.run({ ...inputs, env: 'TAG=1' })).outputs['status']).toBe('deployed')
    const before = docker('ps', '--quiet', '--no-trunc', '--filter', `label=com.docker.compose.project=${name(host)}`)
    const result = await cloud.run({ ...inputs, env: 'TAG=missing', before: 'true', after: 'true' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('Pulling failed three times; nothing was stopped')
    expect(host.envFile()).toBe('TAG=1\n')
    expect(docker('ps', '--quiet', '--no-trunc', '--filter', `label=com.docker.compose.project=${name(host)}`)).toBe(
      before,
    )
  })

  withHosts('a container that starts and dies: the former version runs again, proven', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    await cloud.image('dies', 'echo cannot open the database; sleep 0.3; exit 3')
    const inputs = inputsFor(host)
    const first = await cloud.run({ ...inputs, env: 'TAG=1' })
    const result = await cloud.run({ ...inputs, env: 'TAG=dies' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'rolled-back'])
    expect(result.stdout).toContain('web | cannot open the database')
    expect(host.containers()).toEqual([`web ${cloud.repository}:1 running`])
    expectFormerRuns(host, first, result)
  })

  withHosts('never healthy: rolled back; one-shot services that ended with 0 are fine', async cloud => {
    const host = await cloud.addHost({}, HEALTHY)
    await cloud.image('1', WELL)
    await cloud.image('2')
    const inputs = inputsFor(host)
    const first = await cloud.run({ ...inputs, env: 'TAG=1', 'health-timeout': '60s' })
    if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
    const result = await cloud.run({ ...inputs, env: 'TAG=2', 'health-timeout': '12s' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'rolled-back'])
    expect(result.stdout).toMatch(/after 12 s: web is (?:starting|unhealthy)/)
    expectFormerRuns(host, first, result)
    expect(host.containers()).toEqual([`migrate ${cloud.repository}:1 exited`, `web ${cloud.repository}:1 running`])
  })

  withHosts('another image than was pulled: rolled back', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    await cloud.image('2')
    const inputs = inputsFor(host)
    const first = await cloud.run({ ...inputs, env: 'TAG=1' })
    const result = await cloud.run({
      ...inputs,
      env: 'TAG=2',
      before: `docker tag ${cloud.repository}:1 ${cloud.repository}:2`,
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'rolled-back'])
    expect(result.stdout).toContain('web runs another image than was pulled')
    expect(host.envFile()).toBe('TAG=1\n')
    expectFormerRuns(host, first, result)
  })

  withHosts('a first deploy that fails has nothing to go back to: stopped, said', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('dies', 'exit 3')
    const result = await cloud.run({ ...inputsFor(host), env: 'TAG=dies' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('Nothing ran here before')
    expect(host.containers()).toEqual([`web ${cloud.repository}:dies exited`])
  })

  withHosts('a moved tag is a new version, and the way back is the former image', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('latest')
    const inputs = { ...inputsFor(host), env: 'TAG=latest' }
    const first = await cloud.run(inputs)
    await cloud.image('latest', 'exit 3')
    const result = await cloud.run(inputs)
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'rolled-back'])
    expectFormerRuns(host, first, result)
  })

  withHosts('the engine keeps the images of what runs and of so many former releases', async cloud => {
    const host = await cloud.addHost()
    const inputs = { ...inputsFor(host), 'keep-releases': '1' }
    for (const tag of ['1', '2', '3', '4']) {
      await cloud.image(tag)
      expect((await cloud.run({ ...inputs, env: `TAG=${tag}` })).outputs['status']).toBe('deployed')
    }
    const tags = (): string[] => docker('images', '--format', '{{.Tag}}', cloud.repository).split('\n').toSorted()
    expect(tags()).toEqual(['3', '4'])
    const back = await cloud.run({ ...inputs, operation: 'rollback' })
    expect([back.outputs['status'], host.containers()]).toEqual(['rolled-back', [`web ${cloud.repository}:3 running`]])
  })

  withHosts('the env file keeps its mode, its owner and its other keys', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    const file = join(host.directory, '.env')
    writeFileSync(file, '# ours\nOTHER="a b"\nTAG=0\nLAST=1\n')
    chmodSync(file, 0o640)
    const root = process.getuid?.() === 0
    if (root) execFileSync('chown', ['1234:1234', file])
    expect((await cloud.run({ ...inputsFor(host), env: "TAG=1\nNEW=it's new" })).outputs['status']).toBe('deployed')
    expect(host.envFile()).toBe('# ours\nOTHER="a b"\nTAG=1\nLAST=1\nNEW="it\'s new"\n')
    expect((statSync(file).mode & 0o777).toString(8)).toBe('640')
    if (root) expect(statSync(file).uid).toBe(1234)
  })
})

describeWith(['Docker Engine', 'docker compose', 'busybox-static', 'AWS CLI'], 'with the role of the host', () => {
  withHosts('logs in to ECR for this deploy only', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    const config = join(dirname(host.host.directory), 'docker', 'config.json')
    writeFileSync(config, '{"auths":{}}')
    const refused = await cloud.run({ ...inputsFor(host), env: 'TAG=1' })
    expect(refused.outputs['status']).toBe('failed')
    expect(refused.stdout).toContain('Set registry-login to ecr')
    const result = await cloud.run({ ...inputsFor(host), env: 'TAG=1', 'registry-login': 'ecr' })
    if (result.exitCode !== 0) throw new Error(result.stdout + host.stateFile('log'))
    expect(result.outputs['status']).toBe('deployed')
    expect(execFileSync('cat', [config], { encoding: 'utf8' })).toBe('{"auths":{}}')
  })
})

function inputsFor({ id, directory }: ShopHost): Record<string, string> {
  // The engine is shared with other tests: what is removed is theirs as well.
  return { 'instance-ids': id, directory }
}

/** What runs is what ran after the first deploy, by its digest, and the result says so. */
function expectFormerRuns(host: ShopHost, first: JavaScriptActionResult, result: JavaScriptActionResult): void {
  const services = (of: JavaScriptActionResult): Record<string, string>[] => Object(instancesOf(of)[0]).services
  const former = services(first).map(({ name: service, after }) => ({ name: service, before: after, after }))
  expect(services(result)).toEqual(former)
  const project = `label=com.docker.compose.project=${name(host)}`
  const ids = docker('ps', '--quiet', '--filter', project).split('\n')
  const images = ids.map(id => docker('inspect', '--format', '{{.Image}}', id))
  const running = images.map(image => docker('image', 'inspect', '--format', '{{index .RepoDigests 0}}', image))
  expect(running.map(text => text.split('@')[1])).toEqual([
    former.find(({ name: service }) => service === 'web')?.after,
  ])
}

function name({ directory }: ShopHost): string {
  return directory.slice(directory.lastIndexOf('/') + 1)
}
