import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { envValues, fileName, hostileValues, shellQuoted } from '../../../test/support/hostile-values.ts'
import { withHosts } from '../../../test/support/with-hosts.ts'

describe('values that mean something to a shell, from the inputs to the host', () => {
  withHosts('arrive as they are, and none is executed', async cloud => {
    const canary = join(cloud.temp, 'canary')
    const recorded = join(cloud.temp, 'arguments')
    const docker = readFileSync(new URL('../../../test/support/fake-docker.sh', import.meta.url), 'utf8').replace(
      'set -u\n',
      `set -u\nfor argument; do printf '%s\\0' "$argument" >>${recorded}; done\n`,
    )
    const host = await cloud.addFakeHost({ tools: { docker, curl: '#!/bin/sh\ncat >>"$FAKE_DOCKER/urls"\n' } })
    // What the inputs take: no control characters in paths, no line breaks in lists and maps.
    const values = hostileValues(60, canary).map(text => text.replaceAll('\n', ''))
    const plain = values.map(text => text.replace(/[\u0000-\u001f\u007f]/g, ''))
    const at = (index: number): string => plain[index] ?? ''
    const env = new Map(values.slice(0, 40).map((text, index) => [`KEY_${index}`, text]))
    const directory = join(host.host.directory, fileName(`shop ${at(40)}`))
    mkdirSync(directory)
    const envFile = fileName(`e${at(41)}`)
    const composeFiles = [`c${at(42)}`, `c${at(43)}`]
    const healthUrl = `http://localhost/?${at(44)}`
    const prints = (file: string, text: string): string => `printf '%s' ${shellQuoted(text)} >${file}`
    const result = await cloud.run({
      'instance-ids': host.id,
      directory,
      'compose-files': composeFiles.join('\n'),
      env: [...env].map(([key, value]) => `${key}=${value}`).join('\n'),
      'env-file': envFile,
      'health-url': healthUrl,
      before: prints('before.txt', values[45] ?? ''),
      after: prints('after.txt', values[46] ?? ''),
    })
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'deployed'])
    expect(envValues(readFileSync(join(directory, envFile), 'utf8'))).toEqual(env)
    const words = readFileSync(recorded, 'utf8').split('\0')
    expect(words.filter((_, index) => words[index - 1] === '-f')).toEqual(expect.arrayContaining(composeFiles))
    const url = `url = "${healthUrl.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`
    expect(host.dockerFile('urls')).toContain(url)
    const read = (file: string): string => readFileSync(join(directory, file), 'utf8')
    expect([read('before.txt'), read('after.txt')]).toEqual(values.slice(45, 47))
    // What the host says of them in a failure is data here too.
    const failed = await cloud.run({
      'instance-ids': host.id,
      directory,
      before: `printf '%s\\n' ${values.slice(47, 60).map(shellQuoted).join(' ')} >&2; exit 1`,
    })
    expect([failed.exitCode, failed.outputs['status']]).toEqual([1, 'failed'])
    expect(failed.stdout).toContain('The commands of `before` failed with 1')
    expect(failed.annotations.filter(({ level }) => level === 'error')).toHaveLength(1)
    expect(existsSync(canary)).toBe(false)
  })
})
