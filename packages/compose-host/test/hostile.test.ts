import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ComposeDeploy, hostScript, hostValues, MOST_CHARACTERS } from '@aws-deploy-actions/compose-host'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { describeWith } from '../../../test/support/parts.ts'

let folder: string
let canary: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'))
  canary = join(folder, 'canary')
})
afterAll(() => {
  expect(existsSync(canary)).toBe(false)
  rmSync(folder, { recursive: true, force: true })
})

/** Values that mean something to a shell, to SSM, to compose or to git. Always the same ones. */
function hostileValues(count: number, file: string): string[] {
  const fragments = [
    `$(touch ${file})`,
    `\`touch ${file}\``,
    `'; touch ${file}; '`,
    `"; touch ${file}; "`,
    `\nEOF\ntouch ${file}\n`,
    `|touch ${file}`,
    `&& touch ${file} #`,
    `\${HOME}`,
    '$HOME',
    '$$',
    '{{ssm:/secret}}',
    '{{ global:DATE }}',
    '%0A::error::x',
    'EOF',
    "''",
    '"',
    "'",
    '\\',
    '\\n',
    '\t',
    ' ',
    '  ',
    '#',
    ' # no comment',
    '=',
    '!',
    '*',
    '?',
    '~',
    '[a]',
    '{a,b}',
    'é',
    '漢字',
    '🚀',
    '\u202e',
    '\u00a0',
    '--help',
    '-e',
    '../..',
    '\u0001',
    '\u001b[31m',
    'a',
    'value',
  ]
  let state = 20261120
  const next = (below: number): number => {
    state = (state * 48271) % 2147483647
    return state % below
  }
  return Array.from({ length: count }, (_, index) => {
    const pieces = Array.from({ length: 1 + next(6) }, () => fragments[next(fragments.length)] ?? '')
    const value = pieces.join('')
    // 8 KB long, with blanks around, or as it is.
    if (index % 25 === 0) return `${value.repeat(Math.ceil(8192 / value.length))}`.slice(0, 8192)
    return index % 3 === 0 ? ` ${value} ` : value
  })
}

function deployWith(values: Partial<ComposeDeploy>): ComposeDeploy {
  return {
    operation: 'deploy',
    directory: '/opt/shop',
    composeFiles: [],
    services: [],
    env: new Map(),
    envFile: '.env',
    envFrom: new Map(),
    gitRef: undefined,
    gitRepository: undefined,
    registryLogin: 'none',
    before: '',
    after: '',
    recreate: 'changed',
    healthUrl: undefined,
    healthTimeoutMs: 1000,
    rollback: true,
    prune: true,
    keepReleases: 2,
    lockTimeoutMs: 0,
    timeoutMs: 1000,
    holder: 'x',
    region: 'eu-west-1',
    follow: false,
    ...values,
  }
}

/** The script with its last step, bash, replaced by one that only copies what arrived. */
function arrived(deploy: ComposeDeploy): string[] {
  const into = join(folder, `arrived-${Math.random().toString(36).slice(2)}`)
  const tools = join(folder, 'tools')
  mkdirSync(tools, { recursive: true })
  writeFileSync(join(tools, 'bash'), '#!/bin/sh\ncat "$2/values" >"$INTO"\nrm -rf "$2"\n', { mode: 0o755 })
  const script = join(folder, `script-${Math.random().toString(36).slice(2)}.sh`)
  writeFileSync(script, hostScript(deploy), { mode: 0o700 })
  execFileSync('sh', ['-c', script], { env: { PATH: `${tools}:/usr/bin:/bin`, INTO: into } })
  return readFileSync(into, 'utf8').split('\0').slice(0, -1)
}

describe('500 hostile values', () => {
  const values = hostileValues(500, '/tmp/never-touched')

  test('in every input reach the host as they are', () => {
    const own = hostileValues(500, canary)
    expect(new Set(own).size).toBeGreaterThan(450)
    for (let from = 0; from < own.length; from += 20) {
      const some = own.slice(from, from + 20)
      const [value = '', other = ''] = some
      const deploy = deployWith({
        directory: value,
        composeFiles: some.slice(0, 3),
        services: some.slice(3, 6),
        env: new Map(some.map((text, index) => [`KEY_${index}`, text])),
        envFile: other,
        envFrom: new Map([['SECRET', `ssm:${value}`]]),
        gitRef: value,
        gitRepository: other,
        before: value,
        after: other,
        healthUrl: value,
        holder: other,
        region: value,
      })
      expect(arrived(deploy)).toEqual(hostValues(deploy).flat())
    }
    expect(existsSync(canary)).toBe(false)
  })

  test('none of them is to be seen in the command, nor anything that Systems Manager would fill in', () => {
    const script = hostScript(
      deployWith({ env: new Map(values.slice(0, 20).map((text, index) => [`K${index}`, text])) }),
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
