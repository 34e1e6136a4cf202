import { afterAll, describe, expect, test } from '@jest/globals'
import { behindBalancer } from '../../../test/support/balancer.ts'
import { pushForeignImage } from '../../../test/support/foreign-image.ts'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import { type ServiceCloud, startServiceCloud } from '../../../test/support/service-cloud.ts'
import { shownText } from '../../../test/support/shown-text.ts'
import { until } from '../../../test/support/task-cloud.ts'

/** The first failure counts. */
const AT_ONCE = {
  deploymentConfiguration: {
    deploymentCircuitBreaker: {
      enable: true,
      rollback: true,
      thresholdConfiguration: { type: 'COUNT' as const, value: 1 },
    },
  },
}

/** One reason of AWS's, and what a reader has to find in the error and in the summary. */
interface Row {
  readonly reason: string
  /** makes it come about; @returns the inputs that deploy it */
  readonly cause: (cloud: ServiceCloud, family: string) => Promise<Readonly<Record<string, string>>>
  /** AWS's words, and what else was seen */
  readonly words: readonly (string | RegExp)[]
  readonly never?: string
  readonly likely: string
  readonly next: string
}

const patch = (container: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> => ({
  'task-definition-patch': JSON.stringify({ containerDefinitions: { web: container } }),
})
const scripted =
  (failsToStart: string): Row['cause'] =>
  async (cloud, family) => {
    cloud.aws.scriptTasks(family, { failsToStart })
    return { environment: 'LEVEL=debug' }
  }
const LAST_LINES = Array.from({ length: 20 }, (_, at) => `web \\| line ${at + 11}\\.`)
const shell = (script: string) => patch({ entryPoint: ['sh', '-c'], command: [script] })

// Texts of the scripted ones: Amazon ECS Developer Guide, "CannotPullContainer task errors in Amazon ECS", "Stopped task
// error codes", "ResourceInitializationError".
const ROWS: readonly Row[] = [
  {
    reason: 'CannotPullContainerError … not found',
    cause: async () => ({ images: 'ecr:web:nope' }),
    words: ['CannotPullContainerError', 'web:nope: not found'],
    likely: 'The tag was not pushed, the repository is wrong, or a pull-through prefix is missing.',
    next: 'push the tag or correct the reference',
  },
  {
    reason: '… i/o timeout',
    cause: scripted(
      'CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref web:1: failed to do request: Head "https://registry/v2/web/manifests/1": dial tcp 10.0.0.7:443: i/o timeout',
    ),
    words: ['dial tcp 10.0.0.7:443: i/o timeout'],
    likely: 'The task has no route to ECR, Logs or Secrets Manager.',
    next: 'NAT gateway, or VPC endpoints',
  },
  {
    reason: 'Timeout waiting for network interface',
    cause: scripted('Timeout waiting for network interface provisioning to complete.'),
    words: ['Timeout waiting for network interface provisioning to complete.'],
    likely: 'The task has no route to ECR, Logs or Secrets Manager.',
    next: 'Allow outgoing 443',
  },
  {
    reason: '… does not contain descriptor matching platform',
    cause: async cloud => {
      await pushForeignImage(cloud.aws, 'web', 'foreign')
      return { images: 'ecr:web:foreign-index' }
    },
    words: ['CannotPullContainerError', 'does not contain descriptor matching platform'],
    likely: 'The image was built for another CPU architecture than the task runs on.',
    next: 'Build for the platform of the task',
  },
  {
    reason: 'exec format error',
    cause: async () => shell('echo "exec /usr/local/bin/node: exec format error"; exit 255'),
    words: ['exec format error', 'EssentialContainerExited', 'exit code 255', 'Essential container in task exited'],
    likely: 'The image was built for another CPU architecture than the task runs on.',
    next: 'runtimePlatform.cpuArchitecture',
  },
  {
    reason: 'ResourceInitializationError … secrets',
    cause: async cloud => ({
      secrets: `TOKEN=arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:none-AbCdEf`,
    }),
    words: ['ResourceInitializationError: unable to pull secrets', 'secret:none-AbCdEf'],
    likely: 'The execution role may not read a secret or parameter of the task definition, or its name is wrong.',
    next: 'secretsmanager:GetSecretValue',
  },
  {
    reason: 'failed to create Cloudwatch log stream',
    cause: async () => patch({ logConfiguration: { options: { 'awslogs-group': '/none' } } }),
    words: ['failed to create Cloudwatch log stream', 'The specified log group does not exist'],
    likely: 'The log group of the task definition does not exist, or the execution role may not write to it.',
    next: 'Create the log group',
  },
  {
    reason: 'exit 137 with OutOfMemoryError',
    cause: async (cloud, family) => {
      cloud.aws.scriptTasks(family, { outOfMemory: true })
      return shell('kill -9 $$')
    },
    words: ['exit code 137', 'OutOfMemoryError: Container killed due to memory usage'],
    likely: 'The container used more memory than its limit.',
    next: 'Raise memory',
  },
  {
    reason: 'health check exit 127',
    cause: async () => patch({ healthCheck: { command: ['CMD-SHELL', 'no-such-curl http://localhost/'], retries: 1 } }),
    words: ['failed container health checks', 'no-such-curl http://localhost/'],
    likely: 'with exit code 127 its tool (curl) is not in the image',
    next: 'Run the command of healthCheck inside the image',
  },
  {
    reason: 'P1012 … DATABASE_URL',
    cause: async () => shell('echo "Error code: P1012"; echo "Environment variable not found: DATABASE_URL"; exit 1'),
    words: ['web | Error code: P1012', 'exit code 1'],
    likely: 'The migration tool reads its connection from DATABASE_URL',
    next: 'Add DATABASE_URL to secrets',
  },
  {
    reason: 'its own fault: the last 20 lines of it, and no more',
    cause: async () => shell('for n in $(seq 1 30); do echo "line $n."; done; exit 4'),
    words: ['exit code 4', new RegExp(LAST_LINES.join('\\s+'))],
    never: 'line 10.',
    likely: 'The program in the container ends by itself.',
    next: 'Its last lines say why',
  },
  {
    reason: 'sts:GetServiceBearerToken',
    cause: scripted(
      'CannotPullContainerError: not authorized to perform: sts:GetServiceBearerToken on resource: * because no identity-based policy allows the sts:GetServiceBearerToken action',
    ),
    words: ['not authorized to perform: sts:GetServiceBearerToken'],
    likely: 'ECR Public needs a second permission.',
    next: 'beside ecr-public:GetAuthorizationToken',
  },
]

interface Told {
  readonly annotations: readonly { readonly message: string }[]
  readonly summary: string
}

function expectTold(
  { annotations, summary }: Told,
  { words, never, likely, next }: Omit<Row, 'reason' | 'cause'>,
): void {
  expect(annotations).toHaveLength(1)
  for (const text of [annotations[0]?.message ?? '', shownText(summary)]) {
    for (const part of [...words, likely, next, 'apps/']) {
      if (typeof part === 'string') expect(text).toContain(part)
      else expect(text).toMatch(part)
    }
    if (never !== undefined) expect(text).not.toContain(never)
  }
}

describe('whoever reads only the error, or only the summary, knows the cause', () => {
  let started: Promise<ServiceCloud> | undefined
  const shared = (): Promise<ServiceCloud> => {
    started ??= startServiceCloud()
    return started
  }
  afterAll(async () => {
    await (await started)?.stop()
  })

  ROWS.forEach((row, index) => {
    test.concurrent(row.reason, async () => {
      const cloud = await shared()
      const family = `row-${index}`
      await cloud.register(family, {
        web: { image: `${cloud.aws.registryAddress}/web:1`, portMappings: [{ containerPort: 8080 }] },
      })
      await cloud.create(family, { taskDefinition: family, ...AT_ONCE })
      const inputs = await row.cause(cloud, family)
      const result = await cloud.run({ services: family, preflight: 'false', ...inputs })
      expect(result.outputs['status']).toBe('rolled-back')
      expectTold(result, {
        ...row,
        words: [...row.words, 'circuit breaker: 1 of 1 failures (TRIGGERED)'],
      })
    })
  })

  const WRONG_PATH = {
    likely: 'The health check asks the wrong path or port, or the application needs longer than the grace period.',
    next: 'Compare path, port and codes of the target group',
  }

  inServiceCloud('Health checks failed with these codes: [404]', async cloud => {
    await cloud.push('lost', 'lost')
    await behindBalancer(cloud, 'api', AT_ONCE)
    const result = await cloud.run({ services: 'api', images: 'ecr:web:lost' })
    const words = ['Health checks failed with these codes: [404]', /health check HTTP \/ on port \S+, expects 200/]
    expectTold(result, { words, ...WRONG_PATH })
  })

  inServiceCloud('Target.Timeout', async cloud => {
    await cloud.push('silent', 'silent')
    await behindBalancer(cloud, 'api', AT_ONCE)
    const result = await cloud.run({ services: 'api', images: 'ecr:web:silent' })
    expectTold(result, {
      words: ['Request timed out', /grace period 0 s/],
      ...WRONG_PATH,
    })
  })

  inServiceCloud('Elb.InitialHealthChecking, until the time is over', async cloud => {
    await cloud.push('silent', 'silent')
    await behindBalancer(cloud, 'api', AT_ONCE, { UnhealthyThresholdCount: 10, HealthCheckIntervalSeconds: 300 })
    const result = await cloud.run({ services: 'api', images: 'ecr:web:silent', timeout: '18s' })
    expect(result.outputs['status']).toBe('timed-out')
    expectTold(result, { words: ['Elb.InitialHealthChecking', /grace period 0 s/], ...WRONG_PATH })
  })

  // Targets are looked at every 15 s: the first look may find this one in its initial checks, the second is within the grace.
  const grace = 500
  for (const [broken, words] of [
    ['lost', /target \S+ was unhealthy: Target\.ResponseCodeMismatch, Health checks failed with these codes: \[404\]/],
    ['silent', /target \S+ was unhealthy: Target\.Timeout, Request timed out/],
  ] as const) {
    inServiceCloud(
      `a target that was unhealthy (${broken}) and is registered no more: what was seen of it`,
      async cloud => {
        await cloud.push('new', broken)
        // An answer may take its time on a busy machine; the silent one gives none.
        const health = { HealthCheckTimeoutSeconds: broken === 'lost' ? 4 : 2 }
        await behindBalancer(cloud, 'api', { ...AT_ONCE, healthCheckGracePeriodSeconds: grace }, health)
        const action = await cloud.start({ services: 'api', images: 'ecr:web:new' })
        await until('the first sign', () => action.output().includes('::error'))
        // Until the target is drained would take long.
        action.signal('SIGINT')
        const { annotations, summary } = await action.result
        for (const text of [annotations[0]?.message ?? '', shownText(summary)]) {
          expect(text).toMatch(words)
          expect(text).toContain(`grace period ${grace} s`)
        }
      },
      { speed: 20 },
    )
  }
})
