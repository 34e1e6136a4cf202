import { randomBytes, randomUUID } from 'node:crypto'
import type {
  CreateSecretCommandInput,
  CreateSecretCommandOutput,
  DeleteSecretCommandInput,
  DeleteSecretCommandOutput,
  DescribeSecretCommandInput,
  DescribeSecretCommandOutput,
  GetSecretValueCommandInput,
  GetSecretValueCommandOutput,
  PutSecretValueCommandInput,
  PutSecretValueCommandOutput,
  Tag,
} from '@aws-sdk/client-secrets-manager'
import * as secretsManager from '@aws-sdk/client-secrets-manager'
import { AwsError, operation, type RequestContext, type Service } from '../service.ts'

interface SecretVersion {
  readonly id: string
  readonly text: string | undefined
  readonly binary: Uint8Array | undefined
  readonly createdAt: Date
  stages: string[]
}

export interface Secret {
  readonly name: string
  readonly arn: string
  readonly region: string
  readonly description: string | undefined
  readonly createdAt: Date
  readonly tags: readonly Tag[]
  versions: SecretVersion[]
  deletedAt: Date | undefined
}

/** Which version of a secret; AWSCURRENT when neither is given. */
export interface VersionChoice {
  readonly stage?: string | undefined
  readonly id?: string | undefined
}

/** The secrets of one account. */
export class SecretStore {
  readonly #accountId: string
  readonly #secrets: Secret[] = []

  constructor(accountId: string) {
    this.#accountId = accountId
  }

