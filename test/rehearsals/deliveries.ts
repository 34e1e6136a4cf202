import { parsedRehearsalFile, type Rehearsal, rehearse, startSurroundings } from '@aws-deploy-actions/rehearsal'
import { asAlways } from './always.ts'
import { SURROUNDINGS, smallApplication } from './small-application.ts'
import { type Delivery, listener, pipelineOf } from './stages.ts'

export type Shop = Awaited<ReturnType<typeof startShop>>

/** A local AWS with one service, and the repository that delivers to it. */
export async function startShop() {
  const application = await smallApplication()
  const { aws, options, stop } = await startSurroundings(parsedRehearsalFile(SURROUNDINGS))
  return {
    aws,
    deliver: async ({ vars = {}, onStep, onLine, ...delivery }: Delivery): Promise<Rehearsal> =>
      asAlways(
        ECS.names,
        await rehearse({
          ...options,
          event: 'push',
          repository: application.folder,
          workflow: '.github/workflows/deliver.yml',
          ...delivery,
          secrets: { ...options.secrets, ...delivery.secrets },
          vars: { ...options.vars, ...vars },
          onProgress: listener(onStep, onLine),
        }),
      ),
    /** what answers at the listener now */
    runningVersion: async (): Promise<unknown> => {
      const answer: unknown = await (await fetch(`${options.vars['SHOP_URL']}/health`)).json()
      return typeof answer === 'object' && answer !== null && 'version' in answer ? answer.version : undefined
    },
    stop: async () => {
      await stop()
      await application.remove()
    },
  }
}

export const ECS = pipelineOf(['check', 'lint', 'test', 'build', 'migrate', 'deploy', 'summary'])
