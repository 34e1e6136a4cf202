export { type Advice, adviceFor } from './advice.ts'
export { countedContainer, withContainerChanges } from './containers.ts'
export { type Placement, placementOfService } from './network.ts'
export { differenceLines } from './normalise.ts'
export { isObject } from './schema.ts'
export {
  checkedDefinition,
  describedRevision,
  familyRevision,
  needsAccount,
  patchedDocument,
  type RegisteredRevision,
  type Registrable,
  type Revision,
  registeredRevision,
  registrableDocument,
} from './task-definition.ts'
export { type TaskDefinitionSource, taskDefinitionSource } from './task-definition-source.ts'
export { filledIn, unresolved } from './template.ts'
