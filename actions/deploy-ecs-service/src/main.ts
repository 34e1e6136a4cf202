import type { Action } from '@aws-deploy-actions/action-runtime'
import {
  type DeployInputs,
  type DeployRun,
  deployServices,
  readDeployInputs,
  rollBackServices,
  serviceRecords,
  toldOfServices,
} from '@aws-deploy-actions/service-deployment'

/** Puts a new version on ECS services, waits for the truth, and takes it back when it fails. */
export const action: Action<DeployInputs, DeployRun> = {
  name: 'deploy-ecs-service',
  readInputs: readDeployInputs,
  start: ({ cluster, region }) => ({ cluster, region, rollouts: [], differences: new Map(), failures: new Map() }),
  main: async (inputs, run, runtime) => {
    try {
      return await (inputs.operation === 'rollback' ? rollBackServices : deployServices)(inputs, run, runtime)
    } finally {
      const [first] = run.rollouts
      if (first !== undefined) {
        await runtime.output('task-definition-arn', first.target.arn)
        await runtime.output('previous-task-definition-arn', first.previous.arn)
        if (first.deploymentId !== undefined) await runtime.output('deployment-id', first.deploymentId)
        await runtime.output('services', serviceRecords(run))
      }
    }
  },
  tell: (_, run, outcome) => toldOfServices(run, outcome),
}
