import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import { testWith } from './action-runs.ts'
import { startTaskCloud, type TaskCloud } from './task-cloud.ts'

/** One test in a local AWS of its own. */
export function inCloud(name: string, body: (cloud: TaskCloud) => Promise<void>, options: LocalAwsOptions = {}): void {
  testWith(name, () => startTaskCloud(options), body)
}
