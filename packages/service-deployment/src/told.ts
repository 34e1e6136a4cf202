import {
  code,
  codeBlock,
  durationText,
  failureMarkdown,
  failureText,
  type Outcome,
  plain,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import { familyRevision } from '@aws-deploy-actions/ecs'
import { type ServiceRecord, withoutAccount } from '@aws-deploy-actions/pipeline-report'
import { serviceConsoleUrl } from './console.ts'
import type { Rollout } from './rollout.ts'
import type { DeployRun } from './run.ts'

/** That of the new version, not that of its way back. */
function deploymentOf({ newDeploymentId, deploymentId }: Pick<Rollout, 'newDeploymentId' | 'deploymentId'>): {
  deploymentId?: string
} {
  const own = newDeploymentId ?? deploymentId
  return own === undefined ? {} : { deploymentId: own }
}

/** The `services` output and the record's part: no account id, no registry host. */
export function serviceRecords({ rollouts }: DeployRun): ServiceRecord[] {
  return rollouts.map(({ name, status, target, previous, images, seconds, reason, ...own }) => ({
    name,
    status,
    taskDefinition: familyRevision(target.arn),
    previousTaskDefinition: familyRevision(previous.arn),
    ...deploymentOf(own),
    images: images.map(({ container, image, digest }) => ({
      container,
      image: withoutAccount(image),
      ...(digest === undefined ? {} : { digest }),
    })),
    ...(seconds === undefined ? {} : { seconds }),
    ...(reason === undefined ? {} : { reason: withoutAccount(reason) }),
  }))
}

export function toldOfServices(run: DeployRun, { status, failure, seconds }: Outcome): Told {
  const many = run.rollouts.length === 1 ? (run.rollouts[0]?.name ?? 'The service') : `${run.rollouts.length} services`
  const verdict = failure === undefined ? `${many}: ${status} after ${durationText(seconds * 1000)}.` : failure.message
  const mark = failure === undefined ? '✅' : status === 'cancelled' ? '🚫' : '❌'
  const sections = [`### ${mark} ${plain(verdict)}`]
  if (failure !== undefined) sections.push(failureMarkdown(failure.record))
  for (const [name, own] of run.failures) {
    sections.push(
      `<details open><summary>What was seen of ${code(name)}</summary>\n\n${codeBlock(run.failures.size > 1 ? failureText(own) : (own.seen ?? []).join('\n'))}\n\n</details>`,
    )
  }
  if (run.rollouts.length > 0) sections.push(servicesTable(run))
  if (status === 'planned') sections.push(differencesSection(run))
  return {
    record: { verdict, services: serviceRecords(run) },
    summary: sections.filter(section => section !== '').join('\n\n'),
  }
}

function servicesTable({ rollouts, cluster, region }: DeployRun): string {
  const rows = rollouts.map(rollout => [
    `[${code(rollout.name)}](${serviceConsoleUrl(region, cluster, rollout.name)})`,
    plain(rollout.status),
    `${code(familyRevision(rollout.previous.arn))} → ${code(familyRevision(rollout.target.arn))}${rollout.backTo === undefined ? '' : ` → ${code(rollout.backTo)}`}`,
    digests(rollout),
    rollout.seconds === undefined ? '' : plain(durationText(rollout.seconds * 1000)),
  ])
  return `Cluster ${code(cluster)}\n\n${table(['Service', 'Status', 'Task definition', 'Running images', 'Took'], rows)}`
}

function digests({ images }: Rollout): string {
  return images
    .map(({ container, digest }) => `${code(container)} ${digest === undefined ? '' : code(digest.slice(0, 19))}`)
    .join('<br>')
}

function differencesSection({ differences }: DeployRun): string {
  return [...differences]
    .map(
      ([name, lines]) => `**${plain(name)}**\n\n${lines.length === 0 ? 'No difference.' : codeBlock(lines.join('\n'))}`,
    )
    .join('\n\n')
}
