import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { COMPOSE, docker, type ShopHost } from '../../../test/support/host-cloud.ts'
import { describeWith } from '../../../test/support/parts.ts'
import { until } from '../../../test/support/task-cloud.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

const service = (name: string, image: string, more = ''): string =>
  `  ${name}:\n    image: IMAGE:${image}\n    restart: always\n    stop_grace_period: 1s\n${more}`
const THREE = `services:
${service('web', `web-\${TAG:-1}`)}
${service('extra', `extra-\${TAG:-1}`, '    depends_on: [web]\n')}
${service('late', `late-\${TAG:-1}`)}`

describeWith(['Docker Engine', 'docker compose', 'busybox-static'], 'with real compose', () => {
  withHosts('a service that dies every five seconds is not well', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    await cloud.image('dies', 'sleep 5; exit 3')
    expect((await cloud.run({ ...inputsFor(host), env: 'TAG=1' })).outputs['status']).toBe('deployed')
    const result = await cloud.run({ ...inputsFor(host), env: 'TAG=dies', 'health-timeout': '30s' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'rolled-back'])
    expect(host.containers()).toEqual([`web ${cloud.repository}:1 running`])
  })

  withHosts('chosen services: only these are pulled, started and taken back', async cloud => {
    const host = await cloud.addHost({}, THREE)
    await Promise.all(['web-1', 'extra-1', 'extra-2', 'late-1'].map(tag => cloud.image(tag)))
    await cloud.image('late-dies', 'exit 3')
    const inputs = inputsFor(host)
    const image = (name: string): string => `${name.split('-')[0]} ${cloud.repository}:${name} running`
    expect((await cloud.run({ ...inputs, services: 'web', env: 'TAG=1' })).outputs['status']).toBe('deployed')
    const late = await cloud.run({ ...inputs, services: 'late', env: 'TAG=dies' })
    expect([late.exitCode, late.outputs['status']]).toEqual([1, 'rolled-back'])
    expect(host.containers()).toEqual([image('web-1')])
    const extra = await cloud.run({ ...inputs, services: 'extra', env: 'TAG=2' })
    if (extra.exitCode !== 0) throw new Error(extra.stdout + host.stateFile('log'))
    expect(host.containers()).toEqual([image('extra-2'), image('web-1')])
    // Going back by hand takes away what the last deploy added.
    const back = await cloud.run({ ...inputs, operation: 'rollback', services: '' })
    if (back.outputs['status'] !== 'rolled-back') throw new Error(back.stdout + host.stateFile('log'))
    expect(host.containers()).not.toContain(image('extra-2'))
  })

  withHosts('a configuration that compose reads only with the new value: what runs is seen', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    await cloud.image('2')
    const first = await cloud.run({ ...inputsFor(host), env: 'TAG=1' })
    if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
    const file = join(host.directory, 'compose.yml')
    writeFileSync(file, readFileSync(file, 'utf8').replace(':-1}', ':?is needed}'))
    rmSync(join(host.directory, '.env'))
    const result = await cloud.run({ ...inputsFor(host), env: 'TAG=2', after: 'exit 1' })
    expect(result.exitCode).toBe(1)
    expect(host.stateFile('log')).not.toContain('Nothing ran here before')
    expect(JSON.parse(result.outputs['previous'] ?? '{}')[host.id].services).toMatchObject([{ name: 'web' }])
  })

  withHosts('a cancel while compose replaces a container: the former one runs again', async cloud => {
    const slow = 'trap "" TERM; while :; do sleep 0.2; done'
    const host = await cloud.addHost({}, COMPOSE.replace('1s', '5s'))
    await cloud.image('1', slow)
    await cloud.image('2', slow)
    expect((await cloud.run({ ...inputsFor(host), env: 'TAG=1' })).outputs['status']).toBe('deployed')
    const action = await cloud.start({ ...inputsFor(host), env: 'TAG=2' })
    // compose says so once it waits for the old container.
    await until('replacing', () => / Container \S+ +Recreate/.test(host.stateFile('log')))
    action.signal('SIGINT')
    expect((await action.result).outputs['status']).toBe('cancelled')
    const over = (): boolean => host.stateFile('lock') === '' && host.stateFile('deploys.log').includes(': cancelled;')
    await until('the lock is free', over)
    expect([host.envFile(), host.containers()]).toEqual(['TAG=1\n', [`web ${cloud.repository}:1 running`]])
  })

  withHosts('two projects of one image: pruning of one leaves the way back of the other', async cloud => {
    const [one, other] = [await cloud.addHost(), await cloud.addHost()]
    for (const tag of ['1', '2', '3']) await cloud.image(tag)
    const deployed = async (host: ShopHost, tag: string): Promise<void> => {
      const result = await cloud.run({ ...inputsFor(host), env: `TAG=${tag}`, 'keep-releases': '1' })
      expect(result.outputs['status']).toBe('deployed')
    }
    await Promise.all([deployed(one, '1'), deployed(other, '1')])
    const id = docker('image', 'inspect', '--format', '{{.Id}}', `${cloud.repository}:1`)
    await Promise.all([deployed(one, '2'), deployed(other, '2')])
    await deployed(other, '3')
    expect(docker('image', 'inspect', '--format', '{{.Id}}', id)).toBe(id)
    await deployed(one, '3')
    expect(docker('images', '--quiet', '--no-trunc').split('\n')).not.toContain(id)
  })
})

describeWith(['Docker Engine', 'docker compose', 'busybox-static', 'AWS CLI'], 'going back by hand', () => {
  withHosts('logs in for a former image that is gone', async cloud => {
    const host = await cloud.addHost()
    await cloud.image('1')
    await cloud.image('2')
    writeFileSync(join(host.host.directory, '..', 'docker', 'config.json'), '{"auths":{}}')
    const inputs = { ...inputsFor(host), 'registry-login': 'ecr' }
    for (const tag of ['1', '2']) {
      expect((await cloud.run({ ...inputs, env: `TAG=${tag}` })).outputs['status']).toBe('deployed')
    }
    docker('rmi', '--force', docker('image', 'inspect', '--format', '{{.Id}}', `${cloud.repository}:1`))
    const back = await cloud.run({ ...inputs, operation: 'rollback' })
    if (back.exitCode !== 0) throw new Error(back.stdout + host.stateFile('log'))
    expect(host.containers()).toEqual([`web ${cloud.repository}:1 running`])
  })
})

function inputsFor({ id, directory }: ShopHost): Record<string, string> {
  return { 'instance-ids': id, directory }
}
