import type { RegistryScope, Repository } from '../../registry/repositories.ts'
import { AwsError, type Need, type Operation, type RequestContext } from '../../service.ts'

interface OnRepository {
  readonly registryId?: string | undefined
  readonly repositoryName?: string | undefined
}

/** Public repositories are global, their API is in us-east-1; `registryId` is the account or the alias (API reference). */
export function publicScope(input: OnRepository, context: RequestContext): RegistryScope {
  const { registryId = context.accountId } = input
  const isAlias = registryId === context.cloud.registry.publicAlias
  return { kind: 'public', registryId: isAlias ? context.accountId : registryId, region: 'us-east-1' }
}

/** @throws AwsError RepositoryNotFoundException */
export function repositoryIn(input: OnRepository, context: RequestContext): Repository {
  return context.cloud.registry.repositories.get(publicScope(input, context), input.repositoryName ?? '')
}

/** `ecr-public:ACTION` on `arn:aws:ecr-public::ACCOUNT:repository/NAME` (service authorization reference). */
export function onRepository(action: string): (input: OnRepository, context: RequestContext) => Need[] {
  return (input, context) => {
    const { repositories } = context.cloud.registry
    const resource = repositories.arn(publicScope(input, context), input.repositoryName ?? '')
    return [{ action: `ecr-public:${action}`, resource }]
  }
}

/**
 * In other regions the host name does not exist; a request that was signed for one and still gets here is refused as a
 * signature for the wrong region is (text and 403: aws/aws-sdk-js-v3 issue 5576, joona/aws-es-curl issue 15).
 */
function checkRegion({ region }: RequestContext): void {
  if (region === 'us-east-1') return
  throw new AwsError(
    'InvalidSignatureException',
    `Credential should be scoped to a valid region, not '${region}'. `,
    403,
  )
}

/** the same operations, each refused outside us-east-1 */
export function inUsEast1(operations: Readonly<Record<string, Operation>>): Record<string, Operation> {
  const guarded = (operation: Operation): Operation => ({
    needs(input, context) {
      checkRegion(context)
      return operation.needs(input, context)
    },
    run: (input, context) => operation.run(input, context),
  })
  return Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, guarded(operation)]))
}
