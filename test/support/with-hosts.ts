import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import { testWith } from './action-runs.ts'
import { type HostCloud, startHostCloud } from './host-cloud.ts'

/** One test in a cloud of its own. */
export function withHosts(
  name: string,
  body: (cloud: HostCloud) => Promise<void>,
  options: LocalAwsOptions = {},
  mostMs = 240_000,
): void {
  testWith(name, () => startHostCloud(options), body, mostMs)
}
