import type { CommandInvocationStatus, CommandStatus } from '@aws-sdk/client-ssm'

/*
 * Statuses of invocations and commands. Source for what they mean and count for: "Understanding command statuses",
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html, and the descriptions of
 * StatusDetails in the API reference. Which `Status` belongs to which `StatusDetails` is written down for the two
 * time-outs only ("TimedOut: includes both Delivery and Execution time outs", CommandFilter); the others are as people
 * have seen them, or, marked [K], not verified: Status has no values of their own for them.
 */
export type InvocationDetails =
  | 'Pending'
  | 'InProgress'
  | 'Delayed'
  | 'Cancelling'
  | 'Success'
  | 'DeliveryTimedOut'
  | 'ExecutionTimedOut'
  | 'Failed'
  | 'Cancelled'
  | 'Undeliverable'
  | 'Terminated'
  | 'InvalidPlatform'
  | 'AccessDenied'

export interface InvocationMeaning {
  readonly status: CommandInvocationStatus
  readonly isFinal: boolean
  /** counts against MaxErrors: only what failed on the host, or ran too long there */
  readonly isError: boolean
}

const open = (status: CommandInvocationStatus): InvocationMeaning => ({ status, isFinal: false, isError: false })
const final = (status: CommandInvocationStatus, isError = false): InvocationMeaning => ({
  status,
  isFinal: true,
  isError,
})

export const meanings: Readonly<Record<InvocationDetails, InvocationMeaning>> = {
  /** not sent to the host, or not received there */
  Pending: open('Pending'),
  InProgress: open('InProgress'),
  /**
   * sent, but the host was not available; it will be tried again. Seen as Pending (Delayed), long after TimeoutSeconds:
   * github.com/aws/amazon-cloudwatch-agent-test, util/awsservice/ssm.go
   */
  Delayed: open('Pending'),
  Cancelling: open('Cancelling'),
  Success: final('Success'),
  /** not received before the total time-out was over; does not count as an error */
  DeliveryTimedOut: final('TimedOut'),
  ExecutionTimedOut: final('TimedOut', true),
  Failed: final('Failed', true),
  Cancelled: final('Cancelled'),
  /** the host does not exist or does not respond; no error, and nothing between Success and Incomplete; seen as Failed with -1 */
  Undeliverable: final('Failed'),
  /** MaxErrors was exceeded: "subsequent command invocations were canceled by the system" [K] */
  Terminated: final('Cancelled'),
  /** the host's platform is not the document's; no error, but no Success either [K] */
  InvalidPlatform: final('Failed'),
  /** who sent it may not send to this host; no error, but no Success either [K] */
  AccessDenied: final('Failed'),
}

export type CommandDetails =
  | 'Pending'
  | 'InProgress'
  | 'Cancelling'
  | 'Success'
  | 'DeliveryTimedOut'
  | 'ExecutionTimedOut'
  | 'Failed'
  | 'Cancelled'
  | 'Incomplete'
  | 'NoInstancesInTag'

export const commandStatuses: Readonly<Record<CommandDetails, CommandStatus>> = {
  Pending: 'Pending',
  InProgress: 'InProgress',
  Cancelling: 'Cancelling',
  Success: 'Success',
  DeliveryTimedOut: 'TimedOut',
  ExecutionTimedOut: 'TimedOut',
  Failed: 'Failed',
  Cancelled: 'Cancelled',
  /** tried everywhere, not everywhere a Success, too few errors for Failed [K] */
  Incomplete: 'Failed',
  /** "The tag key-pair value or resource group specified by the command doesn't match any managed nodes"; seen as Success */
  NoInstancesInTag: 'Success',
}

export interface CommandState {
  /** false while the targets of tags are being looked up */
  readonly isResolved: boolean
  readonly isCancelled: boolean
  /** how many errors are allowed */
  readonly maxErrors: number
  readonly invocations: readonly InvocationDetails[]
}

/** What all invocations together make of the command. */
export function commandDetails({ isResolved, isCancelled, maxErrors, invocations }: CommandState): CommandDetails {
  if (!isResolved) return isCancelled ? 'Cancelling' : 'Pending'
  if (invocations.length === 0) return isCancelled ? 'Cancelled' : 'NoInstancesInTag'
  const count = (...details: InvocationDetails[]) => invocations.filter(each => details.includes(each)).length
  if (!invocations.every(details => meanings[details].isFinal)) {
    if (isCancelled) return 'Cancelling'
    return count('Pending', 'Delayed') === invocations.length ? 'Pending' : 'InProgress'
  }
  if (count('Cancelled') > 0) return 'Cancelled'
  if (count('Failed', 'ExecutionTimedOut') > maxErrors) return count('Failed') > 0 ? 'Failed' : 'ExecutionTimedOut'
  if (count('DeliveryTimedOut') > maxErrors) return 'DeliveryTimedOut'
  if (count('InvalidPlatform', 'AccessDenied') > 0) return 'Failed'
  const counted = invocations.length - count('Undeliverable')
  return counted > 0 && count('Success') === counted ? 'Success' : 'Incomplete'
}
