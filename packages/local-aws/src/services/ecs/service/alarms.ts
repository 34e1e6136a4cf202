import { Watch } from '../watch.ts'

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA'

/** CloudWatch alarms as far as deployments look at them: a name and a state that is set from outside. */
export class Alarms {
  readonly #states = new Map<string, AlarmState>()
  readonly #changes = new Watch()

  /** @throws Error for a state that CloudWatch does not know */
  set(name: string, state: unknown): void {
    if (state !== 'OK' && state !== 'ALARM' && state !== 'INSUFFICIENT_DATA') {
      throw new Error('state must be OK, ALARM or INSUFFICIENT_DATA')
    }
    this.#states.set(name, state)
    this.#changes.changed()
  }

  /** those of the names that are in ALARM */
  ringing(names: readonly string[]): string[] {
    return names.filter(name => this.#states.get(name) === 'ALARM')
  }

  /** wakes whoever watches; the returned function ends that */
  onChange(watch: Watch): () => void {
    return this.#changes.each(() => watch.changed())
  }
}
