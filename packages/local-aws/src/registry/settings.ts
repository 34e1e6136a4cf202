import type { RegistryScope } from './repositories.ts'

function key(scope: RegistryScope): string {
  return `${scope.registryId} ${scope.region}`
}

/** Settings of a private registry as a whole: one account in one region. */
export class RegistrySettings {
  readonly #values = new Map<string, Map<string, string>>()

  /** undefined until it was set (PutAccountSetting): BLOB_MOUNTING then counts as DISABLED */
  accountSetting(scope: RegistryScope, name: string): string | undefined {
    return this.#values.get(key(scope))?.get(name)
  }

  putAccountSetting(scope: RegistryScope, name: string, value: string): void {
    const values = this.#values.get(key(scope)) ?? new Map<string, string>()
    values.set(name, value)
    this.#values.set(key(scope), values)
  }
}
