import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import type { Host, HostOptions } from '../src/index.ts'
import { type StartedHosts, web1, web2, withHosts } from './support/hosts.ts'
import { pushImage } from './support/image.ts'

const execute = promisify(execFile)

async function docker(...args: string[]): Promise<string[]> {
  const { stdout } = await execute('docker', args)
  return stdout.split('\n').filter(line => line !== '')
}
/** states of containers by name, as long as there are any */
async function states(unique: string): Promise<Record<string, string>> {
  const lines = await docker('ps', '-a', '--filter', `name=${unique}`, '--format', '{{.Names}} {{.State}}')
  return Object.fromEntries(lines.map(line => line.split(' ')))
}
const uniqueOf = (host: Host) => host.directory.split('/').at(-1) ?? ''

function within(hosts: readonly HostOptions[], body: (cloud: StartedHosts, image: string) => Promise<void>) {
  return withHosts(hosts, async cloud => {
    const image = await pushImage(cloud.aws, 'box', {
      files: { 'bin/busybox': await readFile('/bin/busybox'), 'bin/sh': { link: 'busybox' } },
      environment: ['PATH=/bin'],
      architecture: arch() === 'x64' ? 'amd64' : arch(),
    })
    await body(cloud, image)
  })
}

const compose = (image: string) => `
version: '3.8'
services:
  always: { image: '${image}', command: [busybox, sleep, '600'], restart: always }
  never: { image: '${image}', command: [busybox, sleep, '600'], restart: 'no' }
`
const detect = 'if docker compose version >/dev/null 2>&1; then dc="docker compose"; else dc=docker-compose; fi'
const login = (registry: string) =>
  `aws --region $AWS_SSM_REGION_NAME ecr get-login-password | docker login --username AWS --password-stdin ${registry} >/dev/null 2>&1`

describeWith(['Docker Engine', 'docker compose', 'busybox-static', 'AWS CLI'], 'compose projects of hosts', () => {
  test('two hosts, one project name: containers apart, reboot, nothing left', async () => {
    const uniques: string[] = []
    await within([{ instanceId: web1 }, { instanceId: web2 }], async (cloud, image) => {
      const hosts = [web1, web2].map(id => cloud.host(id))
      uniques.push(...hosts.map(uniqueOf))
      const up = async (host: Host) => {
        const directory = await host.projectDirectory('shop')
        await writeFile(join(directory, 'docker-compose.yml'), compose(image))
        const script = ['set -e', detect, login(cloud.aws.registryAddress), `cd ${directory}`, '$dc up -d 2>&1']
        return await cloud.ran(script, { InstanceIds: [host.instanceId] })
      }
      for (const result of await Promise.all(hosts.map(up))) {
        if (result.Status !== 'Success') throw new Error(result.StandardOutputContent)
      }
      for (const unique of uniques) {
        const found = await states(unique)
        expect(Object.values(found)).toEqual(['running', 'running'])
      }

      const [first] = hosts
      await first?.become('rebooted')
      const after = await states(uniques[0] ?? '')
      const stateOf = (service: string) => Object.entries(after).find(([name]) => name.includes(service))?.[1]
      expect([stateOf('always'), stateOf('never')]).toEqual(['running', 'exited'])
      expect(Object.values(await states(uniques[1] ?? ''))).toEqual(['running', 'running'])
    })
    for (const unique of uniques) {
      expect(await states(unique)).toEqual({})
      expect(await docker('network', 'ls', '--filter', `name=${unique}`, '-q')).toEqual([])
    }
  }, 120_000)
})

describeWith(
  ['Docker Engine', 'docker compose', 'busybox-static', 'AWS CLI', 'mount namespaces and port 53'],
  'hosts with one path',
  () => {
    test('the same folder is another on each host, and so is the compose project', async () => {
      const shared = { sharedDirectory: '/srv', tags: { Role: 'web' } }
      const uniques: string[] = []
      await within(
        [
          { instanceId: web1, ...shared },
          { instanceId: web2, ...shared },
        ],
        async (cloud, image) => {
          uniques.push(...[web1, web2].map(id => uniqueOf(cloud.host(id))))
          const script = [
            'set -e',
            detect,
            login(cloud.aws.registryAddress),
            'mkdir -p /srv/shop; cd /srv/shop; echo $AWS_SSM_INSTANCE_ID > who',
            `cat > docker-compose.yml <<'EOF'${compose(image)}EOF`,
            '$dc up -d 2>&1',
          ]
          const commandId = await cloud.send(script, { Targets: [{ Key: 'tag:Role', Values: ['web'] }] })
          expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Success' })
          for (const id of [web1, web2]) {
            const host = cloud.host(id)
            expect(await readFile(join(host.directory, 'shop', 'who'), 'utf8')).toBe(`${id}\n`)
            expect(Object.values(await states(uniqueOf(host)))).toEqual(['running', 'running'])
          }
          const there = { InstanceIds: [web1] }
          expect(await cloud.ran(['pwd; cat who'], there, { workingDirectory: ['/srv/shop'] })).toMatchObject({
            StandardOutputContent: `/srv/shop\n${web1}\n`,
          })
        },
      )
      for (const unique of uniques) expect(await states(unique)).toEqual({})
    }, 120_000)
  },
)
