import { readFile } from 'node:fs/promises'
import {
  CancelCommandCommand,
  type CommandInvocation,
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SendCommandCommand,
  type SendCommandCommandInput,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { type HostOptions, type LocalAwsOptions, startLocalAws } from '../../src/index.ts'

export const web1 = 'i-0123456789abcdef0'
export const web2 = 'i-0123456789abcdef1'
export const web3 = 'i-0123456789abcdef2'

/** A local AWS with SSM hosts and a client. */
export async function startedHosts(hosts: readonly HostOptions[], options: LocalAwsOptions = {}) {
  const aws = await startLocalAws({ speed: 400, ...options })
  const settings = {
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'any' },
  }
  const ssm = new SSMClient(settings)
  for (const host of hosts) await aws.addHost(host)

  /** @returns the command's id */
  async function send(
    commands: readonly string[],
    more: Partial<SendCommandCommandInput> = {},
    parameters: Record<string, string[]> = {},
  ): Promise<string> {
    const where = more.Targets ? {} : { InstanceIds: [web1] }
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        Parameters: { commands: [...commands], ...parameters },
        ...where,
        ...more,
      }),
    )
    return Command?.CommandId ?? ''
  }

  async function get(CommandId: string, InstanceId = web1): Promise<GetCommandInvocationCommandOutput> {
    return await ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId }))
  }

  /** polls the invocations until the condition holds */
  async function until(
    CommandId: string,
    condition: (invocations: CommandInvocation[]) => boolean,
  ): Promise<CommandInvocation[]> {
    let seen: CommandInvocation[] = []
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const answer = await ssm.send(new ListCommandInvocationsCommand({ CommandId, Details: true }))
      seen = answer.CommandInvocations ?? []
      if (condition(seen)) return seen
      await pause(5)
    }
    throw new Error(`not reached: ${JSON.stringify(seen)}`)
  }

  async function command(CommandId: string) {
    const { Commands } = await ssm.send(new ListCommandsCommand({ CommandId }))
    return Commands?.[0]
  }

  /** polls the command until it has ended */
  async function ended(CommandId: string) {
    for (const end = Date.now() + 20_000; Date.now() < end; ) {
      const found = await command(CommandId)
      if (found && !['Pending', 'InProgress', 'Cancelling'].includes(found.Status ?? '')) return found
      await pause(5)
    }
    throw new Error(`not ended: ${JSON.stringify(await command(CommandId))}`)
  }

  return {
    aws,
    settings,
    ssm,
    send,
    get,
    until,
    command,
    ended,
    running: (commandId: string, count = 1) =>
      until(commandId, all => all.filter(({ Status }) => Status === 'InProgress').length === count),
    cancel: (CommandId: string, InstanceIds?: string[]) =>
      ssm.send(new CancelCommandCommand({ CommandId, ...(InstanceIds ? { InstanceIds } : {}) })),
    /** sends, waits for the end, and gets the one invocation */
    async ran(
      commands: readonly string[],
      more: Partial<SendCommandCommandInput> = {},
      parameters: Record<string, string[]> = {},
    ): Promise<GetCommandInvocationCommandOutput> {
      const commandId = await send(commands, more, parameters)
      await until(commandId, all => all.length > 0)
      await ended(commandId)
      return await get(commandId, more.InstanceIds?.[0] ?? web1)
    },
    host(instanceId = web1) {
      const found = aws.hosts().find(host => host.instanceId === instanceId)
      if (!found) throw new Error(`no host ${instanceId}`)
      return found
    },
    async stop() {
      ssm.destroy()
      await aws.stop()
    },
  }
}

export type StartedHosts = Awaited<ReturnType<typeof startedHosts>>

/** Runs with hosts, and stops them whatever happens. */
export async function withHosts(
  hosts: readonly HostOptions[],
  body: (cloud: StartedHosts) => Promise<void>,
  options: LocalAwsOptions = {},
): Promise<void> {
  const cloud = await startedHosts(hosts, options)
  try {
    await body(cloud)
  } finally {
    await cloud.stop()
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** waits for a file and returns what is in it */
export async function content(file: string): Promise<string> {
  for (const end = Date.now() + 10_000; Date.now() < end; await pause(5)) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text !== '') return text
  }
  throw new Error(`no ${file}`)
}

/** waits until a process is no more, or a zombie that nobody fetches */
export async function isGone(pid: number): Promise<boolean> {
  for (const end = Date.now() + 5_000; Date.now() < end; await pause(5)) if (!(await isAlive(pid))) return true
  return false
}

export async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return state !== '' && !/\) [ZX] /.test(state)
}
