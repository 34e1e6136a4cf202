import { parsedRehearsalFile, type Rehearsal, rehearse, startSurroundings } from '@aws-deploy-actions/rehearsal'
import { repositoryWith } from '../rehearsals/repository.ts'
import { APPLICATION } from '../rehearsals/small-application.ts'
import { failedJobs, type Row, seconds } from './measure.ts'

const SERVICES = ['users', 'orders', 'catalog', 'payments', 'mail']

/** AWS takes its time, as far as the local one does: of minutes that are rounded up, nothing may be short. */
const SURROUNDINGS = `speed: 1
aws:
  clusters: [shop]
  repositories: [${SERVICES.join(', ')}]
  log-groups: [/ecs/shop]
services:
${SERVICES.map((name, at) => `  ${name}: { cluster: shop, port: 8080, health: /health${at === 0 ? '' : `, paths: [/${name}/*]`} }`).join('\n')}
vars:
  AWS_ROLE_ARN: arn:aws:iam::123456789012:role/deliver
  SHOP_URL: \${url}
`

const listed = (line: (service: string) => string): string => SERVICES.map(name => `        ${line(name)}`).join('\n')

/**
 * The same five images and services, first with a job for each of them, then with one step for all. Builds come one after
 * the other, as every job of GitHub's has a machine of its own; deployments only wait. They may do so at the same time
 * because each has another environment; that does not change how long a job takes.
 */
const DELIVER = `name: deliver
on: push
permissions: {}
jobs:
  build-each:
    strategy: { max-parallel: 1, matrix: { service: [${SERVICES.join(', ')}] } }
    permissions: { contents: read, id-token: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/build.yml@v1
    with:
      images: "- { repository: '\${{ matrix.service }}', build-args: { VERSION: each } }"
      tags: each
      aws-region: eu-west-1
  deploy-each:
    needs: build-each
    strategy: { matrix: { service: [${SERVICES.join(', ')}] } }
    permissions: { contents: read, id-token: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/deploy-ecs.yml@v1
    with:
      cluster: shop
      environment: \${{ matrix.service }}
      services: \${{ matrix.service }}=deploy/\${{ matrix.service }}.yml
      template-values: image={image}
      version: each
      image-list: "- repository: \${{ matrix.service }}"
      smoke-checks: |
        - url: \${{ vars.SHOP_URL }}/\${{ matrix.service }}/health
          expect: { version: each }
      aws-region: eu-west-1
  build-all:
    needs: deploy-each
    permissions: { contents: read, id-token: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/build.yml@v1
    with:
      images: |
${listed(name => `- { repository: ${name}, build-args: { VERSION: all } }`)}
      tags: all
      aws-region: eu-west-1
  deploy-all:
    needs: build-all
    permissions: { contents: read, id-token: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/deploy-ecs.yml@v1
    with:
      cluster: shop
      services: |
${listed(name => `${name}=deploy/${name}.yml`)}
      images: |
${listed(name => `${name}/${name}={${name}}`)}
      template-values: image=replaced
      built: \${{ needs.build-all.outputs.images }}
      smoke-checks: |
${listed(name => `- { url: "\${{ vars.SHOP_URL }}/${name}/health", expect: { version: all } }`)}
      aws-region: eu-west-1
`

/** Five services as five jobs each for build and deployment, beside one step each: rehearsed, and billed as GitHub does. */
export async function billedMinutes(): Promise<Row[]> {
  const api = APPLICATION['deploy/api.yml'] ?? ''
  const repository = await repositoryWith({
    ...APPLICATION,
    ...Object.fromEntries(SERVICES.map(name => [`deploy/${name}.yml`, api.replaceAll('api', name)])),
    '.github/workflows/deliver.yml': DELIVER,
  })
  const { options, stop } = await startSurroundings(parsedRehearsalFile(SURROUNDINGS))
  try {
    const run = await rehearse({
      ...options,
      event: 'push',
      repository: repository.folder,
      workflow: '.github/workflows/deliver.yml',
    })
    if (run.status !== 'success') throw new Error(failedJobs(run))
    const build = { one: tookMs(run, 'build-all', 'push'), five: tookMs(run, 'build-each', 'push') }
    const deploy = { one: tookMs(run, 'deploy-all', 'deploy'), five: tookMs(run, 'deploy-each', 'deploy') }
    return [
      row('building and pushing the five images of five services', build.one, build.five),
      row('deploying the five services, and asking each for its health', deploy.one, deploy.five),
      row('both', [...build.one, ...deploy.one], [...build.five, ...deploy.five]),
    ]
  } finally {
    await stop()
    await repository.remove()
  }
}

/** How long the jobs `caller / called` took (ms), whatever the leg of the matrix. */
function tookMs({ jobs }: Rehearsal, caller: string, called: string): number[] {
  const own = Object.values(jobs).filter(({ key }) => key.startsWith(caller) && key.endsWith(` / ${called}`))
  return own.map(({ took }) => took)
}

function row(what: string, one: readonly number[], five: readonly number[]): Row {
  const ratio = billed(one) / billed(five)
  return {
    what: `Billed minutes of ${what}, as one step, beside a matrix with a job for each`,
    ours: words(one),
    other: words(five),
    ratio: ratio.toFixed(2),
    aim: 'for comparison',
    met: ratio < 1,
  }
}

/**
 * "GitHub rounds the minutes and partial minutes each job uses up to the nearest whole minute."
 * (docs.github.com/en/billing/reference/actions-runner-pricing)
 */
function billed(jobs: readonly number[]): number {
  return jobs.reduce((sum, took) => sum + Math.ceil(took / 60_000), 0)
}

function words(jobs: readonly number[]): string {
  const from = seconds(Math.min(...jobs))
  const to = seconds(Math.max(...jobs))
  return `${billed(jobs)} min (${jobs.length} job${jobs.length === 1 ? '' : 's'}, ${from === to ? from : `${from} to ${to}`})`
}
