import type {
  ContinueServiceDeploymentCommandInput,
  ContinueServiceDeploymentCommandOutput,
  DescribeServiceDeploymentsCommandInput,
  DescribeServiceDeploymentsCommandOutput,
  DescribeServiceRevisionsCommandInput,
  DescribeServiceRevisionsCommandOutput,
  ListServiceDeploymentsCommandInput,
  ListServiceDeploymentsCommandOutput,
  StopServiceDeploymentCommandInput,
  StopServiceDeploymentCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Need, type Operation, operation } from '../../../service.ts'
import { paged } from '../paging.ts'
import type { EcsRegions, EcsState } from '../state.ts'
import { describedDeployment, describedRevision } from './describe.ts'
import { deploymentByArn, revisionByArn, serviceNamed, serviceNeed } from './lookup.ts'
import { enter, isOver } from './record.ts'

/** List, Describe, Stop and Continue of service deployments, and DescribeServiceRevisions. */
export function deploymentOperations(regions: EcsRegions): Record<string, Operation> {
  return {
    ListServiceDeployments: operation<ListServiceDeploymentsCommandInput, ListServiceDeploymentsCommandOutput>({
      needs: ({ cluster, service }, context) => [serviceNeed('ListServiceDeployments', context, cluster, service)],
      run(input, context) {
        const service = serviceNamed(regions.state(context.region), context, input.cluster, input.service)
        const { before, after } = input.createdAt ?? {}
        const found = service.deployments
          .filter(({ status }) => !input.status?.length || input.status.includes(status))
          .filter(({ createdAt }) => (!before || createdAt < before) && (!after || createdAt > after))
          .map(deployment => ({
            serviceDeploymentArn: deployment.arn,
            serviceArn: service.arn,
            clusterArn: service.cluster.clusterArn,
            ...(deployment.startedAt ? { startedAt: deployment.startedAt } : {}),
            createdAt: deployment.createdAt,
            ...(deployment.finishedAt ? { finishedAt: deployment.finishedAt } : {}),
            targetServiceRevisionArn: deployment.target.arn,
            status: deployment.status,
            ...(deployment.statusReason === undefined ? {} : { statusReason: deployment.statusReason }),
          }))
        // "If this parameter isn't used, then … returns up to 20 results" (API_ListServiceDeployments)
        const { items, ...next } = paged(found, input.maxResults ?? 20, input.nextToken)
        return { serviceDeployments: items, ...next }
      },
    }),
    DescribeServiceDeployments: operation<
      DescribeServiceDeploymentsCommandInput,
      DescribeServiceDeploymentsCommandOutput
    >({
      needs: ({ serviceDeploymentArns }) => onEach('DescribeServiceDeployments', serviceDeploymentArns),
      run({ serviceDeploymentArns: arns = [] }, { region }) {
        checkAmount(arns, 'service deployments')
        const state = regions.state(region)
        const found = arns.map(arn => ({ arn, hit: deploymentByArn(state, arn) }))
        return {
          serviceDeployments: found.flatMap(({ hit }) =>
            hit ? [describedDeployment(hit.service, hit.deployment)] : [],
          ),
          failures: found.filter(({ hit }) => !hit).map(({ arn }) => ({ arn, reason: 'MISSING' })),
        }
      },
    }),
    DescribeServiceRevisions: operation<DescribeServiceRevisionsCommandInput, DescribeServiceRevisionsCommandOutput>({
      needs: ({ serviceRevisionArns }) => onEach('DescribeServiceRevisions', serviceRevisionArns),
      run({ serviceRevisionArns: arns = [] }, { region }) {
        checkAmount(arns, 'service revisions')
        const state = regions.state(region)
        const found = arns.map(arn => ({ arn, hit: revisionByArn(state, arn) }))
        return {
          serviceRevisions: found.flatMap(({ hit }) => (hit ? [describedRevision(hit.service, hit.revision)] : [])),
          failures: found.filter(({ hit }) => !hit).map(({ arn }) => ({ arn, reason: 'MISSING' })),
        }
      },
    }),
    StopServiceDeployment: operation<StopServiceDeploymentCommandInput, StopServiceDeploymentCommandOutput>({
      needs: ({ serviceDeploymentArn }) => onEach('StopServiceDeployment', [serviceDeploymentArn ?? '']),
      run({ serviceDeploymentArn: arn = '', stopType = 'ROLLBACK' }, { region }) {
        const { service, deployment } = existing(regions.state(region), arn)
        if (stopType !== 'ROLLBACK' && stopType !== 'ABORT')
          throw new AwsError('InvalidParameterException', `Invalid stop type: ${String(stopType)}`)
        if (isOver(deployment)) {
          // which states may be stopped: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html
          throw new AwsError(
            'ConflictException',
            `The service deployment cannot be stopped because its status is ${deployment.status}.`,
          )
        }
        if (deployment.status === 'PENDING' || deployment.status === 'IN_PROGRESS') {
          enter(deployment, { status: stopType === 'ROLLBACK' ? 'ROLLBACK_REQUESTED' : 'STOP_REQUESTED' })
          service.wake.changed()
        }
        return { serviceDeploymentArn: arn }
      },
    }),
    ContinueServiceDeployment: operation<ContinueServiceDeploymentCommandInput, ContinueServiceDeploymentCommandOutput>(
      {
        needs: ({ serviceDeploymentArn }) => onEach('ContinueServiceDeployment', [serviceDeploymentArn ?? '']),
        run({ serviceDeploymentArn: arn = '', hookId, action = 'CONTINUE' }, { region }) {
          const { service, deployment } = existing(regions.state(region), arn)
          const hook = deployment.hooks.find(one => one.hookId === hookId)
          if (hook?.status !== 'AWAITING_ACTION')
            throw new AwsError('InvalidParameterException', 'The specified lifecycle hook is not awaiting an action.')
          hook.status = action === 'ROLLBACK' ? 'FAILED' : 'SUCCEEDED'
          service.wake.changed()
          return { serviceDeploymentArn: arn }
        },
      },
    ),
  }
}

function onEach(action: string, arns: readonly string[] | undefined): Need[] {
  return (arns ?? []).map(resource => ({ action: `ecs:${action}`, resource }))
}

function checkAmount(arns: readonly string[], what: string): void {
  if (arns.length === 0 || arns.length > 20)
    throw new AwsError('InvalidParameterException', `You can describe between 1 and 20 ${what} at once.`)
}

function existing(state: EcsState, arn: string) {
  const found = deploymentByArn(state, arn)
  if (!found) throw new AwsError('ServiceDeploymentNotFoundException', 'The service deployment was not found.')
  return found
}
