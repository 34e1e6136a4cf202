import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import type { ScriptedEnd } from '../src/index.ts'
import { content, isGone, startedHosts, web1, web2, withHosts } from './support/hosts.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssm-hosts-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

let names = 0
function fresh(): string {
  names += 1
  return join(folder, `file-${names}`)
}
const untilThere = (file: string) => `until [ -e ${file} ]; do sleep 0.01; done`

describe('a host whose agent has no connection', () => {
  test('that nobody has noticed: Online, and yet Delayed', async () => {
    await withHosts([{ instanceId: web1, state: 'unresponsive' }], async cloud => {
      const commandId = await cloud.send(['true'], { TimeoutSeconds: 7200 })
      await cloud.until(commandId, ([first]) => first?.StatusDetails === 'Delayed')
      await cloud.cancel(commandId)
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Cancelled' })
    })
  })

  test('Delayed, then it runs when the agent is back', async () => {
    await withHosts([{ instanceId: web1, state: 'offline' }], async cloud => {
      const commandId = await cloud.send(['echo at last'], { TimeoutSeconds: 7200 })
      await cloud.until(commandId, ([first]) => first?.StatusDetails === 'Delayed')
      expect(await cloud.get(commandId)).toMatchObject({
        Status: 'Pending',
        StatusDetails: 'Delayed',
        ResponseCode: -1,
      })
      await cloud.host().become('online')
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Success' })
    })
  })

  test('DeliveryTimedOut after the sum of both time-outs; no error, and nothing has run', async () => {
    await withHosts([{ instanceId: web1, state: 'offline' }], async cloud => {
      const file = fresh()
      const commandId = await cloud.send([`touch ${file}`], { TimeoutSeconds: 30 }, { executionTimeout: ['60'] })
      expect(await cloud.ended(commandId)).toMatchObject({
        Status: 'TimedOut',
        StatusDetails: 'DeliveryTimedOut',
        ErrorCount: 0,
        DeliveryTimedOutCount: 1,
      })
      expect(await cloud.get(commandId)).toMatchObject({
        Status: 'TimedOut',
        StatusDetails: 'DeliveryTimedOut',
        ResponseCode: -1,
        ExecutionStartDateTime: '',
      })
      await cloud.host().become('online')
      expect(existsSync(file)).toBe(false)
    })
  })

  test('beside one that works: Incomplete with an error allowed, DeliveryTimedOut without', async () => {
    await withHosts([{ instanceId: web1 }, { instanceId: web2, state: 'offline' }], async cloud => {
      const more = { InstanceIds: [web1, web2], TimeoutSeconds: 30 }
      const [lenient, strict] = await Promise.all([
        cloud.send(['true'], { ...more, MaxErrors: '1' }, { executionTimeout: ['30'] }),
        cloud.send(['true'], more, { executionTimeout: ['30'] }),
      ])
      expect(await cloud.ended(lenient)).toMatchObject({ Status: 'Failed', StatusDetails: 'Incomplete' })
      expect(await cloud.ended(strict)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' })
    })
  })

  test('lost half-way: the script goes on, and its end is known when the agent is back', async () => {
    await withHosts([{ instanceId: web1 }], async cloud => {
      const [began, go, done] = [fresh(), fresh(), fresh()]
      const commandId = await cloud.send([`echo x > ${began}`, untilThere(go), `echo x > ${done}`])
      await content(began)
      await cloud.running(commandId)
      await cloud.host().become('offline')
      await writeFile(go, '')
      await content(done)
      expect(await cloud.get(commandId)).toMatchObject({ Status: 'InProgress' })
      await cloud.host().become('online')
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Success' })
    })
  })

  test('lost half-way and never back: the command expires', async () => {
    await withHosts([{ instanceId: web1, executionSpeed: 100 }], async cloud => {
      const began = fresh()
      const commandId = await cloud.send(
        [`echo x > ${began}`, 'sleep 60'],
        { TimeoutSeconds: 30 },
        { executionTimeout: ['20'] },
      )
      await content(began)
      await cloud.host().become('offline')
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' })
    })
  })

  test('a cancel reaches the script only when the agent is back', async () => {
    await withHosts([{ instanceId: web1 }], async cloud => {
      const pid = fresh()
      const commandId = await cloud.send([`echo $$ > ${pid}; sleep 60`])
      const script = Number(await content(pid))
      await cloud.host().become('offline')
      await cloud.cancel(commandId)
      await cloud.until(commandId, ([first]) => first?.StatusDetails === 'Cancelling')
      await cloud.host().become('online')
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Cancelled' })
      expect(await isGone(script)).toBe(true)
    })
  })
})

describe('a host that goes down', () => {
  test('rebooted half-way: all its processes are killed, the invocation fails when the agent is back', async () => {
    await withHosts([{ instanceId: web1 }], async cloud => {
      const [shell, daemon] = [fresh(), fresh()]
      const commandId = await cloud.send([
        `setsid sh -c 'echo $$ > ${daemon}; exec sleep 60' &`,
        `echo $$ > ${shell}; sleep 60`,
      ])
      const pids = [Number(await content(shell)), Number(await content(daemon))]
      await cloud.host().become('rebooted')
      for (const pid of pids) expect(await isGone(pid)).toBe(true)
      const [invocation] = await cloud.until(commandId, ([first]) => first?.Status === 'Failed')
      expect(invocation?.CommandPlugins).toMatchObject([
        { Output: expect.stringMatching(/^document process failed unexpectedly: /), ResponseCode: 0 },
      ])
      expect(await cloud.get(commandId)).toMatchObject({ StatusDetails: 'Failed', StandardOutputContent: '' })
      expect(await cloud.ran(['echo up again'])).toMatchObject({ StandardOutputContent: 'up again\n' })
    })
  })

  test('stopped, then started', async () => {
    await withHosts([{ instanceId: web1, state: 'stopped' }], async cloud => {
      const commandId = await cloud.send(['true'], { TimeoutSeconds: 7200 })
      await cloud.until(commandId, ([first]) => first?.StatusDetails === 'Delayed')
      await cloud.host().become('online')
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Success' })
    })
  })

  test('terminated: what waits is Undeliverable, and nothing more can be sent', async () => {
    await withHosts([{ instanceId: web1 }, { instanceId: web2, state: 'offline' }], async cloud => {
      const commandId = await cloud.send(['true'], { InstanceIds: [web1, web2], TimeoutSeconds: 7200 })
      await cloud.until(commandId, all => all.some(({ StatusDetails }) => StatusDetails === 'Delayed'))
      await cloud.host(web2).become('terminated')
      // neither an error nor less of a Success
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Success', ErrorCount: 0, CompletedCount: 2 })
      expect(await cloud.get(commandId, web2)).toMatchObject({ Status: 'Failed', StatusDetails: 'Undeliverable' })
      await expect(cloud.send(['true'], { InstanceIds: [web2] })).rejects.toMatchObject({
        name: 'InvalidInstanceId',
        message: `Instances [[${web2}]] not in a valid state for account 123456789012`,
      })
    })
  })

  test('a slow one takes its time at each step', async () => {
    await withHosts([{ instanceId: web1, latencyMs: 100 }], async cloud => {
      const began = Date.now()
      expect(await cloud.ran(['true'])).toMatchObject({ Status: 'Success' })
      expect(Date.now() - began).toBeGreaterThanOrEqual(200)
    })
  })
})

test('too slow for the delivery time-out', async () => {
  await withHosts([{ instanceId: web1, latencyMs: 1_200 }], async cloud => {
    const file = fresh()
    const result = await cloud.ran([`touch ${file}`], { TimeoutSeconds: 30 }, { executionTimeout: ['60'] })
    expect(result).toMatchObject({ StatusDetails: 'DeliveryTimedOut', ResponseCode: -1 })
    expect(existsSync(file)).toBe(false)
  })
})

describe('ends that are scripted', () => {
  test.each<[ScriptedEnd, string, number]>([
    ['Failed', 'Failed', 1],
    ['ExecutionTimedOut', 'TimedOut', 137],
    ['DeliveryTimedOut', 'TimedOut', -1],
    ['Undeliverable', 'Failed', -1],
    ['Terminated', 'Cancelled', -1],
    ['InvalidPlatform', 'Failed', -1],
    ['AccessDenied', 'Failed', -1],
    ['Cancelled', 'Cancelled', -1],
  ])('%s is %s', async (details, status, code) => {
    await withHosts([{ instanceId: web1 }], async cloud => {
      const file = fresh()
      cloud.host().answerNext(details)
      expect(await cloud.ran([`touch ${file}`])).toMatchObject({
        Status: status,
        StatusDetails: details,
        ResponseCode: code,
      })
      expect(existsSync(file)).toBe(false)
      expect(await cloud.ran(['true'])).toMatchObject({ Status: 'Success' })
    })
  })
})

describe('platforms', () => {
  test('Windows: refused by id, InvalidPlatform by tag', async () => {
    await withHosts([{ instanceId: web1, platform: 'Windows', tags: { Role: 'web' } }], async cloud => {
      await expect(cloud.send(['true'])).rejects.toMatchObject({ name: 'UnsupportedPlatformType' })
      const commandId = await cloud.send(['true'], { Targets: [{ Key: 'tag:Role', Values: ['web'] }] })
      expect(await cloud.ended(commandId)).toMatchObject({ Status: 'Failed', ErrorCount: 0 })
      expect(await cloud.get(commandId)).toMatchObject({ StatusDetails: 'InvalidPlatform', ResponseCode: -1 })
    })
  })
})

describe('tools', () => {
  test('programs can be missing, and be the host’s own', async () => {
    await withHosts(
      [{ instanceId: web1, without: ['git', 'wc'], tools: { git: '#!/bin/sh\necho not git\n' } }],
      async cloud => {
        const { StandardOutputContent } = await cloud.ran(['command -v wc || echo none', 'git', 'command -v ls'])
        expect(StandardOutputContent).toMatch(/^none\nnot git\n\/.*\/ls\n$/)
      },
    )
  })

  test('each host has a folder of its own, with a base name of its own', async () => {
    await withHosts([{ instanceId: web1 }, { instanceId: web2 }], async cloud => {
      const directories = await Promise.all([web1, web2].map(id => cloud.host(id).projectDirectory('shop')))
      expect(new Set(directories.map(path => path.split('/').at(-1))).size).toBe(2)
      for (const directory of directories) expect(existsSync(directory)).toBe(true)
    })
  })
})

describeWith(['mount namespaces and port 53'], 'a small disk', () => {
  test('is full as real ones are', async () => {
    let directory = ''
    await withHosts([{ instanceId: web1, diskKilobytes: 64 }], async cloud => {
      directory = cloud.host().directory
      const result = await cloud.ran([`cd ${directory}; df -Pk . | tail -1; head -c 100000 /dev/zero > file`])
      expect(result).toMatchObject({ Status: 'Failed', StandardOutputContent: expect.stringContaining(' 64 ') })
      expect(result.StandardErrorContent).toContain('No space left on device')
    })
    expect(await readFile('/proc/mounts', 'utf8')).not.toContain(directory)
  })
})

test('starts and stops quickly, and leaves nothing behind', async () => {
  const began = Date.now()
  const cloud = await startedHosts([{ instanceId: web1 }])
  expect(Date.now() - began).toBeLessThan(10_000)
  const [pid, orphan] = [fresh(), fresh()]
  await cloud.send([`setsid sh -c 'echo $$ > ${orphan}; exec sleep 60' & echo $$ > ${pid}; sleep 60`])
  const pids = [Number(await content(pid)), Number(await content(orphan))]
  const { directory } = cloud.host()
  await cloud.stop()
  for (const each of pids) expect(await isGone(each)).toBe(true)
  expect(existsSync(directory)).toBe(false)
})
