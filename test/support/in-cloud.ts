import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import { test } from '@jest/globals'
import { startTaskCloud, type TaskCloud } from './task-cloud.ts'

/** One test in a local AWS of its own; those of a file run side by side. */
export function inCloud(name: string, body: (cloud: TaskCloud) => Promise<void>, options: LocalAwsOptions = {}): void {
  test.concurrent(name, async () => {
    const cloud = await startTaskCloud(options)
    try {
      await body(cloud)
    } finally {
      await cloud.stop()
    }
  })
}
