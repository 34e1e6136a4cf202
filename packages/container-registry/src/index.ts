export { openArchive } from './archive.ts'
export { removeBuildName } from './build-name.ts'
export { type Manifest, MEDIA_TYPES } from './content.ts'
export {
  type BuildCache,
  type BuildOutput,
  type BuildSecret,
  builtDigests,
  type DockerBuild,
  type DockerContext,
  dockerBuild,
} from './docker-build.ts'
export { type Builder, buildKitMissing, pushesByItself, selectedBuilder } from './docker-builder.ts'
export { DockerConfig } from './docker-config.ts'
export { dockerFolder, removeDockerFolder } from './docker-folder.ts'
export { dockerPush, ImmutableTag } from './docker-push.ts'
export { createdRepository, type RepositorySettings } from './ecr-creation.ts'
export { type ExpiredImages, expireImages } from './ecr-expiry.ts'
export { type EcrLogin, ecrLogin } from './ecr-login.ts'
export {
  type EcrRepository,
  ecrRepository,
  parseRepositoryName,
  RepositoryMissing,
  type RepositoryName,
} from './ecr-repository.ts'
export { type ScanResult, scanResult } from './ecr-scan.ts'
export { type PushRecord, pushContent, putVerified, sizeText } from './image-push.ts'
export type { ImageSource } from './image-source.ts'
export { RegistryConnection, type RegistryContext } from './registry-connection.ts'
export { RegistryError, RegistryUnavailable } from './registry-error.ts'
export { type HeldImage, heldImage, ImageMissing, registryImage } from './registry-image.ts'
export { Repository } from './repository.ts'
export { checkSourceImage, type SourceRepository, sourceRepository } from './source-repository.ts'
