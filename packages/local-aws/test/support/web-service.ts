import {
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  type RegisterTaskDefinitionCommandInput,
  type Service,
  type ServiceDeployment,
  type Task,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs'
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  type CreateTargetGroupCommandInput,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { type LocalAwsOptions, startTraffic, type Traffic } from '../../src/index.ts'
import { network, type StartedCloud, startedCloud } from './cloud.ts'
import { pushImage } from './image.ts'

/** How an image of these tests behaves; a task definition's environment can say the same (`VERSION`, `CRASH`, …). */
export interface Behaviour {
  /** in every answer: `{"service", "version", "path"}` */
  readonly version?: string
  /** exits with this code as soon as it starts */
  readonly crash?: number
  /** so many starts crash, then it runs (containers of one image share its folder) */
  readonly crashTimes?: number
  /** what `/health` answers; default 200 */
  readonly health?: number
  /** `/health` never answers */
  readonly hang?: boolean
  /** ends at once on SIGTERM, whatever is under way */
  readonly abrupt?: boolean
  /** listens only after so many milliseconds */
  readonly bootMs?: number
}

/**
 * A web server that ends on SIGTERM as a good one does: no new connections, what is under way is finished.
 * `/slow?ms=300` (below any prefix) answers later.
 */
const server = `
const { createServer } = require('node:http')
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const given = JSON.parse(readFileSync('behaviour.json', 'utf8'))
const env = process.env
const crash = env.CRASH ?? given.crash
const version = env.VERSION ?? given.version ?? '1'
const health = Number(env.HEALTH ?? given.health ?? 200)
if (crash !== undefined) { console.log('cannot start: DATABASE_URL is missing'); process.exit(Number(crash)) }
for (let n = 0; n < (given.crashTimes ?? 0); n++) {
  if (existsSync('crash-' + n)) continue
  writeFileSync('crash-' + n, '')
  process.exit(1)
}
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  request.resume()
  if (pathname.endsWith('/health')) {
    if (env.HANG ?? given.hang) return
    response.writeHead(health).end(health === 200 ? 'ok' : 'not well')
    return
  }
  const answer = () => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-version': version })
    response.end(JSON.stringify({ service: env.SERVICE ?? 'web', version, path: pathname }))
  }
  setTimeout(answer, Number(searchParams.get('ms') ?? 0))
})
setTimeout(() => server.listen(Number(env.PORT ?? 8080), () => console.log('listening, version ' + version)), Number(env.BOOT_MS ?? given.bootMs ?? 0))
process.on('SIGTERM', () => { console.log('got SIGTERM'); if (given.abrupt) process.exit(143); server.close(() => process.exit(0)) })
`

/** ends with a service of the cluster `main` */
export type ServiceName = 'api' | 'web'

/**
 * A cluster `main` with two services behind one listener: `api` for `/api/*`, `web` for everything else, each with a
 * target group (health check `/health` every 5 s) and an image in a repository of its name. Neither service exists
 * until `create` is called.
 */
export async function startedWebCloud(options: LocalAwsOptions = {}) {
  const cloud = await startedCloud({ speed: 50, ...options })
  const elb = new ElasticLoadBalancingV2Client(cloud.settings)
  const { LoadBalancers } = await elb.send(
    new CreateLoadBalancerCommand({ Name: 'main', Subnets: ['subnet-0a1b2c3d', 'subnet-0a1b2c3e'] }),
  )
  const groups = { api: await targetGroup(elb, 'api'), web: await targetGroup(elb, 'web') }
  const { Listeners } = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
      Protocol: 'HTTP',
      // any free port
      Port: 0,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: groups.web }],
    }),
  )
  const listener = Listeners?.[0]
  await elb.send(
    new CreateRuleCommand({
      ListenerArn: listener?.ListenerArn,
      Priority: 10,
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*'] } }],
      Actions: [{ Type: 'forward', TargetGroupArn: groups.api }],
    }),
  )
  const url = `http://127.0.0.1:${listener?.Port}`
  return {
    ...cloud,
    elb,
    url,
    groups,
    listenerArn: listener?.ListenerArn ?? '',
    targetGroup: (name: string, more: Partial<CreateTargetGroupCommandInput> = {}) => targetGroup(elb, name, more),
    ...images(cloud),
    ...services(cloud, groups),
    health: async (service: ServiceName) => {
      const answer = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: groups[service] }))
      return (answer.TargetHealthDescriptions ?? []).map(({ TargetHealth }) => TargetHealth ?? {})
    },
    /** requests through the listener, by so many clients */
    traffic: (paths: readonly string[] = ['/', '/api/items'], clients = 1): Traffic =>
      startTraffic(url, { paths, clients }),
    async stop() {
      elb.destroy()
      await cloud.stop()
    },
  }
}

export type WebCloud = Awaited<ReturnType<typeof startedWebCloud>>

async function targetGroup(
  elb: ElasticLoadBalancingV2Client,
  name: string,
  more: Partial<CreateTargetGroupCommandInput> = {},
): Promise<string> {
  const { TargetGroups } = await elb.send(
    new CreateTargetGroupCommand({
      Name: name,
      Protocol: 'HTTP',
      Port: 8080,
      VpcId: 'vpc-0a1b2c3d',
      TargetType: 'ip',
      HealthCheckPath: '/health',
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 2,
      HealthyThresholdCount: 2,
      ...more,
    }),
  )
  const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn ?? ''
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '10' }]
  await elb.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }))
  return TargetGroupArn
}

