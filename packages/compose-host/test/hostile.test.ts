import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { type ComposeDeploy, hostScript, hostValues, MOST_CHARACTERS } from '@aws-deploy-actions/compose-host'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { wholeDeploy } from '../../../test/support/deploy-script.ts'
import { hostileValues } from '../../../test/support/hostile-values.ts'
import { describeWith } from '../../../test/support/parts.ts'

let folder: string
let canary: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'))
  canary = join(folder, 'canary')
  mkdirSync(join(folder, 'tools'))
  const bash = '#!/bin/sh\ncat "$2/values" >"$INTO"\nrm -rf "$2"\n'
  writeFileSync(join(folder, 'tools', 'bash'), bash, { mode: 0o755 })
})
afterAll(() => {
  expect(existsSync(canary)).toBe(false)
  rmSync(folder, { recursive: true, force: true })
})

/** One value in each input, others in its lists. */
function deployOf(values: readonly string[], index: number): ComposeDeploy {
  const at = (offset: number): string => values[(index + offset) % values.length] ?? ''
  return wholeDeploy({
    directory: at(0),
    composeFiles: [at(0), at(1), at(2), at(3)],
    services: [at(0), at(1), at(2), at(3)],
    env: new Map(Array.from({ length: 12 }, (_, offset) => [`KEY_${offset}`, at(offset)])),
    envFile: at(1),
    envFrom: new Map([['SECRET', `ssm:${at(2)}`]]),
    gitRef: at(3),
    gitRepository: at(4),
    before: at(5),
    after: at(6),
    healthUrl: at(7),
    holder: at(8),
    region: at(9),
  })
}

/** What a command has packed for the program, unpacked here. */
function packedValues(script: string): string[] {
  const packed = /^values='([A-Za-z0-9+/=]*)'$/m.exec(script)?.[1] ?? ''
  return gunzipSync(Buffer.from(packed, 'base64')).toString('utf8').split('\0').slice(0, -1)
}

/** The script with its last step, bash, replaced by one that only copies what arrived. */
async function arrived(deploy: ComposeDeploy): Promise<string[]> {
  const own = mkdtempSync(join(folder, 'arrived-'))
  const [into, script] = [join(own, 'values'), join(own, 'script.sh')]
  writeFileSync(script, hostScript(deploy), { mode: 0o700 })
  const environment = { PATH: `${join(folder, 'tools')}:/usr/bin:/bin`, INTO: into, TMPDIR: own }
  await promisify(execFile)('sh', ['-c', script], { env: environment })
  const found = readFileSync(into, 'utf8').split('\0').slice(0, -1)
  rmSync(own, { recursive: true })
  return found
}

describe('500 hostile values', () => {
  const values = hostileValues(500, '/tmp/never-touched')

  const own = (): string[] => hostileValues(500, canary)

  test('in every input are in the command as they are', () => {
    const all = own()
    expect(new Set(all).size).toBeGreaterThan(450)
    for (const index of all.keys()) {
      const deploy = deployOf(all, index)
      expect(packedValues(hostScript(deploy))).toEqual(hostValues(deploy).flat())
    }
  })

  test('are unpacked as they are by sh, and none is executed', async () => {
    // Four in each list of a run: all of them. A fourth of them in each other input.
    const all = own()
    const open = Array.from({ length: all.length / 4 }, (_, run) => run * 4).values()
    const worker = async (): Promise<void> => {
      for (const index of open) {
        const deploy = deployOf(all, index)
        expect(await arrived(deploy)).toEqual(hostValues(deploy).flat())
      }
    }
    await Promise.all(Array.from({ length: 4 }, worker))
    expect(existsSync(canary)).toBe(false)
  }, 240_000)

  test('none of them is to be seen in the command, nor anything that Systems Manager would fill in', () => {
    const script = hostScript(
      wholeDeploy({
        directory: '/opt/shop',
        env: new Map(values.slice(0, 20).map((text, index) => [`K${index}`, text])),
      }),
    )
    expect(script).not.toContain('touch')
    expect(script).not.toContain('{{')
    expect(script.length).toBeLessThan(MOST_CHARACTERS)
  })

  describeWith(['Docker Engine', 'compose v2'], 'through the env file and compose v2', () => {
    test('come out of the configuration as they went in', () => readBack(values, ['docker', 'compose'], 2))
  })
  describeWith(['compose v1'], 'through the env file and compose v1', () => {
    test('come out of the configuration as they went in', () => readBack(values, ['docker-compose'], 1))
  })
})

/** Writes an env file with the program's own functions, and lets compose say what it reads in it. */
function readBack(all: readonly string[], compose: readonly string[], version: number): void {
  // An input's map has one line per entry; what YAML cannot show is left to the test above.
  const values = all
    .map(text => text.replace(/[\n\u0001\u001b]/g, ''))
    .filter(text => text.trim() !== '')
    .map(text => text.slice(0, 2000))
  const project = mkdtempSync(join(folder, 'project-'))
  const keys = values.map((_, index) => `KEY_${index}`)
  writeFileSync(join(project, 'old'), '# ours\nOTHER=stays\nKEY_0="old\nvalue"\nexport KEY_1 = old\nLAST=no newline')
  const program = readFileSync(new URL('../src/host/4-env-file.bash', import.meta.url), 'utf8')
  const input = keys.flatMap((key, index) => [key, values[index] ?? '']).map(text => `${text}\0`)
  const { stdout, stderr, status } = spawnSync(
    'bash',
    [
      '-c',
      `set -Eeuo pipefail; LC_ALL=C; declare -a env_pairs=() env_sources=(); compose_version=${version}; ${program}
while IFS= read -r -d '' key && IFS= read -r -d '' text; do env_names+=("$key"); env_values[$key]=$text; done
env_file_with_ours <"$1"`,
      'test',
      join(project, 'old'),
    ],
    { input: input.join(''), maxBuffer: 1 << 26 },
  )
  expect([status, stderr.toString()]).toEqual([0, ''])
  writeFileSync(join(project, '.env'), stdout)
  expect(stdout.toString()).toContain('# ours\nOTHER=stays\nKEY_0=')
  expect(stdout.toString()).not.toContain('old')
  writeFileSync(
    join(project, 'compose.yml'),
    `services:\n  app:\n    image: app\n    environment:\n${[...keys, 'OTHER', 'LAST'].map(key => `      ${key}: "\${${key}}"`).join('\n')}\n`,
  )
  const [command = '', ...more] = compose
  const config = spawnSync(command, [...more, '--env-file', join(project, '.env'), 'config'], {
    cwd: project,
    maxBuffer: 1 << 26,
    env: { PATH: process.env.PATH ?? '', HOME: project, LANG: 'C.UTF-8' },
  })
  expect([config.status, config.stderr.toString()]).toEqual([0, ''])
  const environment = environmentIn(config.stdout.toString())
  const wrong = keys.filter((key, index) => environment[key] !== values[index])
  expect(wrong.map(key => [key, values[keys.indexOf(key)], environment[key]])).toEqual([])
  expect([environment['OTHER'], environment['LAST']]).toEqual(['stays', 'no newline'])
}

function environmentIn(yaml: string): Record<string, string> {
  const parsed: unknown = parse(yaml)
  const found: Record<string, string> = {}
  const at = (value: unknown, key: string): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  const environment = at(at(at(parsed, 'services'), 'app'), 'environment')
  if (typeof environment !== 'object' || environment === null) return found
  // compose writes a dollar twice: the text could be read again
  for (const [key, value] of Object.entries(environment)) found[key] = String(value).replaceAll('$$', '$')
  return found
}
