import { AwsError, type Calling, call, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { DescribeSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { DescribeParametersCommand, SSMClient } from '@aws-sdk/client-ssm'
import type { Registrable } from '../task-definition.ts'
import { type Findings, looked } from './preflight.ts'

/** Where a `valueFrom` points (ECS API reference, Secret): a secret's ARN with optional key, or a parameter's name or ARN. */
export type SecretTarget =
  | { readonly kind: 'secret'; readonly id: string; readonly region: string }
  /** any of the names; `accountId` where an ARN tells it */
  | { readonly kind: 'parameter'; readonly names: readonly string[]; readonly region: string; readonly accountId?: string }

export function secretTarget(valueFrom: string, region: string): SecretTarget {
  const secret = /^(arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d*:secret:[^:]+)/.exec(valueFrom)
  if (secret?.[1] !== undefined) return { kind: 'secret', id: secret[1], region: secret[2] ?? region }
  const parameter = /^arn:[a-z-]+:ssm:([a-z0-9-]+):(\d*):parameter(\/.+)$/.exec(valueFrom)
  if (parameter?.[3] === undefined) return { kind: 'parameter', names: [valueFrom], region }
  const [, own = region, accountId = '', path] = parameter
  // The ARN `parameter/NAME` stands for the parameter NAME and for /NAME.
  const names = path.indexOf('/', 1) < 0 ? [path.slice(1), path] : [path]
  return { kind: 'parameter', names, region: own, accountId }
}

/** Every secret and parameter must exist. Nothing here reads a value. */
export async function checkSecrets(
  definitions: readonly Registrable[],
  region: string,
  findings: Findings,
  calling: Calling,
): Promise<void> {
  const targets = new Map<string, SecretTarget>()
  for (const { containerDefinitions = [] } of definitions) {
    for (const { secrets = [], logConfiguration, repositoryCredentials } of containerDefinitions) {
      const values = [...secrets, ...(logConfiguration?.secretOptions ?? [])].map(({ valueFrom }) => valueFrom)
      for (const value of [...values, repositoryCredentials?.credentialsParameter]) {
        if (value !== undefined) targets.set(value, secretTarget(value, region))
      }
    }
  }
  const all = [...targets.values()]
  const parameters = Map.groupBy(
    all.filter(target => target.kind === 'parameter'),
    target => target.region,
  )
  await Promise.all([
    ...all.filter(target => target.kind === 'secret').map(target => checkSecret(target, findings, calling)),
    ...[...parameters].map(([own, names]) =>
      checkParameters(
        own,
        names.map(({ name }) => name),
        findings,
        calling,
      ),
    ),
  ])
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

async function checkParameters(region: string, names: readonly string[], findings: Findings, calling: Calling): Promise<void> {
  await looked(`parameters ${names.join(', ')}`, findings, async () => {
    const client = new SSMClient(sdkConfig(region))
    const there = new Set<string | undefined>()
    // A filter takes 50 values (API reference, ParameterStringFilter); an answer may hold fewer and a token.
    for (let start = 0; start < names.length; start += 50) {
      const filter = { Key: 'Name', Option: 'Equals', Values: names.slice(start, start + 50) }
      let NextToken: string | undefined
      do {
        const token = NextToken === undefined ? {} : { NextToken }
        const page = await call('ssm:DescribeParameters', calling, options =>
          client.send(new DescribeParametersCommand({ ParameterFilters: [filter], MaxResults: 50, ...token }), options),
        )
        for (const { Name } of page.Parameters ?? []) there.add(Name)
        NextToken = page.NextToken
      } while (NextToken !== undefined)
    }
    for (const name of names) {
      if (!there.has(name)) findings.missing.push(`The parameter ${name} does not exist in ${region}: create it, or correct valueFrom.`)
    }
  })
}