function images(cloud: StartedCloud) {
  /** builds and pushes an image of the service; its reference */
  async function push(service: ServiceName, tag: string, behaviour: Behaviour = {}): Promise<string> {
    const recipe = {
      files: { 'app/server.js': server, 'app/behaviour.json': JSON.stringify(behaviour) },
      workingDirectory: '/app',
      command: ['node', 'server.js'],
      ports: [8080],
    }
    return await pushImage(cloud.aws, service, recipe, tag)
  }
  /** registers a revision of the service's family with this image; its ARN */
  async function define(
    service: ServiceName,
    image: string,
    more: Partial<RegisterTaskDefinitionCommandInput> = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const variables = Object.entries({ SERVICE: service, ...environment })
    const container = cloud.container(service, [], {
      image,
      portMappings: [{ containerPort: 8080 }],
      environment: variables.map(([name, value]) => ({ name, value })),
    })
    return await cloud.register([container], { family: service, ...more })
  }
  return { push, define }
}

function services(cloud: StartedCloud, groups: Readonly<Record<ServiceName, string>>) {
  const { ecs } = cloud
  async function described(service: string): Promise<Service> {
    const answer = await ecs.send(new DescribeServicesCommand({ cluster: 'main', services: [service] }))
    const [found] = answer.services ?? []
    if (!found) throw new Error(`no service ${service}`)
    return found
  }
  async function until(
    service: string,
    condition: (service: Service) => boolean,
    timeoutMs = 75_000,
  ): Promise<Service> {
    for (const end = Date.now() + timeoutMs; ; ) {
      const found = await described(service)
      if (condition(found)) return found
      if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(found, null, 1)}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  /** the service deployment that began last */
  async function deployment(service: string): Promise<ServiceDeployment> {
    const { serviceDeployments } = await ecs.send(new ListServiceDeploymentsCommand({ cluster: 'main', service }))
    const arn = serviceDeployments?.[0]?.serviceDeploymentArn ?? ''
    const answer = await ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] }))
    const [found] = answer.serviceDeployments ?? []
    if (!found) throw new Error(`no service deployment of ${service}`)
    return found
  }
  async function create(
    serviceName: string,
    taskDefinition: string,
    more: Partial<CreateServiceCommandInput> = {},
  ): Promise<Service> {
    const { service } = await ecs.send(
      new CreateServiceCommand({
        cluster: 'main',
        serviceName,
        taskDefinition,
        desiredCount: 2,
        launchType: 'FARGATE',
        networkConfiguration: network,
        ...more,
      }),
    )
    return service ?? {}
  }
  /** every status and stage that the latest service deployment has reached, also those that nobody saw */
  async function course(service: string): Promise<string[]> {
    const { serviceDeploymentArn } = await deployment(service)
    const status: unknown = await (await fetch(`${cloud.aws.endpoint}/_local/status`)).json()
    const list: unknown = Reflect.get(Object(status), 'serviceDeployments')
    const found: unknown = (Array.isArray(list) ? list : []).find(
      one => Reflect.get(Object(one), 'serviceDeploymentArn') === serviceDeploymentArn,
    )
    const reached: unknown = Reflect.get(Object(found), 'course')
    return Array.isArray(reached) ? reached.map(String) : []
  }
  return {
    described,
    until,
    deployment,
    course,
    async deploymentUntil(
      service: string,
      condition: (deployment: ServiceDeployment) => boolean,
      timeoutMs = 75_000,
    ): Promise<ServiceDeployment> {
      for (const end = Date.now() + timeoutMs; ; ) {
        const found = await deployment(service)
        if (condition(found)) return found
        if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify(found, null, 1)}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
    /** creates the service behind the listener: 2 tasks on Fargate, circuit breaker with rollback */
    create: (service: ServiceName, taskDefinition: string, more: Partial<CreateServiceCommandInput> = {}) =>
      create(service, taskDefinition, {
        loadBalancers: [{ targetGroupArn: groups[service], containerName: service, containerPort: 8080 }],
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
        ...more,
      }),
    /** creates a service that is behind nothing, unless `more` says so: 2 tasks on Fargate */
    createNamed: create,
    async update(service: string, input: Omit<UpdateServiceCommandInput, 'service'>): Promise<Service> {
      const answer = await ecs.send(new UpdateServiceCommand({ cluster: 'main', service, ...input }))
      return answer.service ?? {}
    },
    /** waits until one deployment is left and it is completed */
    settled: (service: string, timeoutMs?: number) =>
      until(
        service,
        ({ deployments = [] }) => deployments.length === 1 && deployments[0]?.rolloutState === 'COMPLETED',
        timeoutMs,
      ),
    async tasks(service: string, desiredStatus: 'RUNNING' | 'STOPPED' = 'RUNNING'): Promise<Task[]> {
      const { taskArns = [] } = await ecs.send(
        new ListTasksCommand({ cluster: 'main', serviceName: service, desiredStatus }),
      )
      if (taskArns.length === 0) return []
      const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: 'main', tasks: taskArns }))
      return tasks ?? []
    },
  }
}
