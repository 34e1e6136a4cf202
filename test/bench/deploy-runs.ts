import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import {
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  ListServiceDeploymentsCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs'
import { type ServiceCloud, startServiceCloud } from '../support/service-cloud.ts'
import { until } from '../support/task-cloud.ts'
import { inParallel, median, type Row, seconds } from './measure.ts'

const ACTION = new URL('../../actions/deploy-ecs-service', import.meta.url).pathname
const RUNS = 9
const SERVICES = 200
const CALLS_PER_SECOND = 20

/** Real runs through the bundle: how late it notices the end, and what many services cost. */
export async function deployRuns(): Promise<Row[]> {
  return [await notice(), await manyServices()]
}

/** From SUCCESSFUL being visible to the verdict, beside `aws ecs wait services-stable`. */
async function notice(): Promise<Row> {
  const cloud = await startServiceCloud({ speed: 10 })
  try {
    await cloud.push('2')
    const names = Array.from({ length: RUNS }, (_, run) => `s${run}`)
    for (const name of names) await cloud.create(name)
    const ours = await inParallel(3, names, async service => {
      const { endedAt } = await timedDeploy(cloud, { services: service, images: 'ecr:web:2' }, `${service} | deployed`)
      return endedAt - (await finishedAt(cloud, service))
    })
    const others = await inParallel(3, names, async service => {
      await new Promise(resolve => setTimeout(resolve, Math.random() * 3000))
      const update = { cluster: 'apps', service, taskDefinition: 'web:1' }
      await cloud.ecs.send(new UpdateServiceCommand(update))
      await promisify(execFile)('aws', ['ecs', 'wait', 'services-stable', '--cluster', 'apps', '--services', service], {
        env: { ...process.env, ...cloud.aws.environment() },
      })
      return Date.now() - (await finishedAt(cloud, service))
    })
    return {
      what: `From SUCCESSFUL to the verdict, median of ${RUNS} real runs through the bundle, beside \`aws ecs wait services-stable\``,
      ours: seconds(median(ours)),
      other: seconds(median(others)),
      ratio: (median(ours) / median(others)).toFixed(2),
      aim: 'at most 1.5 s',
      met: median(ours) <= 1500,
    }
  } finally {
    await cloud.stop()
  }
}

/** Services without tasks, whose deployments bake for a minute: what counts is how they are begun and followed. */
async function manyServices(): Promise<Row> {
  const cloud = await startServiceCloud({ speed: 1 })
  try {
    const names = ['alone', ...Array.from({ length: SERVICES }, (_, index) => `s${index}`)]
    await inParallel(20, names, name =>
      cloud.createUnwatched(name, { desiredCount: 0, deploymentConfiguration: { bakeTimeInMinutes: 0 } }),
    )
    await until('all are there', () => allComplete(cloud, names), 60_000)
    for (const service of names)
      await cloud.ecs.send(
        new UpdateServiceCommand({ cluster: 'apps', service, deploymentConfiguration: { bakeTimeInMinutes: 1 } }),
      )
    cloud.aws.addFault({ service: 'ecs', kind: 'throttle', perSecond: CALLS_PER_SECOND })
    const inputs = { environment: 'LEVEL=debug', 'max-parallel': String(SERVICES) }
    const one = await timedDeploy(cloud, { ...inputs, services: 'alone' }, 'alone | deployed')
    const all = await timedDeploy(cloud, { ...inputs, services: names.slice(1).join('\n') }, '')
    const ratio = all.took / one.took
    return {
      what: `A step for ${SERVICES} services that share a revision, throttled at ${CALLS_PER_SECOND} calls/s, beside one for 1 service`,
      ours: seconds(all.took),
      other: seconds(one.took),
      ratio: ratio.toFixed(2),
      aim: 'at most 1.3 times as long, and deployed',
      met: ratio <= 1.3 && all.status === 'deployed',
    }
  } finally {
    await cloud.stop()
  }
}

async function timedDeploy(
  cloud: ServiceCloud,
  inputs: Readonly<Record<string, string>>,
  mark: string,
): Promise<{ readonly endedAt: number; readonly took: number; readonly status: string | undefined }> {
  let endedAt = 0
  const action = await startJavaScriptAction(ACTION, {
    temp: cloud.temp,
    inputs: { cluster: 'apps', ...inputs },
    environment: cloud.aws.environment(),
    onOutput: text => {
      if (text.includes(mark)) endedAt = Date.now()
    },
  })
  const { took, outputs } = await action.result
  return { endedAt, took, status: outputs['status'] }
}

/** When ECS showed the end of the newest service deployment (ms since the epoch). */
async function finishedAt({ ecs }: ServiceCloud, service: string): Promise<number> {
  const { serviceDeployments = [] } = await ecs.send(new ListServiceDeploymentsCommand({ cluster: 'apps', service }))
  const arn = serviceDeployments[0]?.serviceDeploymentArn ?? ''
  const found = await ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }))
  return found.serviceDeployments?.[0]?.finishedAt?.getTime() ?? Number.NaN
}

async function allComplete({ ecs }: ServiceCloud, names: readonly string[]): Promise<boolean> {
  for (let at = 0; at < names.length; at += 10) {
    const { services = [] } = await ecs.send(
      new DescribeServicesCommand({ cluster: 'apps', services: names.slice(at, at + 10) }),
    )
    if (!services.every(({ deployments }) => deployments?.[0]?.rolloutState === 'COMPLETED')) return false
  }
  return true
}
