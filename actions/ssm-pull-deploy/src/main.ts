import { type Action, Deadline, durationText, type Runtime } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import { onlineHosts, readableScript } from '@aws-deploy-actions/compose-host'
import { SSMClient } from '@aws-sdk/client-ssm'
import { deployOnHosts } from './deploy.ts'
import { type DeployInputs, readDeployInputs } from './inputs.ts'
import { setOutputs, toldOfHosts } from './report.ts'
import type { DeployRun } from './run.ts'
import { verdict } from './verdict.ts'

/** Deploys a compose project on hosts: who is there, send, watch until every host has said what it has proven. */
export const action: Action<DeployInputs, DeployRun> = {
  name: 'ssm-pull-deploy',
  readInputs: readDeployInputs,
  start: ({ region, deploy }) => ({
    region,
    directory: deploy.directory,
    hosts: [],
    outcomes: new Map(),
    seen: new Map(),
  }),
  main: async (inputs, run, runtime) => {
    if (inputs.dryRun) return planned(inputs, runtime)
    const { log, signal } = runtime
    const ssm = new SSMClient(sdkConfig(inputs.region))
    try {
      const lookUp = new Deadline(runtime, inputs.timeoutMs, {
        what: `The hosts could not be looked up within ${durationText(inputs.timeoutMs)}.`,
      })
      run.hosts = await onlineHosts(ssm, inputs.targets, { clock: runtime, log, signal, deadline: lookUp })
      log.info(`${run.hosts.length === 1 ? 'Host' : 'Hosts'}: ${run.hosts.join(', ')}`)
      await deployOnHosts(ssm, inputs, run, runtime)
    } finally {
      await setOutputs(run, runtime)
    }
    return verdict(run, inputs.deploy.operation)
  },
  tell: ({ deploy }, run, outcome) => toldOfHosts(deploy, run, outcome),
}

async function planned({ deploy }: DeployInputs, { log }: Runtime): Promise<string> {
  const { program, values } = readableScript(deploy)
  await log.group('The program for the host', async () => log.outside('program', program.split('\n')))
  log.outside('value', values)
  return 'planned'
}
