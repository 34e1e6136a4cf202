import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import { COMPOSE, type HostCloud, type ShopHost } from '../../../test/support/host-cloud.ts'
import { describeWith } from '../../../test/support/parts.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

const MORE = COMPOSE.replace('web:', 'extra:').replace('TAG:-1', 'EXTRA:-1')

describeWith(['Docker Engine', 'compose v1', 'busybox-static'], 'a version that adds a service, with v1 only', () => {
  withHosts('is rolled back: the added service goes', async cloud => {
    const real = execFileSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).trim()
    const shim = `#!/bin/sh\nif [ "$1" = compose ] || [ "$1 $2" = "image prune" ]; then exit 1; fi\nexec ${real} "$@"\n`
    await isTakenBack(cloud, await cloud.addHost({ tools: { docker: shim } }))
  })
})

describeWith(['Docker Engine', 'compose v2', 'busybox-static'], 'a version that adds a service, or drops one', () => {
  withHosts('is rolled back: the added service goes', async cloud => {
    await isTakenBack(cloud, await cloud.addHost())
  })

  withHosts('one that was dropped runs on, and keeps nobody from going back', async cloud => {
    const host = await cloud.addHost()
    const inputs = await withMore(cloud, host)
    const first = await cloud.run({ ...inputs, env: `${TWO}\nTAG=1` })
    if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
    expect((await cloud.run({ ...inputs, env: `${ONE}\nTAG=2` })).outputs['status']).toBe('deployed')
    const both = [`extra ${cloud.repository}:1 running`, `web ${cloud.repository}:2 running`]
    expect(host.containers()).toEqual(both)
    expect((await cloud.run({ ...inputs, env: 'TAG=dies' })).outputs['status']).toBe('rolled-back')
    expect(host.containers()).toEqual(both)
  })
})

// compose reads this from the env file.
const ONE = 'COMPOSE_FILE=compose.yml'
const TWO = 'COMPOSE_FILE=compose.yml:more.yml'

async function withMore(cloud: HostCloud, host: ShopHost): Promise<Record<string, string>> {
  await writeFile(join(host.directory, 'more.yml'), MORE.replaceAll('IMAGE', cloud.repository))
  await cloud.image('1')
  await cloud.image('2')
  await cloud.image('dies', 'exit 3')
  return { 'instance-ids': host.id, directory: host.directory }
}

async function isTakenBack(cloud: HostCloud, host: ShopHost): Promise<void> {
  const inputs = await withMore(cloud, host)
  const first = await cloud.run({ ...inputs, env: `${ONE}\nTAG=1` })
  if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
  const result = await cloud.run({ ...inputs, env: `${TWO}\nTAG=dies` })
  expect(result.outputs['status']).toBe('rolled-back')
  expect(host.containers()).toEqual([`web ${cloud.repository}:1 running`])
}
