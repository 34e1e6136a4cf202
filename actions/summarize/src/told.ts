import { type Outcome, plain, type Told } from '@aws-deploy-actions/action-runtime'
import { type SummarizeInputs, webAddress } from './inputs.ts'
import type { Summary } from './main.ts'
import type { Needs } from './needs.ts'

/** The address that was given, else the first that a needed job tells in its output `environment-url`. */
export function deployedAt({ environmentUrl }: SummarizeInputs, { jobs }: Needs): string | undefined {
  if (environmentUrl !== undefined) return environmentUrl
  for (const { outputs } of jobs) {
    const told = outputs['environment-url']?.trim()
    if (told === undefined || told === '') continue
    try {
      return webAddress(told)
    } catch {
      // Another job may tell a better one.
    }
  }
  return undefined
}

/** The page; without one (the step was cancelled before) the verdict alone. */
export function told({ verdict, page }: Summary, { status, failure }: Outcome): Told {
  const sentence = verdict?.sentence ?? failure?.message ?? ''
  const own = failure !== undefined && failure.message !== sentence ? ` ${failure.message}` : ''
  return {
    record: { verdict: sentence },
    summary: page ?? `## ${status === 'cancelled' ? '🚫' : '❌'} ${plain(`${sentence}${own}`)}`,
  }
}
