export { type Advice, adviceFor } from './advice.ts'
export { type ContainerChanges, countedContainer, onlyEssential, withContainerChanges } from './containers.ts'
export { type Placement, placementOfService } from './network.ts'
export { type Difference, differenceLines, differences } from './normalise.ts'
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
export { fileDefinition, readPatch } from './task-definition-inputs.ts'
export { type TaskDefinitionSource, taskDefinitionSource } from './task-definition-source.ts'
export { filledIn, unresolved } from './template.ts'
