import { expect, test } from '@jest/globals'
import { expectDelivered, NO_DOCKER, startedDemo } from './support/demo.ts'

test('releases are delivered and taken back without Docker', async () => {
  await expectDelivered(startedDemo(NO_DOCKER), 'containers are processes of it (not isolated)')
}, 600_000)

test('Ctrl-C stops everything', async () => {
  const demo = startedDemo(NO_DOCKER)
  await demo.until('› Fill in the image')
  demo.interrupt()
  expect(await demo.exitCode).toBe(130)
  expect(demo.left()).toEqual([])
}, 300_000)
