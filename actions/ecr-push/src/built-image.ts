import { Failure } from '@aws-deploy-actions/action-runtime'
import {
  type DockerContext,
  dockerBuild,
  dockerFolder,
  dockerLogin,
  dockerPush,
  ImmutableTag,
  type Manifest,
  removeDockerFolder,
} from '@aws-deploy-actions/container-registry'
import { commitTime, ociLabels } from './commit.ts'
import type { Inputs, Source } from './inputs.ts'
import type { Place } from './place.ts'
import type { Result } from './report.ts'
import type { Step } from './step.ts'
import { inAttempts, putTag, refusedTag, tagged, tagPlan } from './tagging.ts'

/** Builds with docker and pushes: docker sends the layers under one tag, the others are put beside it. */
export async function buildAndPush(
  source: Extract<Source, { kind: 'build' }>,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: Result,
): Promise<void> {
  const { log, signal, runtime } = step
  const { temp, workspace } = runtime.environment
  const folder = await dockerFolder(temp)
  // Remembered before docker runs: if this process is killed, post ends docker and removes the login.
  await runtime.remember('docker-folder', folder)
  const docker: DockerContext = { log, signal, folder, workspace }
  try {
    const imageId = await log.group('Build', async () => {
      const time = await commitTime(runtime.environment)
      return dockerBuild({ ...source, labels: ociLabels(runtime.environment, time), sourceDateEpoch: time }, docker)
    })
    log.info(`Built ${imageId}.`)
    await log.group('Push', () => pushBuilt(imageId, docker, place, inputs, step, result))
  } finally {
    await removeDockerFolder(folder, temp)
    await runtime.remember('docker-folder', '')
  }
}

async function pushBuilt(
  imageId: string,
  docker: DockerContext,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: Result,
): Promise<void> {
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
    return
  }
  const { manifest, open } =
    present === undefined
      ? await pushWithDocker(imageId, plan.put, docker, place, inputs, step, result)
      : { manifest: await builtManifest(place, present, imageId), open: plan.put }
  for (const tag of open) {
    const put = await inAttempts(inputs.pushAttempts, step, () => putTag(place, tag, manifest, inputs, step))
    if (put) tagged(result, inputs, manifest.digest, tag)
  }
}

/**
 * Pushes with docker under the first tag that the registry takes, and reads back what it has there.
 * @returns that manifest, and the tags that are still to be put
 */
async function pushWithDocker(
  imageId: string,
  tags: readonly string[],
  docker: DockerContext,
  place: Place,
  inputs: Inputs,
  step: Step,
  result: Result,
): Promise<{ manifest: Manifest; open: readonly string[] }> {
  const config = await dockerLogin(place.host, place.credentials, docker)
  for (const [index, tag] of tags.entries()) {
    try {
      await inAttempts(inputs.pushAttempts, step, () =>
        dockerPush(imageId, `${place.uri}:${tag}`, place.iam, config, docker),
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
