import { CreateRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { CreateServiceCommand } from '@aws-sdk/client-ecs'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import type { PolicyUse } from './policy.ts'
import { type TaskCloud, until } from './task-cloud.ts'

/** Everything that a task definition and the inputs can name: secrets, parameters, a service, tags, a public repository. */
export async function seed(cloud: TaskCloud): Promise<void> {
  const config = {
    endpoint: cloud.aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
  }
  const secrets = new SecretsManagerClient(config)
  const parameters = new SSMClient(config)
  const publicEcr = new ECRPUBLICClient({ ...config, region: 'us-east-1' })
  await secrets.send(
    new CreateSecretCommand({ Name: 'shop/database', SecretString: JSON.stringify({ password: SECRET_VALUE }) }),
  )
  await parameters.send(new PutParameterCommand({ Name: '/shop/token', Value: PARAMETER_VALUE, Type: 'SecureString' }))
  await publicEcr.send(new CreateRepositoryCommand({ repositoryName: 'tools' }))
  await cloud.register(
    'shop',
    {
      app: { entryPoint: ['sh', '-c'], command: ['sleep 60'] },
      job: { essential: false, entryPoint: ['sh', '-c'], command: ['true'] },
    },
    { taskRoleArn: `arn:aws:iam::${cloud.aws.accountId}:role/task`, tags: [{ key: 'team', value: 'shop' }] },
  )
  await cloud.ecs.send(
    new CreateServiceCommand({
      cluster: 'apps',
      serviceName: 'web',
      taskDefinition: 'shop',
      desiredCount: 0,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0web'], securityGroups: ['sg-0web'] } },
    }),
  )
  for (const client of [secrets, parameters, publicEcr]) client.destroy()
}

export const SECRET_VALUE = 'correct-horse-battery-staple'
export const PARAMETER_VALUE = 'parameter-value-nobody-may-see'

/** The ways to run a task that together make every call there is. */
export function taskUses(action: string, more: Readonly<Record<string, string>> = {}): PolicyUse[] {
  return [
    {
      name: 'a job beside a server, with a new image, secrets, tags and the network of a service',
      green: true,
      prepare: seed,
      use: cloud =>
        cloud.run(
          {
            'task-definition': 'shop',
            container: 'job',
            image: 'ecr:app:1',
            command: '["sleep 1; echo done"]',
            secrets: `PASSWORD=arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:shop/database:password::\nTOKEN=/shop/token`,
            'network-from-service': 'web',
            subnets: '',
            'task-tags': 'run=4711',
            'propagate-tags': 'task-definition',
            ...more,
          },
          action,
        ),
    },
    {
      name: 'an image that does not exist, and that a pull-through cache could fetch',
      green: false,
      prepare: seed,
      use: cloud => cloud.run({ 'task-definition': 'shop', container: 'job', image: 'ecr:app:gone', ...more }, action),
    },
    {
      name: 'a public image of our own',
      green: false,
      prepare: seed,
      use: cloud =>
        cloud.run(
          {
            'task-definition': 'shop',
            container: 'job',
            image: 'ecr-public:l0c4l4ws/tools:none',
            timeout: '20s',
            ...more,
          },
          action,
        ),
    },
    {
      name: 'killed in the middle; post finds the task',
      green: false,
      prepare: async cloud => {
        await cloud.register('long', { app: 'sleep 600' })
      },
      use: async cloud => {
        const running = await cloud.start({ 'task-definition': 'long', preflight: 'false', ...more }, action)
        let over = false
        void running.result.then(() => {
          over = true
        })
        await until('the task runs, or cannot', () => over || running.output().includes('RUNNING'))
        running.signal('SIGKILL')
        return running.result
      },
    },
  ]
}
