import type { LocalAws } from '@aws-deploy-actions/local-aws'
import type { Progress, Rehearsal, RehearseOptions } from '@aws-deploy-actions/rehearsal'

/**
 * A repository's delivery by a pipeline, and a job after it that sees its outputs. What differs between deliveries comes in
 * by variables, so that one repository serves them all.
 * @param pipeline `ecs` or `ec2`
 * @param inputs of that pipeline alone, as lines of YAML
 * @param deployed the output that tells what was deployed
 */
export function delivery(pipeline: string, inputs: string, deployed: string): string {
  return `name: deliver
on:
  push:
  pull_request:
  workflow_dispatch:
    inputs:
      skip-tests: { type: boolean }
      version: { type: string }
      rollback-to: { type: string }
permissions: {}
jobs:
  deliver:
    permissions: { actions: read, contents: read, id-token: write, pull-requests: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/pipeline-${pipeline}.yml@v1
    with:
      environment: production
      aws-region: eu-west-1
      lint-commands: \${{ vars.LINT || 'echo linted' }}
      test-commands: \${{ vars.TEST || 'echo tested' }}
      build-before: \${{ vars.BEFORE || 'echo prepared' }}
      tags: \${{ vars.TAG || '{sha}' }}
${inputs.trim().replaceAll(/^/gm, '      ')}
      skip-tests: \${{ vars.SKIP_TESTS == 'true' || inputs.skip-tests == true }}
      version: \${{ inputs.version }}
      rollback-to: \${{ inputs.rollback-to }}
  after:
    needs: deliver
    if: always()
    runs-on: ubuntu-latest
    permissions: {}
    outputs:
      status: \${{ needs.deliver.outputs.status }}
      images: \${{ needs.deliver.outputs.images }}
      ${deployed}: \${{ needs.deliver.outputs.${deployed} }}
      environment-url: \${{ needs.deliver.outputs.environment-url }}
    steps:
      - run: echo done
`
}

/** From now on the role may not call this operation. */
export function deny(aws: LocalAws, service: string, operation: string): void {
  aws.addFault({
    service,
    operation,
    kind: 'error',
    status: 400,
    code: 'AccessDeniedException',
    message: `not authorized to perform: ${service}:${operation}`,
  })
}

/** One run of a repository's delivery. */
export interface Delivery
  extends Partial<Pick<RehearseOptions, 'event' | 'inputs' | 'approve' | 'cancel' | 'secrets' | 'timing'>> {
  readonly vars?: Readonly<Record<string, string>>
  readonly onStep?: (job: string, step: string) => void
  readonly onLine?: (line: string) => void
}

/** For `rehearse`: hands on what a delivery listens to. */
export function listener(onStep: Delivery['onStep'], onLine: Delivery['onLine']): (event: Progress) => void {
  return event => {
    if (event.kind === 'step-began') onStep?.(event.job, event.step)
    if (event.kind === 'line') onLine?.(event.line)
  }
}

/** The stages of a pipeline that the job `deliver` calls, in their order; lint and test are beside each other. */
export function pipelineOf(names: readonly string[]) {
  /** All stages succeeded, but for those named. */
  const but = (others: Readonly<Record<string, string>>): Record<string, string> => ({
    ...Object.fromEntries(names.map(stage => [stage, 'success'])),
    ...others,
  })
  const before = (stage: string): Record<string, string> => {
    const order = names.filter(name => name !== 'test' && name !== 'summary')
    const later = order.slice(order.indexOf(stage === 'test' ? 'lint' : stage) + 1)
    return but({
      ...Object.fromEntries(later.map(id => [id, 'skipped'])),
      ...(stage === 'check' ? { test: 'skipped' } : {}),
      summary: 'failure',
    })
  }
  return {
    names,
    but,
    /** Result of each stage, by its name. */
    stages: ({ jobs }: Rehearsal): Record<string, string> =>
      Object.fromEntries(names.map(stage => [stage, jobs[`deliver / ${stage}`]?.result ?? 'missing'])),
    /** The same without the summary, which does not tell of itself. */
    without: ({ summary: _, ...others }: Readonly<Record<string, string>>): Record<string, string> => others,
    /** After `stage` nothing runs but the summary, which is red. */
    failedAt: (stage: string): Record<string, string> => ({ ...before(stage), [stage]: 'failure' }),
    /** Somebody cancelled the run in `stage`: the same, and lint and tests go together. */
    cancelledIn: (stage: string): Record<string, string> => ({
      ...before(stage),
      ...(stage === 'lint' || stage === 'test' ? { lint: 'cancelled', test: 'cancelled' } : { [stage]: 'cancelled' }),
    }),
  }
}

/** What the caller's next job sees of the pipeline. */
export function outputs({ jobs }: Rehearsal): Readonly<Record<string, string>> {
  return jobs['after']?.outputs ?? {}
}

/** The summary's section. */
export function page({ jobs }: Rehearsal): string {
  return jobs['deliver / summary']?.summary ?? ''
}

/** What the summary's table of jobs says: stage → result, each once. */
export function told(run: Rehearsal): Record<string, string> {
  const [, table = ''] = /^### Jobs\n\n([\s\S]*?)\n\n/m.exec(page(run)) ?? []
  const rows = [...table.matchAll(/^\| ([\w-]+)(?: \/ [^|]*)? \| [^ ]+ (\w+)/gm)]
  const names = rows.map(([, name = '']) => name)
  if (new Set(names).size < names.length) throw new Error(`a job is there twice:\n${table}`)
  return Object.fromEntries(rows.map(([, name = '', result = '']) => [name, result]))
}

/** Conclusion of a step. */
export function step(run: Rehearsal, job: string, name: string): string | undefined {
  return run.jobs[job]?.steps.find(found => found.name === name)?.conclusion
}

/** The jobs that ran and may ask for a token to assume a role with. */
export function withCredentials({ jobs }: Rehearsal): string[] {
  return Object.entries(jobs)
    .filter(([, { permissions, result, parts }]) => {
      return permissions['id-token'] === 'write' && result !== 'skipped' && parts.length === 0
    })
    .map(([key]) => key)
}
