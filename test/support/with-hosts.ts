import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import { test } from '@jest/globals'
import { type HostCloud, startHostCloud } from './host-cloud.ts'

/** One test in a cloud of its own; those of a file run side by side. */
export function withHosts(
  name: string,
  body: (cloud: HostCloud) => Promise<void>,
  options: LocalAwsOptions = {},
  mostMs = 240_000,
): void {
  const run = async (): Promise<void> => {
    const cloud = await startHostCloud(options)
    try {
      await body(cloud)
    } finally {
      await cloud.stop()
    }
  }
  test.concurrent(name, run, mostMs)
}
