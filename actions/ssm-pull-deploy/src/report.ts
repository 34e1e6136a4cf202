import {
  code,
  codeBlock,
  durationText,
  failureMarkdown,
  type Outcome,
  plain,
  type Runtime,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import { type ComposeDeploy, commandConsoleUrl, type HostServices } from '@aws-deploy-actions/compose-host'
import { type InstanceRecord, withoutAccount } from '@aws-deploy-actions/pipeline-report'
import type { DeployRun } from './run.ts'

/** The `instances` output and the record's part: no account id, no registry host. */
export function instanceRecords(run: DeployRun): InstanceRecord[] {
  return run.hosts.map(id => {
    const outcome = run.outcomes.get(id)
    if (outcome === undefined) return { id, ...openHost(run, id), services: [] }
    const { status, statusDetails, exitCode, services, seconds, reason } = outcome
    return {
      id,
      status,
      statusDetails,
      ...(exitCode === undefined ? {} : { exitCode }),
      services: services.map(({ name, before, after }) => ({
        name,
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      })),
      ...(seconds === undefined ? {} : { seconds }),
      ...(reason === undefined ? {} : { reason: withoutAccount(reason) }),
    }
  })
}

/** A host that was not over when the step ended, or is not yet: begun or not. */
function openHost({ seen, endedAs }: DeployRun, id: string): Pick<InstanceRecord, 'status' | 'statusDetails'> {
  const statusDetails = seen.get(id)
  const begun = statusDetails !== undefined && statusDetails !== 'Pending' && statusDetails !== 'Delayed'
  return {
    status: begun ? (endedAs ?? 'in-progress') : 'not-started',
    ...(statusDetails === undefined ? {} : { statusDetails }),
  }
}

/** Sets the outputs as far as they are known; a later value replaces an earlier one. */
export async function setOutputs(run: DeployRun, runtime: Runtime): Promise<void> {
  if (run.hosts.length === 0) return
  await runtime.output('instances', instanceRecords(run))
  const before = [...run.outcomes.values()].map(({ id, commitBefore, services }) => [
    id,
    {
      ...(commitBefore === undefined ? {} : { commit: commitBefore }),
      services: services.flatMap(({ name, before: digest }) => (digest === undefined ? [] : [{ name, digest }])),
    },
  ])
  await runtime.output('previous', Object.fromEntries(before))
}

export function toldOfHosts(deploy: ComposeDeploy, run: DeployRun, { status, failure, seconds }: Outcome): Told {
  const many = run.hosts.length === 1 ? (run.hosts[0] ?? '') : `${run.hosts.length} hosts`
  const ended: Readonly<Record<string, string>> = {
    planned: `Nothing was sent: this is what would run in ${deploy.directory}.`,
  }
  const verdict =
    failure === undefined
      ? (ended[status] ?? `${many}: ${status} after ${durationText(seconds * 1000)}.`)
      : failure.message
  const mark = failure === undefined ? '✅' : status === 'cancelled' ? '🚫' : '❌'
  const sections = [`### ${mark} ${plain(verdict)}`]
  if (failure !== undefined) sections.push(failureMarkdown(failure.record))
  for (const { id, failure: own } of run.outcomes.values()) {
    if (own === undefined) continue
    const seen = (own.seen ?? []).join('\n')
    const words = run.hosts.length > 1 ? [`${plain(own.what)}`, failureMarkdown(own)] : []
    if (words.length > 0 || seen !== '')
      sections.push(
        `<details open><summary>What was seen of ${code(id)}</summary>\n\n${[...words, ...(seen === '' ? [] : [codeBlock(seen)])].join('\n\n')}\n\n</details>`,
      )
  }
  if (run.hosts.length > 0) sections.push(hostsTable(run))
  return {
    record: { verdict, instances: instanceRecords(run) },
    summary: sections.filter(section => section !== '').join('\n\n'),
  }
}

function hostsTable(run: DeployRun): string {
  const rows = instanceRecords(run).map(({ id, status, statusDetails = '', seconds }) => [
    code(id),
    plain(status),
    plain(statusDetails),
    digests(run.outcomes.get(id)?.services ?? []),
    seconds === undefined ? '' : plain(durationText(seconds * 1000)),
  ])
  const command =
    run.commandId === undefined
      ? ''
      : `, command [${code(run.commandId)}](${commandConsoleUrl(run.region, run.commandId)})`
  return `Directory ${code(run.directory)}${command}\n\n${table(['Host', 'Status', 'Systems Manager', 'Images', 'Took'], rows)}`
}

function digests(services: HostServices): string {
  const short = (digest: string | undefined): string => (digest === undefined ? '–' : code(digest.slice(0, 19)))
  return services
    .map(({ name, before, after }) =>
      before === after ? `${code(name)} ${short(after)}` : `${code(name)} ${short(before)} → ${short(after)}`,
    )
    .join('<br>')
}
