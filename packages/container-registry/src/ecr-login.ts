import { Failure } from '@aws-deploy-actions/action-runtime'
import { type Calling, call, PermissionError, sdkConfig } from '@aws-deploy-actions/aws-clients'
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import {
  ECRPUBLICClient,
  GetAuthorizationTokenCommand as GetPublicAuthorizationTokenCommand,
} from '@aws-sdk/client-ecr-public'
import type { RegistryCredentials } from './authorization.ts'

/** ECR Public's API exists in us-east-1 only (AWS General Reference, "Amazon ECR Public endpoints and quotas"). */
export const PUBLIC_REGION = 'us-east-1'

export interface EcrLogin {
  readonly credentials: RegistryCredentials
  /** host of the caller's own private registry; undefined for ECR Public, whose answer names none */
  readonly host: string | undefined
}

/**
 * A password for ECR, good for 12 hours and every registry that the role may use. It is hidden before it is returned.
 * @throws PermissionError; for ECR Public the failure names which of the two permissions is missing
 */
export async function ecrLogin(
  registry: 'private' | 'public',
  region: string,
  calling: Calling,
  hide: (secret: string) => void,
): Promise<EcrLogin> {
  const { token, endpoint } = registry === 'private' ? await privateToken(region, calling) : await publicToken(calling)
  if (token === undefined) throw new Failure('ECR answered without an authorization token.')
  hide(token)
  const decoded = Buffer.from(token, 'base64').toString('utf8')
  const split = decoded.indexOf(':')
  const credentials = { username: decoded.slice(0, split), password: decoded.slice(split + 1) }
  hide(credentials.password)
  return { credentials, host: endpoint === undefined ? undefined : new URL(endpoint).host }
}

async function privateToken(region: string, calling: Calling): Promise<{ token?: string; endpoint?: string }> {
  const ecr = new ECRClient(sdkConfig(region))
  const { authorizationData } = await call('ecr:GetAuthorizationToken', calling, options =>
    ecr.send(new GetAuthorizationTokenCommand({}), options),
  )
  const [data] = authorizationData ?? []
  return {
    ...(data?.authorizationToken === undefined ? {} : { token: data.authorizationToken }),
    ...(data?.proxyEndpoint === undefined ? {} : { endpoint: data.proxyEndpoint }),
  }
}

async function publicToken(calling: Calling): Promise<{ token?: string; endpoint?: string }> {
  const ecr = new ECRPUBLICClient(sdkConfig(PUBLIC_REGION))
  try {
    const { authorizationData } = await call('ecr-public:GetAuthorizationToken', calling, options =>
      ecr.send(new GetPublicAuthorizationTokenCommand({}), options),
    )
    const token = authorizationData?.authorizationToken
    return token === undefined ? {} : { token }
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error
    throw new Failure(
      `The role may not log in to ECR Public: ${error.action} is missing.`,
      {
        ...error.details,
        next: [
          ...(error.details.next ?? []),
          'A login to ECR Public needs both ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken, on resource "*".',
        ],
      },
      { cause: error },
    )
  }
}
