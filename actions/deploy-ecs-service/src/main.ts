import type { Action } from '@aws-deploy-actions/action-runtime'
import {
  type DeployInputs,
  type DeployRun,
  deployServices,
  readDeployInputs,
  toldOfServices,
} from '@aws-deploy-actions/service-deployment'

/** Puts a new version on ECS services, waits for the truth, and takes it back when it fails. */
export const action: Action<DeployInputs, DeployRun> = {
  name: 'deploy-ecs-service',
  readInputs: readDeployInputs,
  start: ({ cluster, region }) => ({ cluster, region, rollouts: [], differences: new Map(), failures: new Map() }),
  main: deployServices,
  tell: (_, run, outcome) => toldOfServices(run, outcome),
}
