import { isRecord } from '../../smithy.ts'

/**
 * What happens to the tasks of a family for reasons that this machine does not have: a network without a route, a host
 * without memory.
 */
export interface TaskScript {
  /** they end with TaskFailedToStart and this `stoppedReason` instead of starting containers */
  readonly failsToStart?: string
  /** a container that SIGKILL ended (exit code 137) was killed for its memory */
  readonly outOfMemory?: boolean
}

const KEYS: readonly string[] = ['failsToStart', 'outOfMemory']

/** The scripts by family; `*` is for all others. */
export class TaskScripts {
  readonly #scripts = new Map<string, TaskScript>()

  /**
   * @param script `{}` ends an earlier one
   * @throws Error naming what is wrong in it
   */
  set(family: string, script: unknown): void {
    if (!isScript(script)) {
      throw new Error(`a task script has ${KEYS.join(', ')}: a text, and true or false`)
    }
    this.#scripts.set(family, script)
  }

  of(family: string): TaskScript {
    return this.#scripts.get(family) ?? this.#scripts.get('*') ?? {}
  }
}

function isScript(value: unknown): value is TaskScript {
  if (!isRecord(value) || !Object.keys(value).every(key => KEYS.includes(key))) return false
  const { failsToStart = '', outOfMemory = false } = value
  return typeof failsToStart === 'string' && typeof outOfMemory === 'boolean'
}