  /** by name, full ARN, or ARN without the six characters that AWS adds */
  find(region: string, id: string): Secret | undefined {
    return this.#secrets.find(
      secret =>
        secret.region === region &&
        (secret.name === id || secret.arn === id || secret.arn.replace(/-[A-Za-z0-9]{6}$/, '') === id),
    )
  }

  add(region: string, name: string, description: string | undefined, tags: readonly Tag[]): Secret {
    const suffix = randomBytes(8).toString('base64').replace(/[+/=]/g, 'a').slice(0, 6)
    const arn = `arn:aws:secretsmanager:${region}:${this.#accountId}:secret:${name}-${suffix}`
    const secret: Secret = {
      name,
      arn,
      region,
      description,
      tags,
      createdAt: new Date(),
      versions: [],
      deletedAt: undefined,
    }
    this.#secrets.push(secret)
    return secret
  }

  remove(secret: Secret): void {
    this.#secrets.splice(this.#secrets.indexOf(secret), 1)
  }

  arn(region: string, id: string): string {
    return (
      this.find(region, id)?.arn ??
      (id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${region}:${this.#accountId}:secret:${id}-??????`)
    )
  }
}

/**
 * A secret's version.
 * @throws AwsError ResourceNotFoundException, InvalidRequestException
 */
export function secretVersion(
  store: SecretStore,
  region: string,
  id: string,
  { stage, id: version }: VersionChoice,
): SecretVersion {
  const secret = existing(store, region, id)
  const found = secret.versions.find(
    candidate =>
      (version === undefined || candidate.id === version) &&
      candidate.stages.includes(stage ?? (version === undefined ? 'AWSCURRENT' : (candidate.stages[0] ?? ''))),
  )
  if (!found) {
    const wanted = version === undefined ? `staging label: ${stage ?? 'AWSCURRENT'}` : `VersionId: ${version}`
    throw new AwsError(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for ${wanted}`,
    )
  }
  return found
}

/** Secrets Manager as far as tasks and those who set them up need it. */
export function secretsManagerService(store: SecretStore): Service {
  const need = (action: string, id: string | undefined, { region }: RequestContext) => [
    { action: `secretsmanager:${action}`, resource: store.arn(region, id ?? '') },
  ]
  return {
    name: 'secretsmanager',
    model: secretsManager,
    protocol: { kind: 'awsJson1_1', target: 'secretsmanager' },
    validationError: 'ValidationException',
    operations: {
      CreateSecret: operation<CreateSecretCommandInput, CreateSecretCommandOutput>({
        needs: ({ Name }, { region, accountId }) => [
          {
            action: 'secretsmanager:CreateSecret',
            resource: `arn:aws:secretsmanager:${region}:${accountId}:secret:${Name ?? ''}`,
          },
        ],
        run(input, { region }) {
          const name = input.Name ?? ''
          if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name)) {
            throw new AwsError(
              'ValidationException',
              'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
            )
          }
          if (store.find(region, name)) {
            throw new AwsError(
              'ResourceExistsException',
              `The operation failed because the secret ${name} already exists.`,
            )
          }
          const secret = store.add(region, name, input.Description, input.Tags ?? [])
          if (input.SecretString === undefined && input.SecretBinary === undefined)
            return { ARN: secret.arn, Name: name }
          const { id } = putVersion(secret, input.SecretString, input.SecretBinary, input.ClientRequestToken, undefined)
          return { ARN: secret.arn, Name: name, VersionId: id }
        },
      }),
      PutSecretValue: operation<PutSecretValueCommandInput, PutSecretValueCommandOutput>({
        needs: ({ SecretId }, context) => need('PutSecretValue', SecretId, context),
        run(input, { region }) {
          const secret = existing(store, region, input.SecretId ?? '')
          const version = putVersion(
            secret,
            input.SecretString,
            input.SecretBinary,
            input.ClientRequestToken,
            input.VersionStages,
          )
          return { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: version.stages }
        },
      }),
      GetSecretValue: operation<GetSecretValueCommandInput, GetSecretValueCommandOutput>({
        needs: ({ SecretId }, context) => need('GetSecretValue', SecretId, context),
        run({ SecretId = '', VersionId, VersionStage }, { region }) {
          const version = secretVersion(store, region, SecretId, { stage: VersionStage, id: VersionId })
          const secret = existing(store, region, SecretId)
          return {
            ARN: secret.arn,
            Name: secret.name,
            VersionId: version.id,
            ...(version.text === undefined ? {} : { SecretString: version.text }),
            ...(version.binary === undefined ? {} : { SecretBinary: version.binary }),
            VersionStages: version.stages,
            CreatedDate: version.createdAt,
          }
        },
      }),
      DescribeSecret: operation<DescribeSecretCommandInput, DescribeSecretCommandOutput>({
        needs: ({ SecretId }, context) => need('DescribeSecret', SecretId, context),
        run({ SecretId = '' }, { region }) {
          const secret = store.find(region, SecretId)
          if (!secret) throw notFound()
          return {
            ARN: secret.arn,
            Name: secret.name,
            ...(secret.description === undefined ? {} : { Description: secret.description }),
            CreatedDate: secret.createdAt,
            LastChangedDate: secret.versions.at(-1)?.createdAt ?? secret.createdAt,
            ...(secret.deletedAt ? { DeletedDate: secret.deletedAt } : {}),
            Tags: [...secret.tags],
            VersionIdsToStages: Object.fromEntries(secret.versions.map(({ id, stages }) => [id, stages])),
          }
        },
      }),
      DeleteSecret: operation<DeleteSecretCommandInput, DeleteSecretCommandOutput>({
        needs: ({ SecretId }, context) => need('DeleteSecret', SecretId, context),
        run({ SecretId = '', ForceDeleteWithoutRecovery, RecoveryWindowInDays = 30 }, { region }) {
          const secret = existing(store, region, SecretId)
          secret.deletedAt = new Date(Date.now() + (ForceDeleteWithoutRecovery ? 0 : RecoveryWindowInDays * 86_400_000))
          if (ForceDeleteWithoutRecovery) store.remove(secret)
          return { ARN: secret.arn, Name: secret.name, DeletionDate: secret.deletedAt }
        },
      }),
    },
  }
}

function existing(store: SecretStore, region: string, id: string): Secret {
  const secret = store.find(region, id)
  if (!secret) throw notFound()
  if (secret.deletedAt) {
    throw new AwsError(
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
    )
  }
  return secret
}

function notFound(): AwsError {
  return new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
}

function putVersion(
  secret: Secret,
  text: string | undefined,
  binary: Uint8Array | undefined,
  token: string | undefined,
  stages: readonly string[] = ['AWSCURRENT'],
): SecretVersion {
  if ((text === undefined) === (binary === undefined)) {
    throw new AwsError('InvalidParameterException', 'You must provide either SecretString or SecretBinary.')
  }
  // a version id is the client's token: 32 to 64 characters
  if (token !== undefined && (token.length < 32 || token.length > 64)) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value '${token}' at 'clientRequestToken' failed to satisfy constraint: Member must have length between 32 and 64`,
    )
  }
  for (const version of secret.versions) {
    const wasCurrent = version.stages.includes('AWSCURRENT') && stages.includes('AWSCURRENT')
    version.stages = version.stages.filter(stage => !stages.includes(stage) && !(wasCurrent && stage === 'AWSPREVIOUS'))
    if (wasCurrent) version.stages.push('AWSPREVIOUS')
    else if (stages.includes('AWSCURRENT')) version.stages = version.stages.filter(stage => stage !== 'AWSPREVIOUS')
  }
  const made: SecretVersion = { id: token ?? randomUUID(), text, binary, createdAt: new Date(), stages: [...stages] }
  secret.versions = [...secret.versions.filter(({ id }) => id !== made.id), made]
  return made
}
