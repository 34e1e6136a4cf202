import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../support/parts.ts'
import { shownText } from '../support/shown-text.ts'
import './patience.ts'
import type { DockerHost } from './docker-host.ts'
import { EC2, type HostShop, startHostShop } from './host-deliveries.ts'
import { type Delivery, outputs, page, step } from './stages.ts'

const { but, failedAt, stages } = EC2
const DEPLOY = 'deliver / deploy / deploy'
const TAKES = { HOST_BEFORE: 'test ! -e refuses' }

// One after the other: what one leaves on the hosts is what the next finds.
describeWith(['mount namespaces'], 'the pipeline for EC2 with three hosts', () => {
  let shop: HostShop
  beforeAll(async () => {
    shop = await startHostShop({}, 3)
  })
  afterEach(async () => {
    shop.web.pretend(undefined)
    for (const host of shop.hosts) await rm(join(host.directory, 'refuses'), { force: true })
  })
  afterAll(() => shop?.stop())

  const running = (): (string | undefined)[] => shop.hosts.map(host => host.running())
  const host = (number: number): DockerHost => shop.hosts[number - 1] ?? shop.web
  /** Status of each host in the output, in the order of their ids. */
  const told = (run: Parameters<typeof outputs>[0]): string[] =>
    [...(outputs(run)['instances'] ?? '').matchAll(/"id":"(i-\w+)","status":"([\w-]+)"/g)]
      .map(([, id = '', status = '']) => `${id.slice(-1)} ${status}`)
      .toSorted()
  /** Delivers a tag while what comes before the deployment fails on some hosts. */
  const deliver = async (tag: string, refusing: readonly number[], more: Delivery = {}) => {
    for (const number of refusing) await writeFile(join(host(number).directory, 'refuses'), '')
    return shop.deliver({ ...more, vars: { TAG: tag, ...TAKES, ...more.vars } })
  }

  test('all get what was built, one after the other', async () => {
    const run = await deliver('one', [])
    expect(stages(run)).toEqual(but({}))
    expect(told(run)).toEqual(['1 deployed', '2 deployed', '3 deployed'])
    expect(running()).toEqual(['one', 'one', 'one'])
    for (const { host: machine } of shop.hosts) expect(page(run)).toContain(machine.instanceId)
  })

  test('the first fails: the others are left alone', async () => {
    const run = await deliver('two', [1])
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(told(run)).toEqual(['1 failed', '2 not-started', '3 not-started'])
    expect(step(run, DEPLOY, 'Smoke test')).toBe('skipped')
    expect(shownText(page(run))).toContain('The commands of `before` failed with 1')
    expect(page(run)).toContain('not-started')
    expect(running()).toEqual(['one', 'one', 'one'])
  })

  test('the first fails, and one may: the others get it, and the delivery failed all the same', async () => {
    const run = await deliver('two', [1], { vars: { MAX_ERRORS: '1' } })
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(told(run)).toEqual(['1 failed', '2 deployed', '3 deployed'])
    expect(step(run, DEPLOY, 'Smoke test')).toBe('skipped')
    expect(shownText(page(run))).toContain('The commands of `before` failed with 1')
    expect(running()).toEqual(['one', 'two', 'two'])
  })

  test('a failed smoke test puts back all', async () => {
    expect(stages(await deliver('two', []))).toEqual(but({}))
    shop.web.pretend('something else')
    const run = await deliver('three', [])
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(step(run, DEPLOY, 'Roll back')).toBe('success')
    expect(told(run)).toEqual(['1 rolled-back', '2 rolled-back', '3 rolled-back'])
    expect(page(run)).toContain('something else')
    expect(running()).toEqual(['two', 'two', 'two'])
  })

  test('one that cannot go back keeps none of the others from it', async () => {
    shop.web.pretend('something else')
    const state = join(dirname(shop.web.directory), '.shop.deploy')
    const lost: Promise<void>[] = []
    const run = await deliver('three', [], {
      onStep: (job, name) => {
        if (job === DEPLOY && name === 'Smoke test') lost.push(rm(join(state, 'releases'), { recursive: true }))
      },
    })
    await Promise.all(lost)
    expect(stages(run)).toEqual(failedAt('deploy'))
    expect(step(run, DEPLOY, 'Roll back')).toBe('failure')
    expect(told(run)).toEqual(['1 failed', '2 rolled-back', '3 rolled-back'])
    expect(page(run)).toContain('i-0123456789abcdef1')
    expect(running()).toEqual(['three', 'two', 'two'])
  })
})
