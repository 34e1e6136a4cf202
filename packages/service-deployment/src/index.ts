export { rollBackUnsettled } from './clean-up.ts'
export { type DeployInputs, readDeployInputs } from './inputs.ts'
export { type DeployRun, deployServices } from './run.ts'
export { toldOfServices } from './told.ts'
