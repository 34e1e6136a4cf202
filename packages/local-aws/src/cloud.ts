import type { Faults } from './faults.ts'
import type { Journal } from './journal.ts'
import type { Registry } from './registry/registry.ts'

/** What everything that waits is told when the cloud stops. */
export class CloudStopped extends Error {
  override readonly name = 'CloudStopped'
}

/** One local AWS: what all services share. */
export interface Cloud {
  readonly accountId: string
  /**
   * Waits so many milliseconds of AWS's time, shortened by the speed factor; rejects with the signal's reason when it
   * aborts, with CloudStopped when the cloud stops.
   */
  pause(ms: number, signal?: AbortSignal): Promise<void>
  /** AWS's time divided by this is the wall clock's */
  readonly speed: number
  /** a folder of this cloud's own, removed when it stops */
  readonly directory: string
  readonly registry: Registry
  readonly journal: Journal
  readonly faults: Faults
  /** one line about what happens inside, for people who watch */
  readonly log: (line: string) => void
}
