import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import { testWith } from './action-runs.ts'
import { type ServiceCloud, startServiceCloud } from './service-cloud.ts'

/** One test in a local AWS of its own. */
export function inServiceCloud(
  name: string,
  body: (cloud: ServiceCloud) => Promise<void>,
  options: LocalAwsOptions = {},
): void {
  testWith(name, () => startServiceCloud(options), body)
}
