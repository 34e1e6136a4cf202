import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import {
  parsedRehearsalFile,
  type Rehearsal,
  rehearse,
  type Surroundings,
  startSurroundings,
} from '@aws-deploy-actions/rehearsal'
import {
  DescribeServiceDeploymentsCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
} from '@aws-sdk/client-ecs'
import type { Repository } from '../rehearsals/repository.ts'
import { repositoryWith } from '../rehearsals/repository.ts'
import { APPLICATION, SURROUNDINGS } from '../rehearsals/small-application.ts'
import { delivery } from '../rehearsals/stages.ts'
import { failedJobs, median, type Row, seconds } from './measure.ts'
import { plainBuild } from './plain-build.ts'

const RUNS = 5
const MOST_MS = 3000
/** Faster than AWS is, but so slow that lines are still on their way when a container ends, as they are there. */
const SPEED = 10

const LINT = 'node --check server.js && node --check migrate.js'
const TEST = 'node --test'
/** It takes up to two seconds to listen, so that a deployment's end falls anywhere between two looks at it. */
const SERVER = (APPLICATION['server.js'] ?? '').replace(
  /^server\.listen\(.*$/m,
  'setTimeout(() => { $& }, 2000 * Math.random())',
)
/** They take anything up to a second, so that their ends fall anywhere between two looks at a task. */
const MIGRATE = `console.log('migrating ' + process.env.DATABASE_NAME)
setTimeout(() => console.log('migrated'), 1000 * Math.random())
`
const VERIFY = `node -e "setTimeout(() => console.log('looked at ' + process.env.DATABASE_NAME), 1000 * Math.random())"`
const TESTED = `const { test } = require('node:test')
test('it can be added up', () => { if (1 + 1 !== 2) throw new Error('no') })
`

const DELIVER = delivery(
  'ecs',
  `
images: |
  - repository: shop
    build-args: { VERSION: "\${{ vars.VERSION }}" }
cluster: shop
services: api=deploy/api.yml
template-values: image={shop}
migrate-task-definition: deploy/migrate.yml
migrate-command: node migrate.js
migrate-verify-command: >-
  ${VERIFY}
databases: '["north", "south"]'
network-from-service: api
smoke-checks: |
  - url: \${{ vars.SHOP_URL }}/health
    expect: { version: "\${{ vars.VERSION }}" }
`,
  'services',
)

/** The job of each stage. */
const JOBS = {
  check: 'deliver / check',
  lint: 'deliver / lint / lint',
  test: 'deliver / test / test',
  build: 'deliver / build / push',
  migrate: 'deliver / migrate / migrate',
  deploy: 'deliver / deploy / deploy',
  summary: 'deliver / summary',
} as const
type Stage = keyof typeof JOBS
const STAGES: readonly Stage[] = ['check', 'lint', 'test', 'build', 'migrate', 'deploy', 'summary']

/** What a stage's work is, for the table. Check and summary do nothing that would be done without them: all of them is added. */
const WORK: Readonly<Record<Stage, string>> = {
  check: 'nothing',
  lint: 'the commands alone',
  test: 'the commands alone',
  build: '`docker build` and `docker push` alone',
  migrate: 'from RunTask to the end of the containers, of the migration of one database and its verification',
  deploy: 'from UpdateService to SUCCESSFUL, and `curl` for the smoke check',
  summary: 'nothing',
}

/** What one delivery took (ms): stage → its job and its work; and the second database. */
interface Delivered {
  readonly job: Readonly<Record<Stage, number>>
  readonly work: Readonly<Record<Stage, number>>
  readonly second: { readonly job: number; readonly work: number }
}

/** What the stages of pipeline-ecs.yml take, rehearsed, beside the work itself. */
export async function pipelineOverhead(): Promise<Row[]> {
  const repository = await repositoryWith({
    ...APPLICATION,
    'server.js': SERVER,
    'migrate.js': MIGRATE,
    'server.test.js': TESTED,
    '.github/workflows/deliver.yml': DELIVER,
  })
  const surroundings = await startSurroundings(
    parsedRehearsalFile(SURROUNDINGS.replace(/^speed: .*/, `speed: ${SPEED}`)),
  )
  try {
    // The first one pushes the base image, and finds nothing compiled.
    await delivered(repository, surroundings, 'first')
    const runs: Delivered[] = []
    for (let run = 0; run < RUNS; run++) runs.push(await delivered(repository, surroundings, `v${run}`))
    const rows = STAGES.map(stage =>
      row(
        `Stage \`${stage}\` of a rehearsed pipeline-ecs.yml, beside the work itself: ${WORK[stage]} (median of ${RUNS})`,
        runs.map(({ job }) => job[stage]),
        runs.map(({ work }) => work[stage]),
      ),
    )
    const second = row(
      `Each further database of that stage \`migrate\`, beside the same (median of ${RUNS})`,
      runs.map(run => run.second.job),
      runs.map(run => run.second.work),
    )
    return rows.flatMap((found, at) => (STAGES[at] === 'migrate' ? [found, second] : [found]))
  } finally {
    await surroundings.stop()
    await repository.remove()
  }
}

function row(what: string, ours: readonly number[], work: readonly number[]): Row {
  const added = median(ours.map((took, run) => took - (work[run] ?? 0)))
  return {
    what,
    ours: seconds(median(ours)),
    other: median(work) === 0 ? '–' : seconds(median(work)),
    ratio: `${added < 0 ? '' : '+'}${seconds(added)}`,
    aim: `at most ${MOST_MS / 1000} s more`,
    met: added <= MOST_MS,
  }
}

async function delivered(repository: Repository, { aws, options }: Surroundings, version: string): Promise<Delivered> {
  const began = Date.now()
  const run = await rehearse({
    ...options,
    event: 'push',
    repository: repository.folder,
    workflow: '.github/workflows/deliver.yml',
    vars: { ...options.vars, VERSION: version, LINT, TEST, TAG: version },
  })
  if (run.status !== 'success') throw new Error(failedJobs(run))
  const ecs = new ECSClient({ endpoint: aws.endpoint, region: 'eu-west-1', credentials: EXAMPLE })
  const [north, south] = await tasksMs(ecs, began)
  const service = await deploymentMs(ecs, began, aws.journal().findLast(isUpdate)?.at ?? Number.NaN)
  ecs.destroy()
  const smoke = await timed(() => promisify(execFile)('curl', ['-sf', `${options.vars['SHOP_URL']}/health`]))
  const alone = (command: string): Promise<number> =>
    timed(() => promisify(execFile)('bash', ['-c', command], { cwd: repository.folder }))
  const second = stepMs(run, 'Migrate south')
  const job = (stage: Stage): number => run.jobs[JOBS[stage]]?.took ?? Number.NaN
  return {
    job: {
      check: job('check'),
      lint: job('lint'),
      test: job('test'),
      build: job('build'),
      migrate: job('migrate') - second,
      deploy: job('deploy'),
      summary: job('summary'),
    },
    work: {
      check: 0,
      lint: await alone(LINT),
      test: await alone(TEST),
      build: await timed(() => plainBuild(aws, options.path, repository.folder, version)),
      migrate: north,
      deploy: service + smoke,
      summary: 0,
    },
    second: { job: second, work: south },
  }
}

const EXAMPLE = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' }

const isUpdate = ({ operation }: { operation: string }): boolean => operation === 'UpdateService'

function stepMs({ jobs }: Rehearsal, name: string): number {
  return jobs[JOBS.migrate]?.steps.find(step => step.name === name)?.took ?? Number.NaN
}

/** From RunTask to the containers' end, summed over the migration and the verification of each of the two databases. */
async function tasksMs(ecs: ECSClient, began: number): Promise<readonly [number, number]> {
  const { taskArns = [] } = await ecs.send(
    new ListTasksCommand({ cluster: 'shop', family: 'shop-migrate', desiredStatus: 'STOPPED' }),
  )
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: 'shop', tasks: taskArns }))
  const took = tasks
    .flatMap(({ createdAt, executionStoppedAt }) =>
      createdAt === undefined || executionStoppedAt === undefined || createdAt.getTime() < began
        ? []
        : [{ at: createdAt.getTime(), ms: executionStoppedAt.getTime() - createdAt.getTime() }],
    )
    .toSorted((a, b) => a.at - b.at)
    .map(({ ms }) => ms)
  const [first, verified, second, verifiedToo] = took
  if (took.length !== 4 || first === undefined || verified === undefined)
    throw new Error(`${took.length} tasks of the migrations, not 4`)
  return [first + verified, (second ?? Number.NaN) + (verifiedToo ?? Number.NaN)]
}

/** From UpdateService to the service deployment's end. */
async function deploymentMs(ecs: ECSClient, began: number, updatedAt: number): Promise<number> {
  const { serviceDeployments = [] } = await ecs.send(
    new ListServiceDeploymentsCommand({ cluster: 'shop', service: 'api' }),
  )
  const arn = serviceDeployments[0]?.serviceDeploymentArn ?? ''
  const found = await ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }))
  const [deployment] = found.serviceDeployments ?? []
  if (deployment?.status !== 'SUCCESSFUL' || updatedAt < began) throw new Error('the service was not deployed')
  return (deployment.finishedAt?.getTime() ?? Number.NaN) - updatedAt
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
