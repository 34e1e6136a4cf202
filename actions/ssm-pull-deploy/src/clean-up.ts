import type { PostRuntime, Runtime } from '@aws-deploy-actions/action-runtime'
import { sdkConfig } from '@aws-deploy-actions/aws-clients'
import { type BegunCommand, cancelCommand, isObject } from '@aws-deploy-actions/compose-host'
import { SSMClient } from '@aws-sdk/client-ssm'

const POST_MS = 20_000

/** Keeps for `post` what was begun, in case this process is killed. */
export async function rememberCommand(begun: BegunCommand, region: string, runtime: Runtime): Promise<void> {
  await runtime.remember('command', JSON.stringify({ region, ...begun }))
}

/** The `post` step: when main was killed before its command was over or had been cancelled, it is cancelled. */
export async function cancelUnsettled(state: (name: string) => string, runtime: PostRuntime): Promise<void> {
  const remembered = state('command')
  if (remembered === '') return
  const parsed: unknown = JSON.parse(remembered)
  if (!isObject(parsed)) return
  const { region, id, comment, since } = parsed
  if (typeof region !== 'string' || typeof comment !== 'string' || typeof since !== 'number') return
  const begun = { id: typeof id === 'string' ? id : undefined, comment, since }
  await cancelCommand(new SSMClient(sdkConfig(region)), begun, { clock: runtime, log: runtime.log }, POST_MS)
}
