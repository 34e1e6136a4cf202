import type { Access } from './access.ts'
import type { Faults } from './faults.ts'
import type { Journal } from './journal.ts'
import type { RegistryHooks } from './registry/hooks.ts'
import { AwsError } from './service.ts'

/** The registry's requests in the journal, under the policy and the faults. */
export function registryHooks(journal: Journal, faults: Faults, access: Access): RegistryHooks {
  return {
    fault: operation => faults.next('registry', operation),
    authorize(need, caller = access.caller) {
      try {
        access.check([need], caller, () => undefined)
        return undefined
      } catch (error) {
        if (error instanceof AwsError) return error.message
        throw error
      }
    },
    record: ({ operation, input, ...outcome }) => journal.open('registry', operation, input)(outcome),
  }
}
