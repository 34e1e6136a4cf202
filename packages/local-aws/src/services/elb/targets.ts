import type {
  DeregisterTargetsCommandInput,
  DeregisterTargetsCommandOutput,
  DescribeTargetHealthCommandInput,
  DescribeTargetHealthCommandOutput,
  RegisterTargetsCommandInput,
  RegisterTargetsCommandOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { CloudStopped } from '../../cloud.ts'
import { type Operation, operation } from '../../service.ts'
import type { LoadBalancing } from './load-balancing.ts'
import { changing, describing, groupByArn } from './lookup.ts'

/** RegisterTargets, DeregisterTargets, DescribeTargetHealth. */
export function targetOperations(balancing: LoadBalancing): Record<string, Operation> {
  return {
    RegisterTargets: operation<RegisterTargetsCommandInput, RegisterTargetsCommandOutput>({
      needs: ({ TargetGroupArn }) => changing('RegisterTargets', TargetGroupArn),
      run({ TargetGroupArn, Targets }) {
        const group = groupByArn(balancing, TargetGroupArn)
        for (const { Id = '', Port = group.settings.Port ?? 80 } of Targets ?? []) {
          // addresses other than loopback lead nowhere from here
          group.register(Id, Port, Id.startsWith('127.') ? Port : undefined)
        }
        return {}
      },
    }),
    DeregisterTargets: operation<DeregisterTargetsCommandInput, DeregisterTargetsCommandOutput>({
      needs: ({ TargetGroupArn }) => changing('DeregisterTargets', TargetGroupArn),
      run({ TargetGroupArn, Targets }) {
        const group = groupByArn(balancing, TargetGroupArn)
        for (const { Id = '', Port = group.settings.Port ?? 80 } of Targets ?? []) {
          group.deregister(Id, Port).catch((error: unknown) => {
            if (!(error instanceof CloudStopped)) throw error
          })
        }
        return {}
      },
    }),
    DescribeTargetHealth: operation<DescribeTargetHealthCommandInput, DescribeTargetHealthCommandOutput>({
      needs: describing('DescribeTargetHealth'),
      run({ TargetGroupArn, Targets }, { region }) {
        const group = groupByArn(balancing, TargetGroupArn)
        const asked = Targets?.length
          ? Targets.map(({ Id = '', Port = group.settings.Port ?? 80 }) => ({ id: Id, port: Port }))
          : [...group.targets.values()]
        return {
          TargetHealthDescriptions: asked.map(({ id, port }) => ({
            Target: { Id: id, Port: port, AvailabilityZone: `${region}a` },
            HealthCheckPort: String(port),
            TargetHealth: group.health(id, port),
          })),
        }
      },
    }),
  }
}
