import { Failure } from '@aws-deploy-actions/action-runtime'
import {
  type BuildOutput,
  type DockerBuild,
  type DockerContext,
  dockerBuild,
  dockerPush,
  ImmutableTag,
  type Manifest,
  pushesByItself,
  removeBuildName,
} from '@aws-deploy-actions/container-registry'
import { cacheOf } from './build-cache.ts'
import { commitTime, ociLabels } from './commit.ts'
import type { DockerSession } from './docker-step.ts'
import type { BuildSource } from './image-inputs.ts'
import type { Inputs } from './inputs.ts'
import type { Place } from './place.ts'
import type { ImageResult } from './result.ts'
import type { Step } from './step.ts'
import { inAttempts, putTag, refusedTag, tagged, tagPlan } from './tagging.ts'

/** A clean-up that the runner would cut off anyway is not waited for (ms). */
const NAME_REMOVAL_MS = 3000

/** Builds and pushes nothing: no AWS is asked, no login is needed. The image stays in the Engine where one platform is built. */
export async function buildOnly(
  source: BuildSource,
  name: string,
  inputs: Inputs,
  docker: DockerSession,
  step: Step,
): Promise<void> {
  const [tag] = inputs.tags
  const output: BuildOutput =
    source.platforms.length > 1
      ? { to: 'nowhere' }
      : { to: 'engine', name: tag === undefined ? undefined : `${name}:${tag}` }
  await step.log.group('Build', async () => {
    const cache = cacheOf(inputs.cache, undefined, name, step)
    await dockerBuild(await described(source, step), output, cache, docker.builder, await docker.context(step))
  })
}

/**
 * Builds with docker and pushes. From the Engine docker sends the layers under one tag; a builder of its own pushes by
 * digest. The other tags are put beside it, so that all are one digest.
 * @returns what the registry has now
 */
export async function buildAndPush(
  source: BuildSource,
  place: Place,
  inputs: Inputs,
  docker: DockerSession,
  step: Step,
  result: ImageResult,
): Promise<Manifest> {
  const context = await docker.context(step)
  // Before the build: its base image may be in the same registry.
  await docker.config.login(place.host, place.credentials, step.signal)
  const build = await described(source, step)
  const cache = cacheOf(inputs.cache, place, place.name, step)
  if (pushesByItself(docker.builder)) {
    const manifest = await step.log.group('Build and push', () =>
      inAttempts(inputs.pushAttempts, step, async () => {
        const output: BuildOutput = { to: 'repository', address: place.uri, iam: place.iam, arn: place.arn }
        const digest = await dockerBuild(build, output, cache, docker.builder, context)
        return builtManifest(place, digest ?? '', digest ?? '')
      }),
    )
    await putAll(manifest, place, inputs, step, result)
    return manifest
  }
  try {
    const imageId = await step.log.group('Build', () =>
      dockerBuild(build, { to: 'engine', name: undefined }, cache, docker.builder, context),
    )
    if (imageId === undefined) throw new Failure('docker did not say which image it built.')
    step.log.info(`Built ${imageId}.`)
    return await step.log.group('Push', () => pushBuilt(imageId, docker, context, place, inputs, step, result))
  } finally {
    // The build's own name stays where nothing had to be sent or the push failed; also a cancel must not keep it from going.
    await removeBuildName({ ...context, signal: AbortSignal.timeout(NAME_REMOVAL_MS) }).catch(() => undefined)
  }
}

async function described(source: BuildSource, { runtime, signal }: Step): Promise<DockerBuild> {
  const time = await commitTime(runtime.environment, signal)
  const labels = new Map([...ociLabels(runtime.environment, time), ...source.labels])
  return { ...source, labels, sourceDateEpoch: time }
}

/** Puts an image that is in the repository under all wanted tags. */
export async function putAll(
  manifest: Manifest,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: ImageResult,
): Promise<void> {
  const plan = await tagPlan(place, inputs, step, async held => held === manifest.digest, manifest.digest)
  for (const tag of plan.present.keys()) tagged(result, inputs, manifest.digest, tag)
  for (const tag of plan.put) {
    const put = await inAttempts(inputs.pushAttempts, step, () => putTag(place, tag, manifest, inputs, step))
    if (put) tagged(result, inputs, manifest.digest, tag)
  }
}

async function pushBuilt(
  imageId: string,
  docker: DockerSession,
  context: DockerContext,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: ImageResult,
): Promise<Manifest> {
  const plan = await tagPlan(
    place,
    inputs,
    step,
    async held => isImage(await place.repository.manifest(held), imageId),
    imageId,
  )
  for (const [tag, digest] of plan.present) tagged(result, inputs, digest, tag)
  const [present] = plan.present.values()
  if (present !== undefined && plan.put.length === 0) {
    step.log.info('All tags hold this image already: nothing is sent.')
    result.sentNothing = true
    return builtManifest(place, present, imageId)
  }
  const { manifest, open } =
    present === undefined
      ? await pushWithDocker(imageId, plan.put, docker, context, place, inputs, step, result)
      : { manifest: await builtManifest(place, present, imageId), open: plan.put }
  for (const tag of open) {
    const put = await inAttempts(inputs.pushAttempts, step, () => putTag(place, tag, manifest, inputs, step))
    if (put) tagged(result, inputs, manifest.digest, tag)
  }
  return manifest
}

/**
 * Pushes with docker under the first tag that the registry takes, and reads back what it has there.
 * @returns that manifest, and the tags that are still to be put
 */
async function pushWithDocker(
  imageId: string,
  tags: readonly string[],
  { config }: DockerSession,
  context: DockerContext,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: ImageResult,
): Promise<{ manifest: Manifest; open: readonly string[] }> {
  for (const [index, tag] of tags.entries()) {
    try {
      await inAttempts(inputs.pushAttempts, step, () =>
        dockerPush(imageId, { address: `${place.uri}:${tag}`, iam: place.iam, arn: place.arn }, config, context),
      )
    } catch (error) {
      if (!(error instanceof ImmutableTag)) throw error
      const held = await place.repository.manifest(tag)
      if (!isImage(held, imageId)) {
        refusedTag(place, tag, held?.digest, imageId, inputs, step)
        continue
      }
    }
    const manifest = await builtManifest(place, tag, imageId)
    tagged(result, inputs, manifest.digest, tag)
    return { manifest, open: tags.slice(index + 1) }
  }
  throw new Failure('No tag is left to push the image under.', { resource: place.reference })
}

async function builtManifest(place: Place, reference: string, imageId: string): Promise<Manifest> {
  const manifest = await place.repository.manifest(reference)
  if (manifest !== undefined && isImage(manifest, imageId)) return manifest
  throw new Failure(`The registry does not have the built image under ${reference}.`, {
    resource: place.reference,
    cause: `It has ${manifest?.digest ?? 'nothing'}; built was ${imageId}. Another run may have pushed the tag meanwhile.`,
    next: ['Let only one run at a time push the tag (concurrency), and run this one again.'],
  })
}

/** An image's id is the digest of its config, or with the containerd image store that of its manifest. */
function isImage(manifest: Manifest | undefined, imageId: string): boolean {
  if (manifest === undefined) return false
  const { content, digest } = manifest
  return digest === imageId || (content.kind === 'image' && content.config.digest === imageId)
}
