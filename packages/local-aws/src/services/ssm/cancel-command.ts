import type { CancelCommandCommandInput, CancelCommandCommandOutput } from '@aws-sdk/client-ssm'
import { AwsError, operation } from '../../service.ts'
import { checkConstraints } from './constraints.ts'
import { onEverything } from './needs.ts'
import type { Commands } from './records.ts'
import { meanings } from './statuses.ts'

/**
 * "Attempts to cancel the command": what has not begun is cancelled, what runs is Cancelling until the agent has killed
 * it, what has ended stays as it is. Succeeds for a command that has ended.
 */
export function cancelCommand(commands: Commands) {
  return operation<CancelCommandCommandInput, CancelCommandCommandOutput>({
    needs: onEverything('CancelCommand'),
    run(input, { region }) {
      checkConstraints(
        { ...input },
        { CommandId: { min: 36, max: 36 }, InstanceIds: { max: 50, pattern: /(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)/ } },
      )
      const { CommandId = '', InstanceIds = [] } = input
      const command = commands.find(region, CommandId)
      // AWS's message is empty
      if (!command) throw new AwsError('InvalidCommandId', '')
      const all = command.invocations ?? []
      const strangers = InstanceIds.filter(id => !all.some(({ host }) => host.instanceId === id))
      if (strangers.length > 0) throw new AwsError('InvalidInstanceId', '')
      const meant = all.filter(({ host }) => InstanceIds.length === 0 || InstanceIds.includes(host.instanceId))
      const open = meant.filter(({ details }) => !meanings[details].isFinal)
      if (InstanceIds.length === 0 && (open.length > 0 || command.invocations === undefined)) command.isCancelled = true
      for (const { cancel } of open) cancel.abort()
      return {}
    },
  })
}
