import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { describe, expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

describe('configuration from git', () => {
  withHosts('cloned, then another commit, then the former one again after a failure', async cloud => {
    const host = await cloud.addFakeHost()
    const origin = join(cloud.temp, 'origin')
    const first = commitIn(origin, 'one')
    const directory = `${host.directory}-cloned`
    const inputs = { 'instance-ids': host.id, directory, 'git-repository': origin, 'git-ref': 'main' }
    const cloned = await cloud.run({ ...inputs, env: 'TAG=1' })
    if (cloned.exitCode !== 0) throw new Error(cloned.stdout)
    expect([cloned.outputs['status'], head(directory)]).toEqual(['deployed', first])
    const second = commitIn(origin, 'two')
    expect((await cloud.run({ ...inputs, env: 'TAG=2' })).outputs['status']).toBe('deployed')
    expect([head(directory), readFileSync(join(directory, 'config'), 'utf8')]).toEqual([second, 'two'])
    commitIn(origin, 'three')
    const sick = await cloud.run({ ...inputs, env: 'TAG=sick' })
    expect([sick.outputs['status'], head(directory)]).toEqual(['rolled-back', second])
    const back = await cloud.run({ 'instance-ids': host.id, directory, operation: 'rollback' })
    expect([back.outputs['status'], head(directory)]).toEqual(['rolled-back', first])
    // by its id
    expect((await cloud.run({ ...inputs, 'git-ref': second.slice(0, 9) })).outputs['status']).toBe('deployed')
    expect(head(directory)).toBe(second)
  })

  withHosts('local changes fail before anything stops, and stay', async cloud => {
    const host = await cloud.addFakeHost()
    const origin = join(cloud.temp, 'origin')
    commitIn(origin, 'one')
    const directory = `${host.directory}-cloned`
    const inputs = { 'instance-ids': host.id, directory, 'git-repository': origin, 'git-ref': 'main', env: 'TAG=1' }
    expect((await cloud.run(inputs)).outputs['status']).toBe('deployed')
    writeFileSync(join(directory, 'config'), 'mended by hand')
    commitIn(origin, 'two')
    const result = await cloud.run({ ...inputs, env: 'TAG=2' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('There are local changes')
    expect(readFileSync(join(directory, 'config'), 'utf8')).toBe('mended by hand')
    expect(host.running()).toBe('1')
  })

  withHosts('a branch that the remote has not any more is not taken from the clone', async cloud => {
    const host = await cloud.addFakeHost()
    const origin = join(cloud.temp, 'origin')
    commitIn(origin, 'one')
    const directory = `${host.directory}-cloned`
    const inputs = { 'instance-ids': host.id, directory, 'git-repository': origin, 'git-ref': 'main', env: 'TAG=1' }
    expect((await cloud.run(inputs)).outputs['status']).toBe('deployed')
    execFileSync('git', ['-C', origin, 'branch', '-m', 'main', 'trunk'])
    const result = await cloud.run(inputs)
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('There is no main in')
  })

  withHosts('a ref that is not there is named', async cloud => {
    const host = await cloud.addFakeHost()
    const origin = join(cloud.temp, 'origin')
    commitIn(origin, 'one')
    const directory = `${host.directory}-cloned`
    const result = await cloud.run({
      'instance-ids': host.id,
      directory,
      'git-repository': origin,
      'git-ref': 'v9$(touch${IFS}canary)',
    })
    expect(result.outputs['status']).toBe('failed')
    expect(result.stdout).toContain('There is no v9$(touch${IFS}canary) in')
  })
})

describe('commands of before and after', () => {
  withHosts('run in the directory in strict bash; a failure of after takes the deploy back', async cloud => {
    const host = await cloud.addFakeHost()
    const inputs = { 'instance-ids': host.id, directory: host.directory }
    const good = await cloud.run({
      ...inputs,
      env: 'TAG=1',
      before: 'pwd >where\n[[ $- == *e* && $- == *u* && $- == *E* ]]\nset -o | grep -q "pipefail.*on"',
      after: 'echo done >after',
    })
    if (good.exitCode !== 0) throw new Error(good.stdout + host.stateFile('log'))
    expect(readFileSync(join(host.directory, 'where'), 'utf8').trim()).toBe(host.directory)
    expect(existsSync(join(host.directory, 'after'))).toBe(true)
    const bad = await cloud.run({ ...inputs, env: 'TAG=2', after: 'false | true\necho never' })
    expect([bad.exitCode, bad.outputs['status'], host.running()]).toEqual([1, 'rolled-back', '1'])
    expect(bad.stdout).toContain('The commands of `after` failed')
    const early = await cloud.run({ ...inputs, env: 'TAG=2', before: 'exit 137' })
    expect([early.exitCode, early.outputs['status'], host.running()]).toEqual([1, 'failed', '1'])
  })
})

describe('health-url', () => {
  withHosts('is asked from the host until it answers; never: rolled back', async cloud => {
    const host = await cloud.addFakeHost({
      tools: { curl: '#!/bin/sh\ncat >>"$FAKE_DOCKER/urls"\nexit $(cat "$FAKE_DOCKER/web" 2>/dev/null || echo 7)\n' },
    })
    const inputs = { 'instance-ids': host.id, directory: host.directory, 'health-url': 'http://localhost/health?a="b"' }
    const down = await cloud.run({ ...inputs, env: 'TAG=1', 'health-timeout': '2s' })
    expect([down.exitCode, down.outputs['status']]).toEqual([1, 'failed'])
    expect(down.stdout).toContain('does not answer well')
    expect(host.dockerFile('urls')).toContain('url = "http://localhost/health?a=\\"b\\""')
    writeFileSync(join(cloud.temp, `docker-${host.id}`, 'web'), '0')
    expect((await cloud.run({ ...inputs, env: 'TAG=1' })).outputs['status']).toBe('deployed')
  })
})

describe('the disk', () => {
  withHosts('too full to pull: told before anything stops', async cloud => {
    const df = '#!/bin/sh\necho Filesystem 1024-blocks Used Available Capacity Mounted\necho /dev/x 100 90 2048 90% /\n'
    const host = await cloud.addFakeHost({ tools: { df } })
    const result = await cloud.run({ 'instance-ids': host.id, directory: host.directory, env: 'TAG=1' })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('The disk is too full to pull: 2 MiB are free')
    expect(host.dockerFile('calls')).not.toContain('pull app')
    expect(host.envFile()).toBe('')
  })
})

describeWith(['root'], 'a disk of 512 KiB', () => {
  withHosts('full: red, said, and what runs runs on', async cloud => {
    const host = await cloud.addFakeHost({ diskKilobytes: 512 })
    const inputs = { 'instance-ids': host.id, directory: host.directory }
    writeFileSync(join(host.directory, '.env'), 'TAG=1\n')
    try {
      writeFileSync(join(host.directory, 'filler'), Buffer.alloc(1 << 20))
    } catch {
      // it is full now
    }
    const result = await cloud.run({ ...inputs, env: `TAG=2\nLONG=${'x'.repeat(5000)}` })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toMatch(/full/)
    expect(host.envFile()).toBe('TAG=1\n')
    expect(host.dockerFile('calls')).not.toContain(' up -d')
  })
})

describeWith(['AWS CLI'], 'secrets of env-from', () => {
  withHosts('reach the env file, and nothing else', async cloud => {
    const host = await cloud.addFakeHost()
    const secret = 's3cr3t\'$(touch x)`y`\\ "z" end'
    const { AWS_ENDPOINT_URL: endpoint = '' } = cloud.aws.environment()
    const config = {
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
    }
    const ssm = new SSMClient(config)
    const secrets = new SecretsManagerClient(config)
    await ssm.send(new PutParameterCommand({ Name: '/shop/password', Value: secret, Type: 'SecureString' }))
    await secrets.send(
      new CreateSecretCommand({ Name: 'shop/api', SecretString: JSON.stringify({ key: `${secret}2` }) }),
    )
    ssm.destroy()
    secrets.destroy()
    const seen = new Set<string>()
    const watching = setInterval(() => {
      for (const line of processes()) if (line.includes('s3cr3t')) seen.add(line)
    }, 20)
    const result = await cloud.run({
      'instance-ids': host.id,
      directory: host.directory,
      env: 'TAG=sick',
      'env-from': 'PASSWORD=ssm:/shop/password\nKEY=secretsmanager:shop/api#key',
      rollback: 'false',
      'log-group': '/deploys',
      after: 'true',
    })
    clearInterval(watching)
    expect(result.outputs['status']).toBe('failed')
    expect([...seen]).toEqual([])
    expect(host.envFile()).toContain('PASSWORD="s3cr3t\'\\$(touch x)`y`\\\\ \\"z\\" end"')
    expect(host.envFile()).toContain('end2"')
    const everything = [
      result.stdout,
      JSON.stringify(result.outputs),
      result.summary,
      host.stateFile('log'),
      host.stateFile('deploys.log'),
      JSON.stringify(cloud.aws.journal().filter(({ operation }) => operation === 'SendCommand')),
    ]
    for (const text of everything) expect(text).not.toContain('s3cr3t')
  })

  withHosts('a secret that may not be read, and one that is not there, are named with AWS’s words', async cloud => {
    const host = await cloud.addFakeHost()
    const result = await cloud.run({
      'instance-ids': host.id,
      directory: host.directory,
      env: 'TAG=1',
      'env-from': 'PASSWORD=ssm:/shop/none',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('The value of PASSWORD could not be read from ssm:/shop/none')
    expect(result.stdout).toContain('ParameterNotFound')
    expect(host.envFile()).toBe('')
  })
})

describe('a host without what is needed', () => {
  withHosts('no AWS CLI: told before anything is touched', async cloud => {
    const host = await cloud.addFakeHost({ without: ['aws'] })
    const result = await cloud.run({
      'instance-ids': host.id,
      directory: host.directory,
      env: 'TAG=1',
      'env-from': 'PASSWORD=ssm:/shop/password',
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('This host has no aws')
  })

  withHosts('no directory', async cloud => {
    const host = await cloud.addFakeHost()
    const result = await cloud.run({ 'instance-ids': host.id, directory: `${host.directory}/none` })
    expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
    expect(result.stdout).toContain('does not exist on this host')
  })
})

/** A commit of one file in a repository, made when it is not there; returns its id. */
function commitIn(folder: string, content: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  if (!existsSync(folder)) {
    mkdirSync(folder)
    git('init', '--initial-branch=main')
  }
  writeFileSync(join(folder, 'config'), content)
  writeFileSync(join(folder, '.gitignore'), '.env\n')
  git('add', '.')
  git('commit', '-m', content)
  return git('rev-parse', 'HEAD')
}

function head(folder: string): string {
  return execFileSync('git', ['-C', folder, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
}

function processes(): string[] {
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .map(entry => {
      try {
        return readFileSync(`/proc/${entry}/cmdline`, 'utf8')
      } catch {
        return ''
      }
    })
}
