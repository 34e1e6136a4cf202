import type {
  CreateListenerCommandInput,
  CreateListenerCommandOutput,
  DeleteListenerCommandInput,
  DeleteListenerCommandOutput,
  DescribeListenersCommandInput,
  DescribeListenersCommandOutput,
  ModifyListenerCommandInput,
  ModifyListenerCommandOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { AwsError, type Operation, operation } from '../../service.ts'
import type { Listener } from './listener.ts'
import type { LoadBalancing } from './load-balancing.ts'
import { changing, checkedActions, describing, listenerByArn, loadBalancerByArn } from './lookup.ts'

/** CreateListener, DescribeListeners, ModifyListener (default actions), DeleteListener. */
export function listenerOperations(balancing: LoadBalancing): Record<string, Operation> {
  return {
    CreateListener: operation<CreateListenerCommandInput, CreateListenerCommandOutput>({
      needs: ({ LoadBalancerArn }) => changing('CreateListener', LoadBalancerArn),
      async run(input, { region }) {
        const loadBalancer = loadBalancerByArn(balancing, input.LoadBalancerArn)
        if (input.Protocol !== undefined && input.Protocol !== 'HTTP')
          throw new AwsError('ValidationError', `local-aws does not serve listeners with protocol ${input.Protocol}`)
        const actions = checkedActions(balancing, input.DefaultActions)
        const { Port = 0 } = input
        const listeners = [...balancing.listeners.values()]
        const taken = listeners.some(
          ({ port, loadBalancerArn }) => Port !== 0 && port === Port && loadBalancerArn === input.LoadBalancerArn,
        )
        // seen in AWS's answers
        if (taken)
          throw new AwsError('DuplicateListener', 'A listener already exists on this port for this load balancer')
        const listener = await opened(balancing, region, loadBalancer, Port)
        listener.rules.push({
          RuleArn: balancing.newArn(region, listener.arn.replace(/^.*:listener\//, 'listener-rule/')),
          Priority: 'default',
          IsDefault: true,
          Conditions: [],
          Actions: actions,
        })
        balancing.changed()
        return { Listeners: [described(listener)] }
      },
    }),
    DescribeListeners: operation<DescribeListenersCommandInput, DescribeListenersCommandOutput>({
      needs: describing('DescribeListeners'),
      run({ LoadBalancerArn, ListenerArns }) {
        if (LoadBalancerArn !== undefined) loadBalancerByArn(balancing, LoadBalancerArn)
        for (const arn of ListenerArns ?? []) listenerByArn(balancing, arn)
        const found = [...balancing.listeners.values()].filter(
          listener =>
            (LoadBalancerArn === undefined || listener.loadBalancerArn === LoadBalancerArn) &&
            (!ListenerArns?.length || ListenerArns.includes(listener.arn)),
        )
        return { Listeners: found.map(described) }
      },
    }),
    ModifyListener: operation<ModifyListenerCommandInput, ModifyListenerCommandOutput>({
      needs: ({ ListenerArn }) => changing('ModifyListener', ListenerArn),
      run({ ListenerArn, DefaultActions }) {
        const listener = listenerByArn(balancing, ListenerArn)
        const rule = listener.rules.find(({ IsDefault }) => IsDefault)
        if (rule && DefaultActions) rule.Actions = checkedActions(balancing, DefaultActions)
        balancing.changed()
        return { Listeners: [described(listener)] }
      },
    }),
    DeleteListener: operation<DeleteListenerCommandInput, DeleteListenerCommandOutput>({
      needs: ({ ListenerArn }) => changing('DeleteListener', ListenerArn),
      async run({ ListenerArn = '' }) {
        const listener = listenerByArn(balancing, ListenerArn)
        balancing.listeners.delete(ListenerArn)
        await listener.close()
        balancing.changed()
        return {}
      },
    }),
  }
}

async function opened(
  balancing: LoadBalancing,
  region: string,
  loadBalancer: Parameters<LoadBalancing['addListener']>[1],
  port: number,
): Promise<Listener> {
  try {
    return await balancing.addListener(region, loadBalancer, port)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new AwsError('InvalidConfigurationRequest', `local-aws cannot open port ${port} on this machine: ${why}`)
  }
}

function described(listener: Listener) {
  return {
    ListenerArn: listener.arn,
    LoadBalancerArn: listener.loadBalancerArn,
    Port: listener.port,
    Protocol: 'HTTP' as const,
    DefaultActions: listener.rules.find(({ IsDefault }) => IsDefault)?.Actions ?? [],
  }
}
