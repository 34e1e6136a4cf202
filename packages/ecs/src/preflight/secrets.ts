import { AwsError, type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { DescribeParametersCommand, SSMClient } from '@aws-sdk/client-ssm'
import type { Registrable } from '../task-definition.ts'
import { type Findings, looked } from './preflight.ts'

/** Where a `valueFrom` points (ECS API reference, Secret): a secret's ARN with optional key, or a parameter's name or ARN. */
export type SecretTarget =
  | { readonly kind: 'secret'; readonly id: string; readonly region: string }
  /** any of the names will do; `accountId` where an ARN tells it */
  | {
      readonly kind: 'parameter'
      readonly names: readonly string[]
      readonly region: string
      readonly accountId: string | undefined
    }

export function secretTarget(valueFrom: string, region: string): SecretTarget {
  const secret = /^(arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d*:secret:[^:]+)/.exec(valueFrom)
  if (secret?.[1] !== undefined) return { kind: 'secret', id: secret[1], region: secret[2] ?? region }
  const parameter = /^arn:[a-z-]+:ssm:([a-z0-9-]+):(\d*):parameter(\/.+)$/.exec(valueFrom)
  if (parameter?.[3] === undefined) return { kind: 'parameter', names: [valueFrom], region, accountId: undefined }
  const [, own = region, accountId, path] = parameter
  // The ARN `parameter/NAME` stands for the parameter NAME and for /NAME.
  const names = path.indexOf('/', 1) < 0 ? [path.slice(1), path] : [path]
  return { kind: 'parameter', names, region: own, accountId }
}

type ParameterTarget = Extract<SecretTarget, { kind: 'parameter' }>

/** Every secret and parameter must exist. Nothing here reads a value. */
export async function checkSecrets(
  definitions: readonly Registrable[],
  region: string,
  findings: Findings,
  calling: Calling,
): Promise<void> {
  const secrets = new Map<string, Extract<SecretTarget, { kind: 'secret' }>>()
  const parameters = new Map<string, ParameterTarget>()
  for (const definition of definitions) {
    const account = /:(\d{12}):/.exec(definition.executionRoleArn ?? '')?.[1]
    for (const { secrets: own = [], logConfiguration, repositoryCredentials } of definition.containerDefinitions ??
      []) {
      for (const { valueFrom = '' } of [...own, ...(logConfiguration?.secretOptions ?? [])]) {
        const target = secretTarget(valueFrom, region)
        if (target.kind === 'secret') secrets.set(valueFrom, target)
        else if (isListed(target, account)) parameters.set(valueFrom, target)
        else findings.unchecked.push(`parameter ${valueFrom}: it belongs to another account or to AWS.`)
      }
      // An ARN or, in the same region, the name of a secret (ECS API reference, RepositoryCredentials).
      const credentials = repositoryCredentials?.credentialsParameter
      if (credentials !== undefined) secrets.set(credentials, { kind: 'secret', id: credentials, region })
    }
  }
  const byRegion = Map.groupBy(parameters.values(), target => target.region)
  await Promise.all([
    ...[...secrets.values()].map(target => checkSecret(target, findings, calling)),
    ...[...byRegion].map(([own, targets]) => checkParameters(own, targets, findings, calling)),
  ])
}

/** DescribeParameters lists the account's own; not those that are shared with it, nor AWS's public ones. */
function isListed({ names, accountId }: ParameterTarget, account: string | undefined): boolean {
  const foreign = accountId !== undefined && accountId !== '' && account !== undefined && accountId !== account
  return !foreign && !names.some(name => name.startsWith('/aws/service/'))
}

async function checkSecret(
  { id, region }: Extract<SecretTarget, { kind: 'secret' }>,
  findings: Findings,
  calling: Calling,
): Promise<void> {
  await looked(`secret ${id}`, findings, async () => {
    const client = new SecretsManagerClient(sdkConfig(region))
    try {
      const { DeletedDate } = await call('secretsmanager:DescribeSecret', calling, options =>
        client.send(new DescribeSecretCommand({ SecretId: id }), options),
      )
      if (DeletedDate !== undefined)
        findings.missing.push(`The secret ${id} is scheduled for deletion: restore it, or correct valueFrom.`)
    } catch (error) {
      if (!(error instanceof AwsError && error.code === 'ResourceNotFoundException')) throw error
      findings.missing.push(`The secret ${id} does not exist: create it, or correct valueFrom.`)
    }
  })
}

async function checkParameters(
  region: string,
  targets: readonly ParameterTarget[],
  findings: Findings,
  calling: Calling,
): Promise<void> {
  const names = targets.flatMap(target => target.names)
  await looked(`parameters ${names.join(', ')}`, findings, async () => {
    const there = await existingParameters(region, names, calling)
    for (const { names: accepted } of targets) {
      if (accepted.some(name => there.has(name))) continue
      findings.missing.push(
        `The parameter ${accepted.at(-1)} does not exist in ${region}: create it, or correct valueFrom.`,
      )
    }
  })
}

async function existingParameters(
  region: string,
  names: readonly string[],
  calling: Calling,
): Promise<Set<string | undefined>> {
  const client = new SSMClient(sdkConfig(region))
  const there = new Set<string | undefined>()
  // A filter takes 50 values (API reference, ParameterStringFilter); an answer may hold fewer, even none, and a token.
  for (let start = 0; start < names.length; start += 50) {
    const filter = { Key: 'Name', Option: 'Equals', Values: names.slice(start, start + 50) }
    let token: string | undefined
    do {
      const next = token === undefined ? {} : { NextToken: token }
      const page = await call('ssm:DescribeParameters', calling, options =>
        client.send(new DescribeParametersCommand({ ParameterFilters: [filter], MaxResults: 50, ...next }), options),
      )
      for (const { Name } of page.Parameters ?? []) there.add(Name)
      token = page.NextToken
    } while (token !== undefined)
  }
  return there
}
