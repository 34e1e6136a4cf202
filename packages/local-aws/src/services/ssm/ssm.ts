import * as ssm from '@aws-sdk/client-ssm'
import type { Fleet } from '../../hosts/fleet.ts'
import type { Service } from '../../service.ts'
import { cancelCommand } from './cancel-command.ts'
import { describeInstanceInformation } from './instance-information.ts'
import type { CommandWorld } from './invocation.ts'
import { type ParameterStore, parameterOperations } from './parameters.ts'
import { getCommandInvocation, listCommandInvocations, listCommands } from './read-commands.ts'
import { Commands } from './records.ts'
import { sendCommand } from './send-command.ts'

/** Systems Manager: Parameter Store, managed nodes and Run Command with AWS-RunShellScript. */
export function ssmService(store: ParameterStore, fleet: Fleet, world: CommandWorld): Service {
  const commands = new Commands()
  return {
    name: 'ssm',
    model: ssm,
    protocol: { kind: 'awsJson1_1', target: 'AmazonSSM' },
    validationError: 'ValidationException',
    operations: {
      ...parameterOperations(store),
      SendCommand: sendCommand(world, fleet, commands),
      GetCommandInvocation: getCommandInvocation(commands),
      ListCommandInvocations: listCommandInvocations(commands),
      ListCommands: listCommands(commands),
      CancelCommand: cancelCommand(commands),
      DescribeInstanceInformation: describeInstanceInformation(fleet),
    },
  }
}
