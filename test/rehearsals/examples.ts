import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Application,
  type Rehearsal,
  type RehearseOptions,
  readRehearsalFile,
  rehearse,
  repositoryCopy,
  type Surroundings,
  startSurroundings,
} from '@aws-deploy-actions/rehearsal'
import { root } from '../support/module-graph.ts'

/** An example as its owners have it: a repository, and the surroundings that its `rehearsal.yml` asks for. */
export interface Example {
  readonly application: Application
  readonly surroundings: Surroundings
  /** runs its only workflow */
  deliver(how: Pick<RehearseOptions, 'event' | 'inputs'>): Promise<Rehearsal>
  stop(): Promise<void>
}

/** @param name below `examples/` @param workflow file in its `.github/workflows` */
export async function startExample(
  name: string,
  workflow: string,
  engine: 'process' | 'docker' = 'process',
): Promise<Example> {
  const folder = await mkdtemp(join(tmpdir(), 'example-'))
  const application = repositoryCopy(join(root, 'examples', name), join(folder, name))
  const file = await readRehearsalFile(join(application.folder, 'rehearsal.yml'))
  const surroundings = await startSurroundings({ ...file, speed: 200 }, engine)
  return {
    application,
    surroundings,
    deliver: how =>
      rehearse({
        ...surroundings.options,
        ...how,
        repository: application.folder,
        workflow: `.github/workflows/${workflow}`,
      }),
    async stop() {
      await surroundings.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Every error of a run, with the job that said it; none for one that succeeded. */
export function errors({ jobs, problems }: Rehearsal): string[] {
  const said = Object.values(jobs).flatMap(({ key, annotations }) =>
    annotations.filter(({ level }) => level === 'error').map(({ message }) => `${key}: ${message}`),
  )
  return [...problems, ...said]
}

/** How the jobs ended whose keys are given. */
export function results({ jobs }: Rehearsal, ...keys: readonly string[]): (string | undefined)[] {
  return keys.map(key => jobs[key]?.result)
}
