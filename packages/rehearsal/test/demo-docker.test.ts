import { test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { expectDelivered, startedDemo } from './support/demo.ts'

describeWith(['Docker Engine', 'bridge network', 'busybox-static'], 'the demo', () => {
  test('releases are delivered and taken back with containers', async () => {
    await expectDelivered(startedDemo(), 'containers run in the Docker Engine')
  }, 600_000)
})
