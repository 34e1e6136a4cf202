import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs'
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr'
import { CreateRepositoryCommand as CreatePublicRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { CreateClusterCommand, ECSClient } from '@aws-sdk/client-ecs'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { parse } from 'yaml'
import { checkedHostOptions, type HostOptions } from './hosts/options.ts'
import { isRecord } from './smithy.ts'

/** What a cloud holds from the start. */
export interface Seed {
  readonly clusters: readonly string[]
  readonly repositories: readonly string[]
  /** in ECR Public */
  readonly publicRepositories: readonly string[]
  readonly logGroups: readonly string[]
  /** name → text */
  readonly secrets: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
  readonly hosts: readonly HostOptions[]
}

/**
 * A seed file: YAML with `clusters`, `repositories`, `public-repositories`, `log-groups` (lists of names), `secrets`, `parameters` (maps), `hosts`
 * (a list of what `addHost` takes).
 * @throws Error naming the key that is wrong
 */
export function parsedSeed(yaml: string): Seed {
  const content: unknown = parse(yaml) ?? {}
  if (!isRecord(content)) throw new Error('a seed file is a map')
  const known = ['clusters', 'repositories', 'public-repositories', 'log-groups', 'secrets', 'parameters', 'hosts']
  const unknown = Object.keys(content).filter(key => !known.includes(key))
  if (unknown.length > 0)
    throw new Error(`unknown in the seed file: ${unknown.join(', ')} (there are ${known.join(', ')})`)
  return {
    clusters: names(content, 'clusters'),
    repositories: names(content, 'repositories'),
    publicRepositories: names(content, 'public-repositories'),
    logGroups: names(content, 'log-groups'),
    secrets: texts(content, 'secrets'),
    parameters: texts(content, 'parameters'),
    hosts: hosts(content),
  }
}

/** Creates all of it through the APIs. */
export async function plant(seed: Seed, endpoint: string, region: string): Promise<void> {
  const settings = { endpoint, region, credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'seed' } }
  const ecs = new ECSClient(settings)
  const ecr = new ECRClient(settings)
  // Its API is in that region only.
  const ecrPublic = new ECRPUBLICClient({ ...settings, region: 'us-east-1' })
  const logs = new CloudWatchLogsClient(settings)
  const secrets = new SecretsManagerClient(settings)
  const ssm = new SSMClient(settings)
  for (const clusterName of seed.clusters) {
    await ecs.send(new CreateClusterCommand({ clusterName, capacityProviders: ['FARGATE', 'FARGATE_SPOT'] }))
  }
  for (const repositoryName of seed.repositories) await ecr.send(new CreateRepositoryCommand({ repositoryName }))
  for (const repositoryName of seed.publicRepositories)
    await ecrPublic.send(new CreatePublicRepositoryCommand({ repositoryName }))
  for (const logGroupName of seed.logGroups) await logs.send(new CreateLogGroupCommand({ logGroupName }))
  for (const [Name, SecretString] of Object.entries(seed.secrets))
    await secrets.send(new CreateSecretCommand({ Name, SecretString }))
  for (const [Name, Value] of Object.entries(seed.parameters))
    await ssm.send(new PutParameterCommand({ Name, Value, Type: 'SecureString' }))
  for (const host of seed.hosts) {
    const answer = await fetch(`${endpoint}/_local/hosts`, { method: 'POST', body: JSON.stringify(host) })
    if (!answer.ok) throw new Error(`host ${host.instanceId}: ${await answer.text()}`)
  }
  for (const client of [ecs, ecr, ecrPublic, logs, secrets, ssm]) client.destroy()
}

function hosts(content: Readonly<Record<string, unknown>>): HostOptions[] {
  const value = content.hosts ?? []
  if (!Array.isArray(value)) throw new Error('hosts must be a list')
  return value.map(checkedHostOptions)
}

function names(content: Readonly<Record<string, unknown>>, key: string): string[] {
  const value = content[key] ?? []
  if (!Array.isArray(value) || !value.every(item => typeof item === 'string'))
    throw new Error(`${key} must be a list of names`)
  return value
}

function texts(content: Readonly<Record<string, unknown>>, key: string): Record<string, string> {
  const value = content[key] ?? {}
  if (!isRecord(value)) throw new Error(`${key} must be a map`)
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, typeof item === 'string' ? item : JSON.stringify(item)]),
  )
}
