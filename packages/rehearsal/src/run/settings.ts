import type { Annotation } from '../file-commands.ts'
import type { Timing } from '../job/timing.ts'
import type { Conclusion } from '../results.ts'
import type { StandIn } from '../stand-ins/stand-in.ts'
import type { Permissions } from './permissions.ts'
import type { Repositories } from './repository.ts'

/** What every job of a run has in common. */
export interface RunSettings {
  readonly repositories: Repositories
  /** of the run; everything is below it, and it is removed at the end */
  readonly folder: string
  /** for every step: where the local AWS is */
  readonly environment: Readonly<Record<string, string>>
  /** folders before the machine's PATH */
  readonly path: readonly string[]
  /** what configure-aws-credentials hands out */
  readonly credentials: Readonly<Record<string, string>>
  /** `owner/name` in lower case → what stands in for it */
  readonly standIns: ReadonlyMap<string, StandIn>
  readonly timing: Timing
  readonly onProgress: (event: Progress) => void
  /** says once what is done otherwise than on GitHub */
  readonly note: (text: string) => void
  /** tells GitHub's API what a job's token may */
  readonly grant: (token: string, permissions: Permissions) => void
  /** ends what still runs, at once */
  readonly kill: AbortSignal
}

/** What happens, as it happens. Keys are those of JobResult. */
export type Progress =
  | { readonly kind: 'job-began'; readonly job: string; readonly name: string }
  | { readonly kind: 'job-waits'; readonly job: string; readonly reason: string }
  | { readonly kind: 'step-began'; readonly job: string; readonly step: string }
  | { readonly kind: 'line'; readonly job: string; readonly step: string; readonly line: string }
  | {
      readonly kind: 'step-ended'
      readonly job: string
      readonly step: string
      readonly conclusion: Conclusion
      readonly took: number
    }
  | {
      readonly kind: 'job-ended'
      readonly job: string
      readonly conclusion: Conclusion
      readonly took: number
      readonly annotations: readonly Annotation[]
    }
