import { setTimeout as sleep } from 'node:timers/promises'
import { registrableDocument } from '@aws-deploy-actions/ecs'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import {
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs'
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { pushPlaceholder } from './placeholder.ts'
import type { ServiceSeed } from './rehearsal-file.ts'

const SUBNETS = ['subnet-0a1b2c3d', 'subnet-0a1b2c3e']

/**
 * What a team's infrastructure code made before the first delivery: a load balancer, and services that run something that
 * answers. They roll at 50 to 200 percent, with the circuit breaker on.
 * @param docker path of the rehearsal's docker command
 * @returns the address of the listener; undefined without services
 */
export async function createServices(
  aws: LocalAws,
  seeds: readonly ServiceSeed[],
  docker: string,
): Promise<string | undefined> {
  if (seeds.length === 0) return undefined
  const ecs = new ECSClient(settingsFor(aws))
  const elb = new ElasticLoadBalancingV2Client(settingsFor(aws))
  try {
    const groups = new Map<ServiceSeed, string>()
    for (const seed of seeds) groups.set(seed, await targetGroup(elb, seed))
    const [first] = groups.values()
    const fallback = [...groups].find(([{ paths }]) => paths.length === 0)?.[1] ?? first ?? ''
    const { arn, url } = await listener(elb, fallback)
    const image = seeds.some(({ tasks }) => tasks > 0) ? await pushPlaceholder(aws, docker) : 'none'
    for (const [index, [seed, group]] of [...groups].entries()) {
      if (seed.paths.length > 0) await rule(elb, arn, 10 * (index + 1), seed.paths, group)
      await service(ecs, seed, group, image, aws.accountId)
    }
    await settled(ecs, seeds)
    return url
  } finally {
    ecs.destroy()
    elb.destroy()
  }
}

/**
 * Task definitions that a team's infrastructure code made.
 * @throws Failure that lists what is wrong in one
 */
export async function registerTaskDefinitions(aws: LocalAws, definitions: readonly unknown[]): Promise<void> {
  const ecs = new ECSClient(settingsFor(aws))
  for (const [index, definition] of definitions.entries())
    await ecs.send(new RegisterTaskDefinitionCommand(registrableDocument(definition, `${index + 1} of the rehearsal`)))
  ecs.destroy()
}

function settingsFor({ endpoint }: LocalAws) {
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' }
  return { endpoint, region: 'eu-west-1', credentials }
}

async function targetGroup(elb: ElasticLoadBalancingV2Client, { family, port, health }: ServiceSeed): Promise<string> {
  const { TargetGroups } = await elb.send(
    new CreateTargetGroupCommand({
      Name: family.slice(0, 32),
      Protocol: 'HTTP',
      Port: port,
      VpcId: 'vpc-0a1b2c3d',
      TargetType: 'ip',
      HealthCheckPath: health,
      HealthCheckIntervalSeconds: 10,
      HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 2,
    }),
  )
  const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn ?? ''
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '20' }]
  await elb.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }))
  return TargetGroupArn
}

async function listener(elb: ElasticLoadBalancingV2Client, fallback: string): Promise<{ arn: string; url: string }> {
  const { LoadBalancers } = await elb.send(new CreateLoadBalancerCommand({ Name: 'rehearsal', Subnets: SUBNETS }))
  const { Listeners } = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 0,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: fallback }],
    }),
  )
  return { arn: Listeners?.[0]?.ListenerArn ?? '', url: `http://127.0.0.1:${Listeners?.[0]?.Port}` }
}

async function rule(
  elb: ElasticLoadBalancingV2Client,
  ListenerArn: string,
  Priority: number,
  paths: readonly string[],
  TargetGroupArn: string,
): Promise<void> {
  const Conditions = [{ Field: 'path-pattern', PathPatternConfig: { Values: [...paths] } }]
  const Actions = [{ Type: 'forward' as const, TargetGroupArn }]
  await elb.send(new CreateRuleCommand({ ListenerArn, Priority, Conditions, Actions }))
}

async function service(
  ecs: ECSClient,
  { name, cluster, family, container, port, tasks }: ServiceSeed,
  targetGroupArn: string,
  image: string,
  accountId: string,
): Promise<void> {
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      executionRoleArn: `arn:aws:iam::${accountId}:role/rehearsal-execution`,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: container, image, portMappings: [{ containerPort: port }] }],
    }),
  )
  await ecs.send(
    new CreateServiceCommand({
      cluster,
      serviceName: name,
      taskDefinition: family,
      desiredCount: tasks,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: SUBNETS } },
      loadBalancers: [{ targetGroupArn, containerName: container, containerPort: port }],
      healthCheckGracePeriodSeconds: 60,
      deploymentConfiguration: {
        minimumHealthyPercent: 50,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
    }),
  )
}

/** @throws Error when a service does not come up; what runs in it comes up in seconds */
async function settled(ecs: ECSClient, seeds: readonly ServiceSeed[]): Promise<void> {
  const deadline = performance.now() + 60_000
  for (const { name, cluster, tasks } of seeds) {
    for (;;) {
      const { services } = await ecs.send(new DescribeServicesCommand({ cluster, services: [name] }))
      const [service] = services ?? []
      const isUp = service?.runningCount === tasks && service.deployments?.[0]?.rolloutState === 'COMPLETED'
      if (tasks === 0 || isUp) break
      if (performance.now() > deadline)
        throw new Error(`the service ${name} does not come up: ${service?.events?.[0]?.message ?? 'it has no events'}`)
      await sleep(100)
    }
  }
}
