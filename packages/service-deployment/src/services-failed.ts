import { Failure } from '@aws-deploy-actions/action-runtime'
import { familyRevision } from '@aws-deploy-actions/ecs'
import type { Rollout } from './rollout.ts'
import type { DeployRun } from './run.ts'

/** Some services did not get where they should. `failed` wins over `superseded`, that over `rolled-back`. */
export class ServicesFailed extends Failure {
  override readonly name = 'ServicesFailed'
  override readonly status: string
  override readonly annotated: boolean

  constructor({ rollouts, failures, cluster }: DeployRun) {
    const bad = rollouts.filter(({ status }) => status !== 'deployed' && status !== 'unchanged' && status !== 'started')
    const [first] = failures.values()
    const states = bad.map(
      ({ name, status, reason }) => `${name}: ${status}${reason === undefined ? '' : `. ${reason}`}`,
    )
    super(whatFailed(rollouts, bad), {
      resource: cluster,
      ...(first?.said === undefined ? {} : { said: first.said }),
      seen: [...states, ...(bad.length === 1 ? (first?.seen ?? []) : [])],
      ...(first?.cause === undefined ? {} : { cause: first.cause }),
      ...(first?.next === undefined ? {} : { next: first.next }),
    })
    // What became known only after a failure was annotated is in the states here.
    this.annotated = bad.every(
      ({ name, status, noWayBack }) =>
        status === 'rolled-back' || (status === 'failed' && failures.has(name) && noWayBack === undefined),
    )
    this.status = bad.some(({ status }) => status === 'failed')
      ? 'failed'
      : bad.some(({ status }) => status === 'superseded')
        ? 'superseded'
        : 'rolled-back'
  }
}

function whatFailed(all: readonly Rollout[], bad: readonly Rollout[]): string {
  const [first] = bad
  if (all.length > 1 || first === undefined) {
    const back = bad.filter(({ status }) => status === 'rolled-back').length
    const now =
      back === 0 ? '' : `; ${back === bad.length ? 'each of them runs' : `${back} of them run`} what ran before`
    return `${bad.length} of ${all.length} services did not get the new version${now}.`
  }
  const now: Readonly<Record<string, string>> = {
    'rolled-back': `; it runs ${first.backTo ?? familyRevision(first.previous.arn)} again`,
    superseded: ': another deployment took over',
  }
  return `${first.name} did not get the new version${now[first.status] ?? ''}.`
}
