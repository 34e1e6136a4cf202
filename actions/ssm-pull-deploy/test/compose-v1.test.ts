import { execFileSync } from 'node:child_process'
import { expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

describeWith(['Docker Engine', 'compose v1', 'busybox-static'], 'a host that has docker-compose v1 only', () => {
  withHosts('deploys, rolls back, goes back', async cloud => {
    const real = execFileSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).trim()
    const shim = `#!/bin/sh\nif [ "$1" = compose ] || [ "$1 $2" = "image prune" ]; then exit 1; fi\nexec ${real} "$@"\n`
    const host = await cloud.addHost({ tools: { docker: shim } })
    await cloud.image('1')
    await cloud.image('2')
    await cloud.image('dies', 'exit 3')
    const inputs = { 'instance-ids': host.id, directory: host.directory }
    const first = await cloud.run({ ...inputs, env: 'TAG=1' })
    if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
    expect((await cloud.run({ ...inputs, env: 'TAG=1' })).outputs['status']).toBe('unchanged')
    expect((await cloud.run({ ...inputs, env: 'TAG=2' })).outputs['status']).toBe('deployed')
    expect((await cloud.run({ ...inputs, env: 'TAG=dies' })).outputs['status']).toBe('rolled-back')
    expect((await cloud.run({ ...inputs, operation: 'rollback' })).outputs['status']).toBe('rolled-back')
    expect(host.containers()).toEqual([`web ${cloud.repository}:1 running`])
  })
})
