import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs'
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr'
import {
  CreateClusterCommand,
  CreateServiceCommand,
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
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Postgres } from '../postgres.ts'

const SUBNETS = ['subnet-0a1b2c3d', 'subnet-0a1b2c3e']
const PORT = 8080

/**
 * What a team has from its infrastructure code before the first delivery: a cluster, a repository, log groups, a secret, a
 * load balancer, and two services that wait for their first version (no task yet).
 * @returns the address of the listener
 */
export async function createInfrastructure(aws: LocalAws, postgres: Postgres): Promise<string> {
  const settings = {
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' },
  }
  const ecs = new ECSClient(settings)
  const ecr = new ECRClient(settings)
  const logs = new CloudWatchLogsClient(settings)
  const secrets = new SecretsManagerClient(settings)
  const elb = new ElasticLoadBalancingV2Client(settings)
  try {
    await ecs.send(new CreateClusterCommand({ clusterName: 'shop' }))
    await ecr.send(new CreateRepositoryCommand({ repositoryName: 'shop', imageTagMutability: 'IMMUTABLE' }))
    for (const logGroupName of ['/ecs/shop-migrate', '/ecs/shop-api', '/ecs/shop-web'])
      await logs.send(new CreateLogGroupCommand({ logGroupName }))
    const login = JSON.stringify({ username: postgres.user, password: postgres.password })
    await secrets.send(new CreateSecretCommand({ Name: 'shop/database', SecretString: login }))
    const api = await targetGroup(elb, 'api', '/api/health')
    const web = await targetGroup(elb, 'web', '/health')
    const url = await listener(elb, api, web)
    await service(ecs, 'api', api)
    await service(ecs, 'web', web)
    return url
  } finally {
    for (const client of [ecs, ecr, logs, secrets, elb]) client.destroy()
  }
}

async function targetGroup(elb: ElasticLoadBalancingV2Client, name: string, path: string): Promise<string> {
  const { TargetGroups } = await elb.send(
    new CreateTargetGroupCommand({
      Name: `shop-${name}`,
      Protocol: 'HTTP',
      Port: PORT,
      VpcId: 'vpc-0a1b2c3d',
      TargetType: 'ip',
      HealthCheckPath: path,
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

/** One listener on any free port: `/api/*` to the API, everything else to the web application. */
async function listener(elb: ElasticLoadBalancingV2Client, api: string, web: string): Promise<string> {
  const { LoadBalancers } = await elb.send(new CreateLoadBalancerCommand({ Name: 'shop', Subnets: SUBNETS }))
  const { Listeners } = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 0,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: web }],
    }),
  )
  await elb.send(
    new CreateRuleCommand({
      ListenerArn: Listeners?.[0]?.ListenerArn,
      Priority: 10,
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*'] } }],
      Actions: [{ Type: 'forward', TargetGroupArn: api }],
    }),
  )
  return `http://127.0.0.1:${Listeners?.[0]?.Port}`
}

/** A service that has no version yet: its task definition names no image, and no task runs. */
async function service(ecs: ECSClient, name: string, targetGroupArn: string): Promise<void> {
  const family = `shop-${name}`
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name, image: 'none', portMappings: [{ containerPort: PORT }] }],
    }),
  )
  await ecs.send(
    new CreateServiceCommand({
      cluster: 'shop',
      serviceName: name,
      taskDefinition: family,
      desiredCount: 0,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: SUBNETS } },
      loadBalancers: [{ targetGroupArn, containerName: name, containerPort: PORT }],
      healthCheckGracePeriodSeconds: 60,
      deploymentConfiguration: {
        minimumHealthyPercent: 50,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
    }),
  )
}
