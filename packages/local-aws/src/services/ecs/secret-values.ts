import { AwsError } from '../../service.ts'
import { type SecretStore, secretVersion } from '../secretsmanager.ts'
import type { ParameterStore } from '../ssm/parameters.ts'

/**
 * What a container's `valueFrom` means:
 * - Secrets Manager: the secret's ARN, then optionally `:json-key:version-stage:version-id`, each of them may be empty
 * - Parameter Store: the name of a parameter in the task's region, or its ARN
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
 * Error texts: ECS agent, agent/taskresource/asmsecret, agent/asm/asm.go, agent/ssm/ssm.go, with Fargate's
 * "service call has been retried N time(s)".
 * @throws Error when there is no such value
 */
export function secretValueFrom(
  secrets: SecretStore,
  parameters: ParameterStore,
): (valueFrom: string, region: string) => string {
  return (valueFrom, region) =>
    valueFrom.startsWith('arn:') && valueFrom.split(':')[2] === 'secretsmanager'
      ? fromSecretsManager(secrets, valueFrom)
      : fromParameterStore(parameters, valueFrom, region)
}

function fromSecretsManager(secrets: SecretStore, valueFrom: string): string {
  const parts = valueFrom.split(':')
  const arn = parts.slice(0, 7).join(':')
  const [jsonKey = '', stage = '', version = ''] = parts.slice(7)
  const failed = (why: string) =>
    new Error(
      `unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret ${arn} from secrets manager: ${why}`,
    )
  let text: string | undefined
  try {
    text = secretVersion(secrets, parts[3] ?? '', arn, { stage: stage || undefined, id: version || undefined }).text
  } catch (error) {
    if (error instanceof AwsError) throw failed(`${error.name}: ${error.message}`)
    throw error
  }
  if (text === undefined) throw failed('InvalidParameter: the secret has no SecretString')
  if (jsonKey === '') return text
  const value = jsonMember(text, jsonKey)
  if (value === undefined)
    throw new Error(
      `unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key ${jsonKey}`,
    )
  return value
}

function jsonMember(text: string, key: string): string | undefined {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null) return undefined
    const value: unknown = Object.entries(json).find(([name]) => name === key)?.[1]
    if (value === undefined) return undefined
    return typeof value === 'string' ? value : JSON.stringify(value)
  } catch {
    return undefined
  }
}

function fromParameterStore(parameters: ParameterStore, valueFrom: string, region: string): string {
  const found = parameters.find(valueFrom.startsWith('arn:') ? (valueFrom.split(':')[3] ?? region) : region, valueFrom)
  if (!found)
    throw new Error(
      `unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: ${valueFrom}`,
    )
  return found.value
}
