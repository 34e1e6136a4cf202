import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import { test } from '@jest/globals'
import { type ServiceCloud, startServiceCloud } from './service-cloud.ts'

/** One test in a local AWS of its own; those of a file run side by side. */
export function inServiceCloud(
  name: string,
  body: (cloud: ServiceCloud) => Promise<void>,
  options: LocalAwsOptions = {},
): void {
  test.concurrent(name, async () => {
    const cloud = await startServiceCloud(options)
    try {
      await body(cloud)
    } finally {
      await cloud.stop()
    }
  })
}
