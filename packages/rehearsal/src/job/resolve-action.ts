import { join } from 'node:path'
import { type Repository, remoteReference } from '../run/repository.ts'
import type { StandIn } from '../stand-ins/stand-in.ts'
import { type ActionDefinition, readAction } from '../syntax/action-file.ts'
import type { Frame, JobState } from './job-state.ts'

/** What `uses:` of a step leads to. */
export type ResolvedAction =
  | { readonly kind: 'stand-in'; readonly standIn: StandIn }
  | {
      readonly kind: 'action'
      readonly definition: ActionDefinition
      readonly repository: Repository
      /** `github.action_ref`; empty for actions of the workspace */
      readonly ref: string
    }

/** Whether it is found without the workspace, so before the first step. */
export function isLocal(uses: string): boolean {
  return uses.startsWith('./')
}

/**
 * `./` is the workspace, so somebody must have checked it out (actions/runner, ActionManager); `$/` is the repository
 * of the file that says so; anything else another repository.
 * @throws Error that names what cannot be found
 */
export async function resolveAction(uses: string, job: JobState, frame: Frame): Promise<ResolvedAction> {
  const { repositories, standIns } = job.settings
  if (uses.startsWith('docker://')) throw new Error(`${uses}: container actions are not rehearsed`)
  if (isLocal(uses)) {
    const folder = join(job.folders.workspace, uses)
    const definition = await readAction(folder)
    if (definition === undefined)
      throw new Error(
        `Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '${folder}'. Did you forget to run actions/checkout before running your local action?`,
      )
    return { kind: 'action', definition, repository: frame.repository, ref: '' }
  }
  if (uses.startsWith('$/')) return found(frame.repository, uses.slice(2), uses)
  const reference = remoteReference(uses, repositories)
  const key = [reference.name, reference.path].filter(part => part !== '').join('/')
  const standIn = standIns.get(key.toLowerCase())
  if (standIn !== undefined) return { kind: 'stand-in', standIn }
  if (reference.repository === undefined)
    throw new Error(
      `${uses}: there is no stand-in for this action in a rehearsal. There are: ${[...standIns.keys()].sort().join(', ')}`,
    )
  return found(reference.repository, reference.path, uses)
}

async function found(repository: Repository, path: string, uses: string): Promise<ResolvedAction> {
  const definition = await readAction(join(repository.root, path))
  if (definition === undefined) throw new Error(`Can't find 'action.yml' or 'action.yaml' for action '${uses}'.`)
  return { kind: 'action', definition, repository, ref: repository.ref }
}
