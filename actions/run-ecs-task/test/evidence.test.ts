import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import { afterAll, describe, expect, test } from '@jest/globals'
import { shownText } from '../../../test/support/shown-text.ts'
import { awslogs, startTaskCloud, type TaskCloud } from '../../../test/support/task-cloud.ts'

/** One reason of AWS's, and what a reader has to find in the error and in the summary. */
interface Row {
  readonly reason: string
  readonly containers: (cloud: TaskCloud) => Readonly<Record<string, string | Partial<ContainerDefinition>>>
  /** for what this machine has not */
  readonly script?: Readonly<Record<string, unknown>>
  readonly status: 'not-started' | 'failed'
  readonly words: readonly string[]
  readonly likely: string
  readonly next: string
}

const fine = () => ({ app: 'true' })

// Texts of the scripted ones: Amazon ECS Developer Guide, "CannotPullContainer task errors in Amazon ECS", "Stopped task
// error codes".
const ROWS: readonly Row[] = [
  {
    reason: 'CannotPullContainerError … not found',
    containers: cloud => ({ app: { image: cloud.image.replace(':1', ':gone') } }),
    status: 'not-started',
    words: ['CannotPullContainerError', 'app:gone: not found'],
    likely: 'The tag was not pushed, the repository is wrong, or a pull-through prefix is missing.',
    next: 'push the tag or correct the reference',
  },
  {
    reason: '… i/o timeout',
    containers: fine,
    script: {
      failsToStart:
        'ResourceInitializationError: unable to pull secrets or registry auth: unable to get registry auth from asm: dial tcp 10.0.0.7:443: i/o timeout',
    },
    status: 'not-started',
    words: ['dial tcp 10.0.0.7:443: i/o timeout'],
    likely: 'The task has no route to ECR, Logs or Secrets Manager.',
    next: 'NAT gateway, or VPC endpoints',
  },
  {
    reason: 'Timeout waiting for network interface',
    containers: fine,
    script: { failsToStart: 'Timeout waiting for network interface provisioning to complete.' },
    status: 'not-started',
    words: ['Timeout waiting for network interface provisioning to complete.'],
    likely: 'The task has no route to ECR, Logs or Secrets Manager.',
    next: 'Allow outgoing 443',
  },
  {
    reason: '… does not contain descriptor matching platform',
    containers: fine,
    script: {
      failsToStart:
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/arm64'",
    },
    status: 'not-started',
    words: ["does not contain descriptor matching platform 'linux/arm64'"],
    likely: 'The image was built for another CPU architecture than the task runs on.',
    next: 'Build for the platform of the task',
  },
  {
    reason: 'exec format error',
    containers: () => ({ app: 'echo "exec /usr/local/bin/node: exec format error"; exit 255' }),
    status: 'failed',
    words: ['exec format error', 'exit code 255', 'Essential container in task exited'],
    likely: 'The image was built for another CPU architecture than the task runs on.',
    next: 'runtimePlatform.cpuArchitecture',
  },
  {
    reason: 'ResourceInitializationError … secrets',
    containers: ({ aws }) => ({
      app: {
        secrets: [{ name: 'TOKEN', valueFrom: `arn:aws:secretsmanager:eu-west-1:${aws.accountId}:secret:gone-AbCdEf` }],
      },
    }),
    status: 'not-started',
    words: ['ResourceInitializationError: unable to pull secrets', 'secret:gone-AbCdEf'],
    likely: 'The execution role may not read a secret or parameter of the task definition, or its name is wrong.',
    next: 'secretsmanager:GetSecretValue',
  },
  {
    reason: 'failed to create Cloudwatch log stream',
    containers: () => ({ app: { entryPoint: ['true'], logConfiguration: awslogs('/gone') } }),
    status: 'not-started',
    words: ['failed to create Cloudwatch log stream', 'The specified log group does not exist'],
    likely: 'The log group of the task definition does not exist, or the execution role may not write to it.',
    next: 'Create the log group',
  },
  {
    reason: 'exit 137 with OutOfMemoryError',
    containers: () => ({ app: 'kill -9 $$' }),
    script: { outOfMemory: true },
    status: 'failed',
    words: ['exit code 137', 'OutOfMemoryError: Container killed due to memory usage'],
    likely: 'The container used more memory than its limit.',
    next: 'Raise memory',
  },
  {
    reason: 'exit 127',
    containers: () => ({ app: 'no-such-curl http://localhost/' }),
    status: 'failed',
    words: ['exit code 127', 'no-such-curl'],
    likely: 'The command was not found in the image.',
    next: 'a slim image may lack the tool',
  },
  {
    reason: 'P1012 … DATABASE_URL',
    containers: () => ({
      app: 'echo "Error code: P1012"; echo "Environment variable not found: DATABASE_URL"; exit 1',
    }),
    status: 'failed',
    words: ['Error code: P1012', 'exit code 1'],
    likely: 'The migration tool reads its connection from DATABASE_URL',
    next: 'Add DATABASE_URL to secrets',
  },
]

describe('whoever reads only the error, or only the summary, knows the cause', () => {
  let started: Promise<TaskCloud> | undefined
  const shared = (): Promise<TaskCloud> => {
    started ??= startTaskCloud()
    return started
  }
  afterAll(async () => {
    await (await started)?.stop()
  })

  ROWS.forEach(({ reason, containers, script, status, words, likely, next }, index) => {
    test.concurrent(reason, async () => {
      const cloud = await shared()
      const family = `row-${index}`
      await cloud.register(family, containers(cloud))
      if (script !== undefined) cloud.aws.scriptTasks(family, script)
      const { outputs, annotations, summary } = await cloud.run({ 'task-definition': family, preflight: 'false' })
      expect(outputs['status']).toBe(status)
      expect(annotations).toHaveLength(1)
      const task = outputs['task-arn']?.split('/').at(-1) ?? 'no task'
      for (const text of [annotations[0]?.message ?? '', shownText(summary)]) {
        for (const part of [...words, likely, next, task]) expect(text).toContain(part)
      }
    })
  })
})
