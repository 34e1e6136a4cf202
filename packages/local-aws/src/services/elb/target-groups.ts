import type {
  CreateTargetGroupCommandInput,
  CreateTargetGroupCommandOutput,
  DeleteTargetGroupCommandInput,
  DeleteTargetGroupCommandOutput,
  DescribeTargetGroupAttributesCommandInput,
  DescribeTargetGroupAttributesCommandOutput,
  DescribeTargetGroupsCommandInput,
  DescribeTargetGroupsCommandOutput,
  ModifyTargetGroupAttributesCommandInput,
  ModifyTargetGroupAttributesCommandOutput,
  ModifyTargetGroupCommandInput,
  ModifyTargetGroupCommandOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { AwsError, type Operation, operation } from '../../service.ts'
import { codeMatcher } from './health-check.ts'
import type { LoadBalancing } from './load-balancing.ts'
import { changing, describing, groupByArn } from './lookup.ts'
import type { TargetGroup } from './target-group.ts'

/** Create, Describe, Modify, Delete of target groups, and their attributes. */
export function targetGroupOperations(balancing: LoadBalancing): Record<string, Operation> {
  const described = (group: TargetGroup) => ({
    ...group.settings,
    LoadBalancerArns: balancing.attachedTo(group.settings.TargetGroupArn),
  })
  return {
    CreateTargetGroup: operation<CreateTargetGroupCommandInput, CreateTargetGroupCommandOutput>({
      needs: ({ Name }, { region, accountId }) =>
        changing(
          'CreateTargetGroup',
          `arn:aws:elasticloadbalancing:${region}:${accountId}:targetgroup/${Name ?? ''}/*`,
        ),
      run(input, { region }) {
        const { Name = '', Tags, ...given } = input
        if (!/^(?!-)[a-zA-Z0-9-]{1,32}(?<!-)$/.test(Name))
          throw new AwsError('ValidationError', `Target group name '${Name}' is not valid`)
        if ([...balancing.groups.values()].some(({ settings }) => settings.TargetGroupName === Name)) {
          // seen in AWS's answers
          throw new AwsError(
            'DuplicateTargetGroupName',
            `A target group with the same name '${Name}' exists, but with different settings`,
          )
        }
        checkSettings(given)
        // defaults: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
        const group = balancing.addGroup({
          TargetGroupArn: balancing.newArn(region, `targetgroup/${Name}`),
          TargetGroupName: Name,
          Protocol: 'HTTP',
          ProtocolVersion: 'HTTP1',
          VpcId: 'vpc-0a1b2c3d',
          HealthCheckProtocol: 'HTTP',
          HealthCheckPort: 'traffic-port',
          HealthCheckEnabled: true,
          HealthCheckIntervalSeconds: 30,
          HealthCheckTimeoutSeconds: 5,
          HealthyThresholdCount: 5,
          UnhealthyThresholdCount: 2,
          HealthCheckPath: '/',
          TargetType: 'instance',
          IpAddressType: 'ipv4',
          ...given,
          Matcher: { HttpCode: '200', ...given.Matcher },
        })
        if (Tags) balancing.tags.set(group.settings.TargetGroupArn, Tags)
        return { TargetGroups: [described(group)] }
      },
    }),
    DescribeTargetGroups: operation<DescribeTargetGroupsCommandInput, DescribeTargetGroupsCommandOutput>({
      needs: describing('DescribeTargetGroups'),
      run({ LoadBalancerArn, TargetGroupArns, Names }) {
        for (const arn of TargetGroupArns ?? []) groupByArn(balancing, arn)
        const found = [...balancing.groups.values()]
          .map(described)
          .filter(
            group =>
              (!TargetGroupArns?.length || TargetGroupArns.includes(group.TargetGroupArn)) &&
              (!Names?.length || Names.includes(group.TargetGroupName ?? '')) &&
              (LoadBalancerArn === undefined || group.LoadBalancerArns.includes(LoadBalancerArn)),
          )
        if (Names?.length && found.length < Names.length)
          throw new AwsError('TargetGroupNotFound', 'One or more target groups not found')
        return { TargetGroups: found }
      },
    }),
    ModifyTargetGroup: operation<ModifyTargetGroupCommandInput, ModifyTargetGroupCommandOutput>({
      needs: ({ TargetGroupArn }) => changing('ModifyTargetGroup', TargetGroupArn),
      run({ TargetGroupArn, ...changes }) {
        const group = groupByArn(balancing, TargetGroupArn)
        checkSettings(changes)
        Object.assign(group.settings, changes)
        return { TargetGroups: [described(group)] }
      },
    }),
    DeleteTargetGroup: operation<DeleteTargetGroupCommandInput, DeleteTargetGroupCommandOutput>({
      needs: ({ TargetGroupArn }) => changing('DeleteTargetGroup', TargetGroupArn),
      run({ TargetGroupArn = '' }) {
        // seen in AWS's answers
        if (balancing.attachedTo(TargetGroupArn).length > 0)
          throw new AwsError(
            'ResourceInUse',
            `Target group '${TargetGroupArn}' is currently in use by a listener or a rule`,
          )
        balancing.groups.get(TargetGroupArn)?.close()
        balancing.groups.delete(TargetGroupArn)
        return {}
      },
    }),
    DescribeTargetGroupAttributes: operation<
      DescribeTargetGroupAttributesCommandInput,
      DescribeTargetGroupAttributesCommandOutput
    >({
      needs: describing('DescribeTargetGroupAttributes'),
      run: ({ TargetGroupArn }) => ({ Attributes: attributesOf(groupByArn(balancing, TargetGroupArn)) }),
    }),
    ModifyTargetGroupAttributes: operation<
      ModifyTargetGroupAttributesCommandInput,
      ModifyTargetGroupAttributesCommandOutput
    >({
      needs: ({ TargetGroupArn }) => changing('ModifyTargetGroupAttributes', TargetGroupArn),
      run({ TargetGroupArn, Attributes }) {
        const group = groupByArn(balancing, TargetGroupArn)
        for (const { Key = '', Value = '' } of Attributes ?? []) {
          if (!group.attributes.has(Key))
            throw new AwsError('ValidationError', `Target group attribute key '${Key}' is not recognized`)
          group.attributes.set(Key, Value)
        }
        return { Attributes: attributesOf(group) }
      },
    }),
  }
}

function attributesOf({ attributes }: TargetGroup) {
  return [...attributes].map(([Key, Value]) => ({ Key, Value }))
}

function checkSettings({
  HealthCheckIntervalSeconds: interval = 30,
  HealthCheckTimeoutSeconds: timeout = 5,
  Matcher,
}: CreateTargetGroupCommandInput | Omit<ModifyTargetGroupCommandInput, 'TargetGroupArn'>): void {
  if (interval < 5 || interval > 300)
    throw new AwsError('ValidationError', `Health check interval '${interval}' must be between 5 and 300`)
  if (timeout >= interval)
    throw new AwsError('ValidationError', 'Health check timeout must be smaller than the interval')
  if (Matcher?.HttpCode !== undefined && !codeMatcher(Matcher.HttpCode))
    throw new AwsError('ValidationError', `Health check matcher HTTP code '${Matcher.HttpCode}' is not valid`)
}
