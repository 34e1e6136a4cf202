import type {
  CreateLoadBalancerCommandInput,
  CreateLoadBalancerCommandOutput,
  DeleteLoadBalancerCommandInput,
  DeleteLoadBalancerCommandOutput,
  DescribeLoadBalancersCommandInput,
  DescribeLoadBalancersCommandOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { AwsError, type Operation, operation } from '../../service.ts'
import type { LoadBalancerRecord, LoadBalancing } from './load-balancing.ts'
import { changing, describing, loadBalancerByArn } from './lookup.ts'

/** CreateLoadBalancer, DescribeLoadBalancers, DeleteLoadBalancer. */
export function loadBalancerOperations(balancing: LoadBalancing): Record<string, Operation> {
  return {
    CreateLoadBalancer: operation<CreateLoadBalancerCommandInput, CreateLoadBalancerCommandOutput>({
      needs: ({ Name }, { region, accountId }) =>
        changing(
          'CreateLoadBalancer',
          `arn:aws:elasticloadbalancing:${region}:${accountId}:loadbalancer/app/${Name ?? ''}/*`,
        ),
      run(input, { region }) {
        const { Name = '' } = input
        if (!/^(?!-)(?!internal-)[a-zA-Z0-9-]{1,32}(?<!-)$/.test(Name))
          throw new AwsError('ValidationError', `The load balancer name '${Name}' is not valid`)
        if (input.Type !== undefined && input.Type !== 'application')
          throw new AwsError('ValidationError', `local-aws does not serve load balancers of type ${input.Type}`)
        const known = [...balancing.loadBalancers.values()].find(({ LoadBalancerName }) => LoadBalancerName === Name)
        if (known) return { LoadBalancers: [known] }
        const arn = balancing.newArn(region, `loadbalancer/app/${Name}`)
        const loadBalancer: LoadBalancerRecord = {
          LoadBalancerArn: arn,
          // so that http://DNSNAME:PORT of a listener works on this machine
          DNSName: '127.0.0.1',
          CanonicalHostedZoneId: 'Z32O12XQLNTSW2',
          CreatedTime: new Date(),
          LoadBalancerName: Name,
          Scheme: input.Scheme ?? 'internet-facing',
          VpcId: 'vpc-0a1b2c3d',
          State: { Code: 'active' },
          Type: 'application',
          AvailabilityZones: (input.Subnets ?? []).map((SubnetId, index) => ({
            ZoneName: `${region}${'abc'[index % 3]}`,
            SubnetId,
          })),
          SecurityGroups: input.SecurityGroups ?? [],
          IpAddressType: 'ipv4',
        }
        balancing.loadBalancers.set(arn, loadBalancer)
        if (input.Tags) balancing.tags.set(arn, input.Tags)
        return { LoadBalancers: [loadBalancer] }
      },
    }),
    DescribeLoadBalancers: operation<DescribeLoadBalancersCommandInput, DescribeLoadBalancersCommandOutput>({
      needs: describing('DescribeLoadBalancers'),
      run({ LoadBalancerArns, Names }) {
        for (const arn of LoadBalancerArns ?? []) loadBalancerByArn(balancing, arn)
        const found = [...balancing.loadBalancers.values()].filter(
          ({ LoadBalancerArn, LoadBalancerName }) =>
            (!LoadBalancerArns?.length || LoadBalancerArns.includes(LoadBalancerArn)) &&
            (!Names?.length || Names.includes(LoadBalancerName)),
        )
        // seen in AWS's answers
        if (Names?.length && found.length < Names.length)
          throw new AwsError('LoadBalancerNotFound', `Load balancers '[${Names.join(', ')}]' not found`)
        return { LoadBalancers: found }
      },
    }),
    DeleteLoadBalancer: operation<DeleteLoadBalancerCommandInput, DeleteLoadBalancerCommandOutput>({
      needs: ({ LoadBalancerArn }) => changing('DeleteLoadBalancer', LoadBalancerArn),
      async run({ LoadBalancerArn = '' }) {
        balancing.loadBalancers.delete(LoadBalancerArn)
        for (const [arn, listener] of balancing.listeners) {
          if (listener.loadBalancerArn !== LoadBalancerArn) continue
          balancing.listeners.delete(arn)
          await listener.close()
        }
        balancing.changed()
        return {}
      },
    }),
  }
}
