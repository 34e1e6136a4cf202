import type { Access } from '../access.ts'
import type { Cloud } from '../cloud.ts'
import type { Engine } from '../engine.ts'
import type { Fleet } from '../hosts/fleet.ts'
import type { Service } from '../service.ts'
import { ecr } from './ecr.ts'
import { ecrPublic } from './ecr-public.ts'
import { ecsService } from './ecs/ecs.ts'
import { secretValueFrom } from './ecs/secret-values.ts'
import { Alarms } from './ecs/service/alarms.ts'
import { EcsRegions } from './ecs/state.ts'
import { TaskScripts } from './ecs/task-scripts.ts'
import { elbService } from './elb/elb.ts'
import { LoadBalancing } from './elb/load-balancing.ts'
import { logsService } from './logs/logs.ts'
import { LogStore } from './logs/store.ts'
import { SecretStore, secretsManagerService } from './secretsmanager.ts'
import { ParameterStore } from './ssm/parameters.ts'
import { ssmService } from './ssm/ssm.ts'
import { stsService } from './sts.ts'

/** Every API of a cloud, and what `/_local/status` says about their state. */
export function cloudServices(
  cloud: Cloud,
  engine: Engine,
  access: Access,
  fleet: Fleet,
): {
  services: Service[]
  alarms: Alarms
  scripts: TaskScripts
  stateSummary(): Record<string, unknown>
  /** closes the ports of listeners */
  close(): Promise<void>
} {
  const logs = new LogStore(cloud.accountId)
  const regions = new EcsRegions()
  const secrets = new SecretStore(cloud.accountId)
  const parameters = new ParameterStore(cloud.accountId)
  const balancing = new LoadBalancing(cloud)
  const alarms = new Alarms()
  const scripts = new TaskScripts()
  const secretValue = secretValueFrom(secrets, parameters)
  return {
    services: [
      stsService,
      ecr,
      ecrPublic,
      logsService(logs),
      secretsManagerService(secrets),
      ssmService(parameters, fleet, { cloud, logs, access }),
      elbService(balancing),
      ecsService(regions, { cloud, engine, logs, scripts, secretValue }, balancing, alarms),
    ],
    alarms,
    scripts,
    close: () => balancing.close(),
    stateSummary: () => ({
      serviceDeployments: regions
        .all()
        .flatMap(({ services }) =>
          [...services.values()].flatMap(({ deployments }) =>
            deployments.map(({ arn, course }) => ({ serviceDeploymentArn: arn, course })),
          ),
        ),
      listeners: [...balancing.listeners.values()].map(({ arn, port }) => ({ listenerArn: arn, port })),
      tasks: regions
        .all()
        .flatMap(({ tasks }) =>
          [...tasks.values()].map(({ task }) => ({ taskArn: task.taskArn, lastStatus: task.lastStatus })),
        ),
    }),
  }
}
