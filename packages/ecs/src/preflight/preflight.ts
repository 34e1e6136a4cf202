import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, PermissionError } from '@aws-deploy-actions/aws-clients'
import type { Registrable } from '../task-definition.ts'
import { checkImages } from './images.ts'
import { checkLogGroups } from './log-groups.ts'
import { checkSecrets } from './secrets.ts'

/** What one look found: things that are not there, and things that could not be looked at. */
export interface Findings {
  /** one sentence each */
  readonly missing: string[]
  readonly unchecked: string[]
}

/**
 * Looks, before anything changes, whether all that a task definition names exists: ECR images (and their platform), log
 * groups, secrets and parameters. What may not be read is named in one notice.
 * @throws Failure that lists every miss
 */
export async function preflight(definitions: readonly Registrable[], region: string, calling: Calling): Promise<void> {
  const findings: Findings = { missing: [], unchecked: [] }
  await Promise.all([
    checkImages(definitions, region, findings, calling),
    checkLogGroups(definitions, region, findings, calling),
    checkSecrets(definitions, region, findings, calling),
  ])
  if (findings.unchecked.length > 0) {
    calling.log.notice('Preflight could not check everything', findings.unchecked.toSorted().join('\n'))
  }
  if (findings.missing.length > 0) {
    throw new Failure(
      `Preflight found ${findings.missing.length} thing${findings.missing.length === 1 ? '' : 's'} missing; nothing was changed.`,
      {
        next: findings.missing.toSorted(),
      },
    )
  }
}

/** Runs one check; a missing permission is noted under `subject`, never thrown. */
export async function looked(subject: string, findings: Findings, look: () => Promise<void>): Promise<void> {
  try {
    await look()
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error
    findings.unchecked.push(`${subject}: needs ${error.action}.`)
  }
}

export { type Meaning, meantDigests } from './meant-digests.ts'
