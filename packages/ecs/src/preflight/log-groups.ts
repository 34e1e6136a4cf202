import { type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import type { Registrable } from '../task-definition.ts'
import { type Findings, looked } from './preflight.ts'

/** Every awslogs group that nobody creates on the way must exist. */
export async function checkLogGroups(
  definitions: readonly Registrable[],
  region: string,
  findings: Findings,
  calling: Calling,
): Promise<void> {
  const groups = new Map<string, { name: string; region: string }>()
  for (const { containerDefinitions = [] } of definitions) {
    for (const { logConfiguration } of containerDefinitions) {
      const options = logConfiguration?.logDriver === 'awslogs' ? logConfiguration.options : undefined
      const name = options?.['awslogs-group']
      if (name === undefined || options?.['awslogs-create-group'] === 'true') continue
      const own = options?.['awslogs-region'] ?? region
      groups.set(`${own} ${name}`, { name, region: own })
    }
  }
  await Promise.all(
    [...groups.values()].map(({ name, region: own }) =>
      looked(`log group ${name}`, findings, async () => {
        const logs = new CloudWatchLogsClient(sdkConfig(own))
        const { logGroups = [] } = await call('logs:DescribeLogGroups', calling, options =>
          logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name }), options),
        )
        // The list is sorted by name, so an exact match is on the first page.
        if (!logGroups.some(({ logGroupName }) => logGroupName === name)) {
          findings.missing.push(
            `The log group ${name} does not exist in ${own}: create it, or set awslogs-create-group.`,
          )
        }
      }),
    ),
  )
}
