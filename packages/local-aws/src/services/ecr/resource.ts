import type { RegistryScope, Repository } from '../../registry/repositories.ts'
import type { Need, RequestContext } from '../../service.ts'

interface OnRegistry {
  readonly registryId?: string | undefined
}

interface OnRepository extends OnRegistry {
  readonly repositoryName?: string | undefined
}

/** The private registry that a request means: the account's own or the named one, in the region it was signed for. */
export function privateScope(input: OnRegistry, context: RequestContext): RegistryScope {
  return { kind: 'private', registryId: input.registryId ?? context.accountId, region: context.region }
}

/** @throws AwsError RepositoryNotFoundException */
export function repositoryIn(input: OnRepository, context: RequestContext): Repository {
  return context.cloud.registry.repositories.get(privateScope(input, context), input.repositoryName ?? '')
}

/** `ecr:ACTION` on the repository's ARN (service authorization reference, "Actions defined by Amazon ECR"). */
export function onRepository(action: string): (input: OnRepository, context: RequestContext) => Need[] {
  return (input, context) => {
    const scope = privateScope(input, context)
    return [
      { action: `ecr:${action}`, resource: context.cloud.registry.repositories.arn(scope, input.repositoryName ?? '') },
    ]
  }
}

/** for actions without resource-level permissions */
export function onEverything(...actions: readonly string[]): () => Need[] {
  return () => actions.map(action => ({ action, resource: '*' }))
}

/** `registryId` and `repositoryName`, which most answers carry */
export function named(repository: Repository): { registryId: string; repositoryName: string } {
  return { registryId: repository.scope.registryId, repositoryName: repository.name }
}
