import type { Action, Runtime } from '@aws-deploy-actions/action-runtime'
import { openArchive } from '@aws-deploy-actions/container-registry'
import { pushArchive } from './archived-image.ts'
import { buildAndPush } from './built-image.ts'
import { type Inputs, readInputs } from './inputs.ts'
import { consolePage, type Place, placeOf } from './place.ts'
import { imagesOutput, type Result, tell } from './report.ts'
import { stepWithin } from './step.ts'

export const ecrPush: Action<Inputs, Result> = {
  name: 'ecr-push',
  readInputs: input => readInputs(input),
  start: () => ({ place: undefined, digest: undefined, tags: [] }),
  main: pushImage,
  tell,
}

async function pushImage(inputs: Inputs, result: Result, runtime: Runtime): Promise<string> {
  const { log } = runtime
  const { source } = inputs
  const step = stepWithin(inputs.timeoutMs, runtime)
  for (const sentence of inputs.droppedTags) log.notice('Tag left out', sentence)
  // An archive that cannot be pushed is known before AWS is asked anything.
  const archive = source.kind === 'archive' ? await openArchive(source.path, step.signal) : undefined
  const place = await log.group('Repository', () => placeOf(inputs.repository, inputs.region, step))
  result.place = place
  await runtime.output('repository', place.name)
  await runtime.output('repository-uri', place.uri)
  try {
    if (archive !== undefined) await log.group('Push', () => pushArchive(archive, place, inputs, step, result))
    else if (source.kind === 'build') await buildAndPush(source, place, inputs, step, result)
  } finally {
    await tellOutputs(place, result, archive === undefined ? 'built' : 'pushed', runtime)
    await archive?.close()
    place.close()
  }
  log.info(`${place.reference}@${result.digest} is in the registry as ${result.tags.join(', ')}.`)
  const page = consolePage(place, result.digest)
  if (page !== undefined) log.info(page)
  return archive === undefined ? 'built' : 'pushed'
}

/** Also when only some of the tags could be put: what stands in the registry is told. */
async function tellOutputs(place: Place, result: Result, status: string, { output }: Runtime): Promise<void> {
  const { digest, tags } = result
  const [first] = tags
  if (digest === undefined || first === undefined) return
  await output('digest', digest)
  await output('image', `${place.uri}@${digest}`)
  await output('tagged-image', `${place.uri}:${first}`)
  await output('tags', tags)
  await output('images', imagesOutput(place, digest, tags, status))
}
