import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import type { JavaScriptActionResult, RunningAction } from '@aws-deploy-actions/rehearsal'
import { BatchGetImageCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr'
import {
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DescribeServicesCommand,
  type Service,
} from '@aws-sdk/client-ecs'
import { pushImage } from '../../packages/local-aws/test/support/image.ts'
import { runAction, startAction } from './started-actions.ts'
import { startTaskCloud, type TaskCloud, until } from './task-cloud.ts'

/** A task cloud with services of a small web server, whose images are versions of it. */
export interface ServiceCloud extends Omit<TaskCloud, 'run' | 'start'> {
  /** pushes `web:TAG`, a server that answers TAG, or one that is broken; @returns its address */
  push(tag: string, broken?: Broken): Promise<string>
  /** makes one tag mean what another means */
  retag(from: string, to: string): Promise<void>
  create(name: string, more?: Partial<CreateServiceCommandInput>): Promise<void>
  /** as `create`, but does not wait until it runs */
  createUnwatched(name: string, more?: Partial<CreateServiceCommandInput>): Promise<void>
  service(name: string): Promise<Service>
  run(inputs: Readonly<Record<string, string>>, workspace?: string): Promise<JavaScriptActionResult>
  start(inputs: Readonly<Record<string, string>>): Promise<RunningAction>
}

/**
 * - `exits`: prints commands to the runner and ends with an error
 * - `hangs`: listens to nothing
 * - `silent`: takes requests and never answers
 * - `lost`: answers 404
 */
type Broken = 'exits' | 'hangs' | 'silent' | 'lost'

const EXITING = `console.log('::error::gotcha ##[error]gotcha'); console.log('boom: no configuration'); setTimeout(() => process.exit(3), 100)`

function serverCode(tag: string, broken: Broken | undefined): string {
  if (broken === 'exits') return EXITING
  const answers = { silent: '', lost: `answer.writeHead(404).end()` }
  const ends = `process.on('SIGTERM', () => process.exit(0))`
  if (broken === 'hangs') return `setInterval(() => {}, 1000); ${ends}`
  const answer = broken === undefined ? `answer.end('${tag}')` : answers[broken]
  return `require('http').createServer((_, answer) => { ${answer} }).listen(process.env.PORT); ${ends}; console.log('version ${tag}')`
}

const FOLDER = new URL('../../actions/deploy-ecs-service', import.meta.url).pathname
export const BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } }

export async function startServiceCloud(options: LocalAwsOptions = {}): Promise<ServiceCloud> {
  const cloud = await startTaskCloud({ speed: 40, ...options })
  const { ecs, aws } = cloud
  const inputsOf = (inputs: Readonly<Record<string, string>>) => ({
    temp: cloud.temp,
    inputs: { cluster: 'apps', ...inputs },
    environment: { ...aws.environment(), GITHUB_RUN_ID: '4711', GITHUB_RUN_ATTEMPT: '1' },
  })
  const service = async (name: string): Promise<Service> => {
    const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster: 'apps', services: [name] }))
    const [found] = services
    if (found === undefined) throw new Error(`no service ${name}`)
    return found
  }
  const push = (tag: string, broken?: Broken): Promise<string> =>
    pushImage(
      aws,
      'web',
      {
        files: { 'app/server.js': serverCode(tag, broken) },
        workingDirectory: '/app',
        command: ['node', 'server.js'],
      },
      tag,
    )
  const createUnwatched = async (name: string, more: Partial<CreateServiceCommandInput> = {}): Promise<void> => {
    await ecs.send(
      new CreateServiceCommand({
        cluster: 'apps',
        serviceName: name,
        taskDefinition: 'web',
        desiredCount: 1,
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0a1b2c'] } },
        ...BREAKER,
        ...more,
      }),
    )
  }
  await push('1')
  await cloud.register('web', {
    web: { image: `${aws.registryAddress}/web:1`, portMappings: [{ containerPort: 8080 }] },
  })
  return {
    ...cloud,
    push,
    service,
    retag: async (from, to) => {
      const ecr = new ECRClient({
        endpoint: aws.endpoint,
        region: 'eu-west-1',
        credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
      })
      const { images = [] } = await ecr.send(
        new BatchGetImageCommand({
          repositoryName: 'web',
          imageIds: [{ imageTag: from }],
          acceptedMediaTypes: ['application/vnd.oci.image.manifest.v1+json'],
        }),
      )
      const [image] = images
      await ecr.send(
        new PutImageCommand({
          repositoryName: 'web',
          imageTag: to,
          imageManifest: image?.imageManifest,
          imageManifestMediaType: image?.imageManifestMediaType,
        }),
      )
      ecr.destroy()
    },
    createUnwatched,
    create: async (name, more = {}) => {
      await createUnwatched(name, more)
      // Other controllers report no rollout state.
      if (more.deploymentController !== undefined) return
      await until(`${name} runs`, async () => (await service(name)).deployments?.[0]?.rolloutState === 'COMPLETED')
    },
    run: (inputs, workspace) =>
      runAction(FOLDER, { ...inputsOf(inputs), ...(workspace === undefined ? {} : { workspace }) }),
    start: inputs => startAction(FOLDER, inputsOf(inputs)),
  }
}
