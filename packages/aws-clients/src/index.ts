export { type Calling, call, poll } from './calls.ts'
export { consoleHost, inAddress } from './console.ts'
export {
  type AwsAnswer,
  AwsError,
  awsAnswer,
  CredentialsError,
  type FaultKind,
  faultKind,
  PermissionError,
} from './errors.ts'
export { type ImageReference, parseImageReference } from './image-reference.ts'
export { readRegion, type SdkConfig, sdkConfig } from './sdk-config.ts'
