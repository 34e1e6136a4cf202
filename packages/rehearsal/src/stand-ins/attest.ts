import { globSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { StandIn, Use } from './stand-in.ts'

/** actions/attest: what would be signed is looked at, and named (its inputs: actions/attest, README and src/subject.ts). */
export const attest: StandIn = {
  instead: 'names what it would sign, and signs nothing',
  run: use => {
    for (const scope of ['id-token', 'attestations'])
      if (use.job.permissions[scope] !== 'write')
        throw new Error(`missing "${scope}" permission. Please add "permissions: ${scope}: write" to your workflow.`)
    const subjects = subjectsOf(use)
    if (subjects.length === 0) throw new Error('Could not find subject at path')
    for (const subject of subjects) use.log.write(`would be attested: ${subject}`)
  },
}

function subjectsOf({ input, job }: Use): string[] {
  const given = ['subject-path', 'subject-digest', 'subject-checksums'].filter(name => input(name) !== '')
  if (given.length !== 1)
    throw new Error(
      given.length === 0
        ? 'One of subject-path, subject-digest, or subject-checksums must be provided'
        : 'Only one of subject-path, subject-digest, or subject-checksums may be provided',
    )
  const { workspace } = job.folders
  const [kind = ''] = given
  if (kind === 'subject-path')
    return input(kind)
      .split(/[,\n]/)
      .flatMap(pattern => globSync(pattern.trim(), { cwd: workspace }))
      .filter(path => statSync(resolve(workspace, path)).isFile())
  if (kind === 'subject-checksums')
    return readFileSync(resolve(workspace, input(kind)), 'utf8')
      .split('\n')
      .filter(line => line.trim() !== '')
  if (input('subject-name') === '') throw new Error('subject-name must be provided when using subject-digest')
  if (!/^sha256:[0-9a-f]{64}$/.test(input(kind)))
    throw new Error('subject-digest must be in the format "sha256:<hex-digest>"')
  return [`${input('subject-name')}@${input(kind)}`]
}
