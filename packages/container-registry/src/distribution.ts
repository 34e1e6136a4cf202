// The client of the OCI distribution API alone: small, for those that only read.
export { RegistryConnection } from './registry-connection.ts'
export { Repository } from './repository.ts'
