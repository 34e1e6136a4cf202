import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DescribeClustersCommand, ECSClient } from '@aws-sdk/client-ecs'
import { DescribeInstanceInformationCommand, GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parsedSeed } from '../src/seed.ts'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-aws-cli-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Starts the command and waits for the last line that it prints. */
async function started(
  args: readonly string[],
): Promise<{ child: ChildProcess; environment: Map<string, string>; text: string; ms: number }> {
  const begin = performance.now()
  const child = spawn(process.execPath, [cli, ...args], {
    env: { PATH: process.env.PATH, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  await new Promise<void>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`ended with ${code}: ${text}`)))
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      if (/^# registry .*\n/m.test(text)) resolve()
    })
  })
  const environment = new Map(
    [...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  return { child, environment, text, ms: performance.now() - begin }
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const code = new Promise<number | null>(resolve => child.once('exit', resolve))
  child.kill(signal)
  return code
}

describe('the command', () => {
  test('prints an environment, serves, and stops clean', async () => {
    const seed = join(folder, 'seed.yml')
    await writeFile(
      seed,
      'clusters: [shop]\nrepositories: [api]\nlog-groups: [/ecs/api]\nsecrets:\n  db: "x"\nparameters:\n  /shop/key: k\n' +
        'hosts:\n  - { instanceId: i-0123456789abcdef0, tags: { Role: web } }\n',
    )
    const { child, environment, ms } = await started(['--speed', '50', '--seed', seed])
    try {
      const settings = {
        endpoint: environment.get('AWS_ENDPOINT_URL') ?? '',
        region: environment.get('AWS_REGION') ?? '',
        credentials: {
          accessKeyId: environment.get('AWS_ACCESS_KEY_ID') ?? '',
          secretAccessKey: environment.get('AWS_SECRET_ACCESS_KEY') ?? '',
        },
      }
      const ecs = new ECSClient(settings)
      const ssm = new SSMClient(settings)
      const { clusters } = await ecs.send(new DescribeClustersCommand({ clusters: ['shop'] }))
      expect(clusters).toMatchObject([{ clusterName: 'shop', capacityProviders: ['FARGATE', 'FARGATE_SPOT'] }])
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/shop/key', WithDecryption: true }))
      expect(Parameter?.Value).toBe('k')
      const { InstanceInformationList } = await ssm.send(new DescribeInstanceInformationCommand({}))
      expect(InstanceInformationList).toMatchObject([{ InstanceId: 'i-0123456789abcdef0', PingStatus: 'Online' }])
      ecs.destroy()
      ssm.destroy()
    } finally {
      expect(await ended(child, 'SIGTERM')).toBe(0)
    }
    // aimed at under a second; the bound only catches what is out of proportion on a busy machine
    expect(ms).toBeLessThan(20_000)
  })

  test('SIGINT leaves no folder', async () => {
    const { child } = await started([])
    expect(await ended(child, 'SIGINT')).toBe(0)
    const left = (await import('node:fs/promises')).readdir(folder)
    expect((await left).filter(name => name.startsWith('local-aws-'))).toEqual([])
    expect(existsSync(folder)).toBe(true)
  })

  test.each([
    [['--engine', 'vm'], '--engine must be process, docker or auto, not vm'],
    [['--speed', '0'], '--speed must be a number over 0, not 0'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('%j is refused', async (args, text) => {
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>(resolve => {
      execFile(process.execPath, [cli, ...args], (error, _stdout, printed) =>
        resolve({ code: error?.code, stderr: printed }),
      )
    })
    expect(code).toBe(1)
    expect(stderr).toContain(text)
  })
})

describe('a seed file', () => {
  test.each([
    ['clusters: shop', 'clusters must be a list of names'],
    ['secrets: [a]', 'secrets must be a map'],
    ['cluster: [a]', 'unknown in the seed file: cluster'],
    ['hosts: [{ instanceId: web }]', 'host: instanceId must be'],
    ['- a', 'a seed file is a map'],
  ])('%j is refused', (yaml, text) => {
    expect(() => parsedSeed(yaml)).toThrow(text)
  })

  test('an empty one is fine; values that are no text become JSON', () => {
    expect(parsedSeed('')).toEqual({
      clusters: [],
      repositories: [],
      publicRepositories: [],
      logGroups: [],
      secrets: {},
      parameters: {},
      hosts: [],
    })
    expect(parsedSeed('secrets: {a: {url: x}, b: 5}').secrets).toEqual({ a: '{"url":"x"}', b: '5' })
  })
})
