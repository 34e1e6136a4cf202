import {
  parsedRehearsalFile,
  type Rehearsal,
  type RehearseOptions,
  rehearse,
  startSurroundings,
} from '@aws-deploy-actions/rehearsal'
import { SURROUNDINGS, smallApplication } from './small-application.ts'

export interface Delivery
  extends Partial<Pick<RehearseOptions, 'event' | 'inputs' | 'approve' | 'cancel' | 'secrets'>> {
  readonly vars?: Readonly<Record<string, string>>
  readonly onStep?: (job: string, step: string) => void
}

export type Shop = Awaited<ReturnType<typeof startShop>>

/** A local AWS with one service, and the repository that delivers to it. */
export async function startShop() {
  const application = await smallApplication()
  const { aws, options, stop } = await startSurroundings(parsedRehearsalFile(SURROUNDINGS))
  return {
    aws,
    deliver: ({ vars = {}, onStep, ...delivery }: Delivery): Promise<Rehearsal> =>
      rehearse({
        ...options,
        event: 'push',
        repository: application.folder,
        workflow: '.github/workflows/deliver.yml',
        ...delivery,
        secrets: { ...options.secrets, ...delivery.secrets },
        vars: { ...options.vars, ...vars },
        onProgress: event => {
          if (event.kind === 'step-began') onStep?.(event.job, event.step)
        },
      }),
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

const STAGES = ['check', 'lint', 'test', 'build', 'migrate', 'deploy', 'summary']

/** Result of each stage, by its name. */
export function stages({ jobs }: Rehearsal): Record<string, string> {
  return Object.fromEntries(STAGES.map(stage => [stage, jobs[`deliver / ${stage}`]?.result ?? 'missing']))
}

/** All stages succeeded, but for those named. */
export function but(others: Readonly<Record<string, string>>): Record<string, string> {
  return { ...Object.fromEntries(STAGES.map(stage => [stage, 'success'])), ...others }
}

/** After `stage` nothing runs but the summary, which is red and says so. */
export function failedAt(stage: string): Record<string, string> {
  const order = ['check', 'lint', 'build', 'migrate', 'deploy']
  const at = order.indexOf(stage === 'test' ? 'lint' : stage)
  const later = order.slice(at + 1)
  return but({
    ...Object.fromEntries(later.map(id => [id, 'skipped'])),
    ...(stage === 'check' ? { test: 'skipped' } : {}),
    [stage]: 'failure',
    summary: 'failure',
  })
}

export function outputs({ jobs }: Rehearsal): Readonly<Record<string, string>> {
  return jobs['after']?.outputs ?? {}
}

export function page({ jobs }: Rehearsal): string {
  return jobs['deliver / summary']?.summary ?? ''
}

export function step(run: Rehearsal, job: string, name: string): string | undefined {
  return run.jobs[job]?.steps.find(found => found.name === name)?.conclusion
}
