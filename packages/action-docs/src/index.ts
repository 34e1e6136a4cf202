export { type ActionMetadata, actionMetadata, actionNames, type Input, type Output } from './action-metadata.ts'
export { type Documents, documents, type GeneratedFile } from './documents.ts'
export { firstYamlBlock, withTables } from './readme.ts'
export { inputsTable, outputsTable } from './tables.ts'
