import type { Runtime } from '@aws-deploy-actions/action-runtime'
import type { Calling } from '@aws-deploy-actions/aws-clients'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import type { ECSClient } from '@aws-sdk/client-ecs'
import type { DeployInputs } from './inputs.ts'
import type { ServicePoller } from './poller.ts'
import type { TargetWatch } from './targets.ts'

/** What a step needs to roll services out. */
export interface Step {
  readonly ecs: ECSClient
  readonly inputs: DeployInputs
  readonly runtime: Runtime
  readonly calling: Calling
  /** failures by service, for the verdict of the step */
  readonly failures: Map<string, FailureRecord>
  readonly poller: ServicePoller
  readonly targets: TargetWatch
  /** called when something became known that the outputs tell */
  readonly announce: () => Promise<void>
}
