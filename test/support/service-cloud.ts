import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import {
  type JavaScriptActionResult,
  type RunningAction,
  runJavaScriptAction,
  startJavaScriptAction,
} from '@aws-deploy-actions/rehearsal'
import { BatchGetImageCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr'
import {
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DescribeServicesCommand,
  type Service,
} from '@aws-sdk/client-ecs'
import { test } from '@jest/globals'
import { pushImage } from '../../packages/local-aws/test/support/image.ts'
import { startTaskCloud, type TaskCloud, until } from './task-cloud.ts'

/** A task cloud with services of a small web server, whose images are versions of it. */
export interface ServiceCloud extends Omit<TaskCloud, 'run' | 'start'> {
  /** pushes `web:TAG`, a server that answers TAG, one that hears nothing (`hangs`), or a program that prints commands to the runner and ends with an error; @returns its address */
  push(tag: string, broken?: 'exits' | 'hangs'): Promise<string>
  /** makes one tag mean what another means */
  retag(from: string, to: string): Promise<void>
  create(name: string, more?: Partial<CreateServiceCommandInput>): Promise<void>
  service(name: string): Promise<Service>
  run(inputs: Readonly<Record<string, string>>, workspace?: string): Promise<JavaScriptActionResult>
  start(inputs: Readonly<Record<string, string>>): Promise<RunningAction>
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
  const push = (tag: string, broken?: 'exits' | 'hangs'): Promise<string> => {
    const code =
      broken === 'exits'
        ? `console.log('::error::gotcha ##[error]gotcha'); console.log('boom: no configuration'); setTimeout(() => process.exit(3), 100)`
        : broken === 'hangs'
          ? `setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0))`
          : `require('http').createServer((_, answer) => answer.end('${tag}')).listen(process.env.PORT); process.on('SIGTERM', () => process.exit(0)); console.log('version ${tag}')`
    return pushImage(
      aws,
      'web',
      { files: { 'app/server.js': code }, workingDirectory: '/app', command: ['node', 'server.js'] },
      tag,
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
    create: async (name, more = {}) => {
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
      // Other controllers report no rollout state.
      if (more.deploymentController !== undefined) return
      await until(
        `${name} runs`,
        async () => (await service(name)).deployments?.[0]?.rolloutState === 'COMPLETED',
        30_000,
      )
    },
    run: (inputs, workspace) =>
      runJavaScriptAction(FOLDER, { ...inputsOf(inputs), ...(workspace === undefined ? {} : { workspace }) }),
    start: inputs => startJavaScriptAction(FOLDER, inputsOf(inputs)),
  }
}

/** One test in a local AWS of its own; those of a file run side by side. */
export function inServiceCloud(
  name: string,
  body: (cloud: ServiceCloud) => Promise<void>,
  options: LocalAwsOptions = {},
): void {
  test.concurrent(name, async () => {
    const cloud = await startServiceCloud(options)
    try {
      await body(cloud)
    } finally {
      await cloud.stop()
    }
  })
}
