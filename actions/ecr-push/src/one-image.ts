import { type Manifest, openArchive, registryImage, sourceRepository } from '@aws-deploy-actions/container-registry'
import { expireOld, scanGate } from './after-push.ts'
import { pushAsItIs } from './archived-image.ts'
import { buildAndPush, buildOnly } from './built-image.ts'
import { contentKey } from './content-key.ts'
import type { StepDocker } from './docker-step.ts'
import type { BuildSource, ImageInputs } from './image-inputs.ts'
import type { Inputs } from './inputs.ts'
import { consolePage, type Place, placeOf } from './place.ts'
import type { ImageResult, ImageStatus } from './result.ts'
import { leaveKey, reusedByContent, reusedOfCommit, warnOfHeldTags } from './reused-image.ts'
import type { Step } from './step.ts'
import { TagHeld } from './tagging.ts'

/**
 * The story of one image: found or made, pushed, told, looked over, tidied up after.
 * @param tell sets the outputs with what `result` holds
 */
export async function pushImage(
  image: ImageInputs,
  inputs: Inputs,
  docker: StepDocker,
  step: Step,
  result: ImageResult,
  tell: () => Promise<void>,
): Promise<void> {
  const { log } = step
  if (!inputs.push) {
    if (image.source.kind === 'build') {
      await buildOnly(image.source, image.repository.uri ?? image.repository.name, inputs, await docker.session(), step)
    }
    log.info('Built only: "push" is false.')
    result.status = 'built'
    return tell()
  }
  // An archive that cannot be pushed is known before AWS is asked anything.
  const archive = image.source.kind === 'archive' ? await openArchive(image.source.path, step.signal) : undefined
  const place = await log.group('Repository', () => placeOf(image.repository, inputs, step))
  result.place = place
  try {
    await tell()
    try {
      const [status, manifest] = await pushed(image, place)
      result.status = status
      result.bytes = bytesOf(manifest)
    } finally {
      // Also when only some of the tags could be put: what stands in the registry is told.
      await tell()
    }
    log.info(`${place.reference}@${result.digest} is in the registry as ${result.tags.join(', ')}.`)
    const page = consolePage(place, result.digest)
    if (page !== undefined) log.info(page)
    await scanGate(place, inputs, step, result)
    await expireOld(place, inputs, step, result)
  } finally {
    await archive?.close()
    place.close()
  }

  async function pushed({ source }: ImageInputs, to: Place): Promise<[ImageStatus, Manifest]> {
    if (source.kind === 'build') return builtOrReused(source, to, inputs, docker, step, result)
    if (source.kind === 'promotion')
      return ['promoted', await log.group('Promote', () => promoted(source.reference, to))]
    if (archive === undefined) throw new Error('the archive is not open')
    log.info(`The archive holds ${archive.root.digest}.`)
    return ['pushed', await log.group('Push', () => pushAsItIs(archive, to, inputs, step, result))]
  }

  async function promoted(reference: string, to: Place): Promise<Manifest> {
    const from = await sourceRepository(reference, inputs.region || to.region, step, {
      repository: to.repository,
      region: to.region,
    })
    try {
      const source = await registryImage(from.repository, from.reference)
      log.info(`${from.name} is ${source.root.digest}.`)
      try {
        return await pushAsItIs(source, to, inputs, step, result)
      } finally {
        await source.close()
      }
    } finally {
      from.close()
    }
  }
}

async function builtOrReused(
  source: BuildSource,
  place: Place,
  inputs: Inputs,
  docker: StepDocker,
  step: Step,
  result: ImageResult,
): Promise<[ImageStatus, Manifest]> {
  const ofCommit = await reusedOfCommit(place, inputs, step, result, tag => place.keeps(tag) === true)
  if (ofCommit !== undefined) return ['reused', ofCommit]
  const key = inputs.skipUnchanged
    ? await contentKey(source, { signal: step.signal, environment: step.runtime.environment }, ownPlatform)
    : undefined
  if (key !== undefined && 'reason' in key) step.log.info(`Built: ${key.reason}; without a key nothing is reused.`)
  if (key === undefined || 'reason' in key) return built()
  const held = await reusedByContent(key, place, inputs, step, result)
  if (held !== undefined) return ['reused', held]
  const [status, manifest] = await built()
  result.status = status
  await leaveKey(key, manifest, place, step)
  return [status, manifest]

  /** Without docker nothing can be built: the build itself says so, if it comes to that. */
  async function ownPlatform(): Promise<string | undefined> {
    try {
      return await (await docker.session()).platform()
    } catch {
      step.signal.throwIfAborted()
      return undefined
    }
  }

  async function built(): Promise<[ImageStatus, Manifest]> {
    await warnOfHeldTags(place, inputs, step)
    try {
      const manifest = await buildAndPush(source, place, inputs, await docker.session(), step, result)
      return [result.sentNothing ? 'reused' : 'built', manifest]
    } catch (error) {
      // Where the repository's settings may not be read, only the refusal tells that its tags are immutable.
      if (!(error instanceof TagHeld)) throw error
      const held = await reusedOfCommit(place, inputs, step, result, tag => place.keeps(tag) === undefined)
      if (held === undefined) throw error
      return ['reused', held]
    }
  }
}

function bytesOf({ content }: Manifest): number | undefined {
  if (content.kind === 'index') return undefined
  return [content.config, ...content.layers].reduce((sum, { size }) => sum + size, 0)
}
