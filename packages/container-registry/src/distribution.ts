// The client of the OCI distribution API alone: small, for those that only read.
export type { Manifest } from './content.ts'
export { RegistryConnection } from './registry-connection.ts'
export { Repository } from './repository.ts'
