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
  const verdict = failure === undefined ? successText(run, many, status, seconds) : failure.message
  const mark = failure === undefined ? '✅' : status === 'cancelled' ? '🚫' : '❌'
  const sections = [`### ${mark} ${plain(verdict)}`]
  if (failure !== undefined) sections.push(failureMarkdown(failure.record))
  for (const [name, own] of run.failures) {
    const seen = run.failures.size > 1 ? failureText(own) : (own.seen ?? []).join('\n')
    sections.push(
      `<details open><summary>What was seen of ${code(name)}</summary>\n\n${codeBlock(shortened(seen, name))}\n\n</details>`,
    )
  }
  if (status === 'planned') sections.push(differencesSection(run))
  else if (run.rollouts.length > 0) sections.push(servicesTable(run, failure?.record.said))
  return {
    record: { verdict, services: serviceRecords(run) },
    summary: sections.filter(section => section !== '').join('\n\n'),
  }
}

function successText({ rollouts, differences }: DeployRun, many: string, status: string, seconds: number): string {
  if (status !== 'planned') return `${many}: ${status} after ${durationText(seconds * 1000)}.`
  const changed = [...differences.values()].filter(lines => lines.length > 0).length
  return `Dry run: ${changed} of ${rollouts.length} services would change; nothing was touched.`
}

/** A page cuts long lines off, and the end is often what counts; the log has names and ids in full. */
function shortened(seen: string, service: string): string {
  return seen
    .replace(/arn:aws[\w-]*:elasticloadbalancing:[\w-]*:\d*:targetgroup\/([\w-]+)\/\w+/g, '$1')
    .replace(/\b([0-9a-f]{8})[0-9a-f]{24}\b/g, '$1…')
    .replaceAll(`event: (service ${service}) `, 'event: ')
}

/** @param said what stands above the table already */
function servicesTable({ rollouts, cluster, region }: DeployRun, said: string | undefined): string {
  const withReasons = rollouts.some(({ reason }) => reason !== undefined && reason !== said)
  const rows = rollouts.map(rollout => [
    `[${code(rollout.name)}](${serviceConsoleUrl(region, cluster, rollout.name)})`,
    plain(rollout.status),
    `${code(familyRevision(rollout.previous.arn))} → ${code(familyRevision(rollout.target.arn))}${rollout.backTo === undefined ? '' : ` → ${code(rollout.backTo)}`}`,
    digests(rollout),
    rollout.seconds === undefined ? '' : plain(durationText(rollout.seconds * 1000)),
    ...(withReasons ? [plain(rollout.reason ?? '')] : []),
  ])
  const header = ['Service', 'Status', 'Task definition', 'Running images', 'Took', ...(withReasons ? ['Reason'] : [])]
  return `Cluster ${code(cluster)}\n\n${table(header, rows)}`
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
