import { Failure } from '@aws-deploy-actions/action-runtime'
import type { HostOutcome } from '@aws-deploy-actions/compose-host'
import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'
import type { DeployRun } from './run.ts'

/** Some hosts did not get where they should. */
export class HostsFailed extends Failure {
  override readonly name = 'HostsFailed'
  override readonly status: string
  override readonly annotated: boolean

  constructor(status: string, what: string, details: Omit<FailureRecord, 'what'>, annotated: boolean) {
    super(what, details)
    this.status = status
    this.annotated = annotated
  }
}

// Of several that apply the first wins.
const BAD = ['cancelled', 'timed-out', 'failed', 'no-targets', 'rolled-back'] as const

/** The status of a step whose hosts are all over. @throws HostsFailed */
export function verdict({ hosts, outcomes }: DeployRun, operation: 'deploy' | 'rollback'): string {
  const all = hosts.map(id => outcomes.get(id))
  const bad = all.flatMap((outcome, index) => {
    if (outcome?.failure !== undefined) return [outcome]
    return outcome === undefined ? [unheardOf(hosts[index] ?? '')] : []
  })
  if (hosts.length === 0) throw new HostsFailed('no-targets', 'Systems Manager chose no host.', {}, false)
  const [first] = bad
  if (first === undefined) {
    if (operation === 'rollback') return 'rolled-back'
    return all.every(outcome => outcome?.status === 'unchanged') ? 'unchanged' : 'deployed'
  }
  const status = BAD.find(entry => bad.some(outcome => outcome.status === entry)) ?? 'failed'
  const leading = bad.find(outcome => outcome.status === status) ?? first
  const { what, ...details } = leading.failure ?? { what: '' }
  if (hosts.length === 1) throw new HostsFailed(status, `${leading.id}: ${what}`, details, false)
  throw new HostsFailed(
    status,
    `${bad.length} of ${hosts.length} hosts did not get the new version.`,
    {
      ...details,
      resource: bad.map(outcome => outcome.id).join(', '),
      seen: bad.map(outcome => `${outcome.id}: ${outcome.status}. ${outcome.failure?.what ?? ''}`),
    },
    bad.every(outcome => outcomes.has(outcome.id)),
  )
}

function unheardOf(id: string): HostOutcome {
  return {
    id,
    status: 'failed',
    statusDetails: '',
    exitCode: undefined,
    services: [],
    seconds: undefined,
    reason: 'Systems Manager did not list this host for the command.',
    commitBefore: undefined,
    failure: {
      what: 'Systems Manager did not list this host for the command: what happened there is not known.',
      resource: id,
      next: ['Look at the command in the Systems Manager console.'],
    },
  }
}
