import type { Runtime } from '@aws-deploy-actions/action-runtime'
import type { DeployRun } from './run.ts'
import { serviceRecords } from './told.ts'

/** Sets the outputs as far as they are known; a later value replaces an earlier one. */
export async function setOutputs(run: DeployRun, runtime: Runtime): Promise<void> {
  const [first] = run.rollouts
  if (first === undefined) return
  await runtime.output('task-definition-arn', first.target.arn)
  await runtime.output('previous-task-definition-arn', first.previous.arn)
  const deployment = first.newDeploymentId ?? first.deploymentId
  if (deployment !== undefined) await runtime.output('deployment-id', deployment)
  await runtime.output('services', serviceRecords(run))
}
