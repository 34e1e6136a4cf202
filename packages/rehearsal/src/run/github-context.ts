import type { ValueMap } from '../syntax/values.ts'
import type { WorkflowDefinition } from '../syntax/workflow-file.ts'
import type { EventName } from './trigger.ts'

export interface RunIdentity {
  /** `owner/name` */
  readonly repository: string
  /** `refs/heads/main` */
  readonly ref: string
  readonly sha: string
  readonly actor: string
  readonly runId: string
  readonly runNumber: string
  readonly runAttempt: string
  /** of a pull request */
  readonly headRef: string
  readonly baseRef: string
  readonly pullRequest: number
}

/** The payload of an event: the parts that workflows use (github/docs, webhook events and payloads). */
export function eventPayload(event: EventName, id: RunIdentity, inputs: ValueMap): ValueMap {
  const [owner = '', name = ''] = id.repository.split('/')
  const repository = {
    name,
    full_name: id.repository,
    default_branch: 'main',
    owner: { login: owner, name: owner },
    html_url: `https://github.com/${id.repository}`,
  }
  const shared = { repository, sender: { login: id.actor } }
  if (event === 'workflow_dispatch') return { ...shared, inputs, ref: id.ref }
  if (event === 'push')
    return {
      ...shared,
      ref: id.ref,
      after: id.sha,
      before: '0'.repeat(40),
      pusher: { name: id.actor },
      head_commit: { id: id.sha, message: 'rehearsal' },
    }
  const side = (ref: string): ValueMap => ({ ref, sha: id.sha, repo: repository })
  return {
    ...shared,
    action: 'opened',
    number: id.pullRequest,
    pull_request: {
      number: id.pullRequest,
      title: 'rehearsal',
      draft: false,
      head: side(id.headRef),
      base: side(id.baseRef),
      user: { login: id.actor },
    },
  }
}

/**
 * The `github` context before a job adds its own (github/docs, contexts: github).
 * @param apiUrl what stands in for api.github.com
 */
export function githubContext(
  workflow: WorkflowDefinition,
  event: EventName,
  id: RunIdentity,
  payload: ValueMap,
  apiUrl: string,
): ValueMap {
  const name = workflow.root.find('name')?.toString() ?? workflow.path
  const pull = event === 'pull_request'
  const ref = pull ? `refs/pull/${id.pullRequest}/merge` : id.ref
  return {
    actor: id.actor,
    actor_id: '1',
    triggering_actor: id.actor,
    api_url: apiUrl,
    server_url: 'https://github.com',
    graphql_url: `${apiUrl}/graphql`,
    event: payload,
    event_name: event,
    head_ref: pull ? id.headRef : '',
    base_ref: pull ? id.baseRef : '',
    ref,
    ref_name: ref.replace(/^refs\/(?:heads|tags|pull)\//, ''),
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    ref_protected: false,
    repository: id.repository,
    repository_id: '1',
    repository_owner: id.repository.split('/')[0] ?? '',
    repository_owner_id: '1',
    repositoryUrl: `git://github.com/${id.repository}.git`,
    retention_days: '90',
    run_id: id.runId,
    run_number: id.runNumber,
    run_attempt: id.runAttempt,
    secret_source: 'Actions',
    sha: id.sha,
    workflow: name,
    workflow_ref: `${id.repository}/${workflow.path}@${ref}`,
    workflow_sha: id.sha,
  }
}
