import type { CreateServiceCommandInput } from '@aws-sdk/client-ecs'
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  type CreateTargetGroupCommandInput,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import type { ServiceCloud } from './service-cloud.ts'

/**
 * Creates a service of the web server behind a load balancer.
 * @param health settings of its target group
 * @returns the address of the listener
 */
export async function behindBalancer(
  cloud: ServiceCloud,
  name: string,
  more: Partial<CreateServiceCommandInput> = {},
  health: Partial<CreateTargetGroupCommandInput> = {},
): Promise<string> {
  const elb = new ElasticLoadBalancingV2Client({
    endpoint: cloud.aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
  })
  const subnets = ['subnet-0a1b2c3d', 'subnet-0a1b2c3e']
  const { LoadBalancers } = await elb.send(new CreateLoadBalancerCommand({ Name: 'main', Subnets: subnets }))
  const { TargetGroups } = await elb.send(
    new CreateTargetGroupCommand({
      Name: name,
      Protocol: 'HTTP',
      Port: 8080,
      VpcId: 'vpc-0a1b2c3d',
      TargetType: 'ip',
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 2,
      HealthyThresholdCount: 2,
      ...health,
    }),
  )
  const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn ?? ''
  const { Listeners } = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
      Protocol: 'HTTP',
      // any free port
      Port: 0,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    }),
  )
  elb.destroy()
  await cloud.create(name, {
    loadBalancers: [{ targetGroupArn: TargetGroupArn, containerName: 'web', containerPort: 8080 }],
    ...more,
  })
  return `http://127.0.0.1:${Listeners?.[0]?.Port}/`
}
