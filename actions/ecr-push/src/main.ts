import type { Action, Runtime } from '@aws-deploy-actions/action-runtime'
import { eachImage } from './all-images.ts'
import { secretValues } from './build-secrets.ts'
import { StepDocker } from './docker-step.ts'
import { type Inputs, imageNames, readInputs } from './inputs.ts'
import { pushImage } from './one-image.ts'
import { tellOutputs } from './outputs.ts'
import { tell } from './report.ts'
import { emptyResult, type ImageStatus, type Result } from './result.ts'
import { stepWithin } from './step.ts'

export const ecrPush: Action<Inputs, Result> = {
  name: 'ecr-push',
  readInputs: input => readInputs(input),
  start: inputs => ({ images: imageNames(inputs).map(emptyResult) }),
  main: pushImages,
  tell,
}

async function pushImages(inputs: Inputs, { images }: Result, runtime: Runtime): Promise<string> {
  const step = stepWithin(inputs, images, runtime)
  await hideSecrets(inputs, runtime)
  for (const sentence of inputs.droppedTags) runtime.log.notice('Tag left out', sentence)
  const docker = new StepDocker(inputs, step)
  try {
    await docker.check()
    await eachImage(inputs, images, step, (image, result, own) =>
      pushImage(image, inputs, docker, own, result, () => tellOutputs(images, runtime)),
    )
  } finally {
    await docker.close()
  }
  return overallStatus(images.flatMap(({ status }) => (status === undefined ? [] : [status])))
}

/** With several images `built` if any was. */
function overallStatus(statuses: readonly ImageStatus[]): ImageStatus {
  return statuses.find(status => status === 'built') ?? statuses[0] ?? 'built'
}

/** characters; taking out what is shorter would leave little of a log */
const SHORTEST_SECRET = 4

async function hideSecrets({ images }: Inputs, { hide, environment }: Runtime): Promise<void> {
  for (const { source } of images) {
    if (source.kind === 'build')
      for (const value of await secretValues(source.secrets, environment)) hide(value, SHORTEST_SECRET)
  }
}
