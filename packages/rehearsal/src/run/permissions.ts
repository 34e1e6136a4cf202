import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { evaluated } from '../syntax/evaluate.ts'
import { isMap } from '../syntax/values.ts'
import type { JobDefinition, WorkflowDefinition } from '../syntax/workflow-file.ts'

/** What GITHUB_TOKEN may: scope → `read`, `write` or `none`. */
export type Permissions = Readonly<Record<string, string>>

const SCOPES = [
  'actions',
  'attestations',
  'checks',
  'contents',
  'deployments',
  'discussions',
  'id-token',
  'issues',
  'models',
  'packages',
  'pages',
  'pull-requests',
  'repository-projects',
  'security-events',
  'statuses',
]
const RANK: Readonly<Record<string, number>> = { none: 0, read: 1, write: 2 }

/** Of a repository with GitHub's restricted setting, when the workflow says nothing (github/docs, GITHUB_TOKEN). */
export const RESTRICTED: Permissions = { contents: 'read', metadata: 'read', packages: 'read' }

/** What `permissions:` of a job, else of its workflow, grants; without both what is allowed from outside. Unnamed scopes get nothing. */
export function jobPermissions(workflow: WorkflowDefinition, job: JobDefinition, allowed: Permissions): Permissions {
  const token = job.fields.find('permissions') ?? workflow.root.find('permissions')
  return token === undefined ? allowed : granted(token)
}

function granted(token: TemplateToken): Permissions {
  const value = evaluated(token, { contexts: {} })
  if (value === 'write-all') return { ...all('write'), metadata: 'read' }
  if (value === 'read-all') return { ...all('read'), metadata: 'read' }
  const named = isMap(value) ? Object.entries(value).map(([name, level]) => [name, String(level)]) : []
  return { ...Object.fromEntries(named), metadata: 'read' }
}

function all(level: 'read' | 'write'): Record<string, string> {
  return Object.fromEntries(SCOPES.map(scope => [scope, scope === 'id-token' && level === 'read' ? 'none' : level]))
}

/**
 * Called workflows may have less than their caller, never more: one that asks for more keeps the whole run from
 * starting, in these words (actions/runner, PermissionsHelper; github/docs, reusing workflow configurations: access and
 * permissions for nested workflows).
 */
export function permissionProblems(workflow: WorkflowDefinition, allowed: Permissions): string[] {
  return workflow.jobs.flatMap(caller => {
    const { called } = caller
    if (called === undefined) return []
    const most = jobPermissions(workflow, caller, allowed)
    const begin = `Error calling workflow '${caller.fields.find('uses')?.toString() ?? called.path}'.`
    const asked = [
      excess('The workflow', called.root.find('permissions'), most),
      ...called.jobs.map(job => excess(`The nested job '${job.id}'`, job.fields.find('permissions'), most)),
    ]
    return [
      ...asked.flatMap(text => (text === undefined ? [] : [`${begin} ${text}`])),
      ...permissionProblems(called, most),
    ]
  })
}

function excess(who: string, token: TemplateToken | undefined, allowed: Permissions): string | undefined {
  if (token === undefined) return undefined
  const over = Object.entries(granted(token)).filter(
    ([scope, level]) => scope !== 'metadata' && rank(level) > rank(allowed[scope]),
  )
  const requested = over.map(([scope, level]) => `${scope}: ${level}`).join(', ')
  const most = over.map(([scope]) => `${scope}: ${allowed[scope] ?? 'none'}`).join(', ')
  return over.length === 0 ? undefined : `${who} is requesting '${requested}', but is only allowed '${most}'.`
}

const rank = (level: string | undefined): number => RANK[level ?? 'none'] ?? 0
