import type * as sdk from '@aws-sdk/client-ecr'
import type { Repository } from '../../registry/repositories.ts'
import { AwsError, type Operation, operation } from '../../service.ts'
import { named, onRepository, repositoryIn } from './resource.ts'

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The shape of a rule: user guide, "Lifecycle policy properties". Rules are kept and shown, nothing is expired. */
function isRule(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value.selection) || !isRecord(value.action)) return false
  const { tagStatus, countType, countNumber } = value.selection
  return (
    Number.isInteger(value.rulePriority) &&
    ['tagged', 'untagged', 'any'].includes(String(tagStatus)) &&
    ['imageCountMoreThan', 'sinceImagePushed', 'sinceImagePulled', 'sinceImageTransitioned'].includes(
      String(countType),
    ) &&
    Number.isInteger(countNumber) &&
    ['expire', 'transition'].includes(String(value.action.type))
  )
}

function checkLifecyclePolicy(text: string): void {
  const policy = parsed(text)
  if (isRecord(policy) && Array.isArray(policy.rules) && policy.rules.length > 0 && policy.rules.every(isRule)) return
  throw new AwsError(
    'InvalidParameterException',
    "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: instance failed to match schema'",
  )
}

/** text: moto's ecr/exceptions.py */
function lifecyclePolicyOf(repository: Repository): { lifecyclePolicyText: string; lastEvaluatedAt: Date } {
  if (repository.lifecyclePolicy !== undefined) {
    const { text, evaluatedAt } = repository.lifecyclePolicy
    return { lifecyclePolicyText: text, lastEvaluatedAt: evaluatedAt }
  }
  throw new AwsError(
    'LifecyclePolicyNotFoundException',
    `Lifecycle policy does not exist for the repository with name '${repository.name}' in the registry with id '${repository.scope.registryId}'`,
  )
}

/** text: moto's ecr/exceptions.py */
function repositoryPolicyOf(repository: Repository): { policyText: string } {
  if (repository.policy !== undefined) return { policyText: repository.policy }
  throw new AwsError(
    'RepositoryPolicyNotFoundException',
    `Repository policy does not exist for the repository with name '${repository.name}' in the registry with id '${repository.scope.registryId}'`,
  )
}

const putLifecyclePolicy = operation<sdk.PutLifecyclePolicyCommandInput, sdk.PutLifecyclePolicyCommandOutput>({
  needs: onRepository('PutLifecyclePolicy'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const text = input.lifecyclePolicyText ?? ''
    checkLifecyclePolicy(text)
    repository.lifecyclePolicy = { text, evaluatedAt: context.cloud.registry.now() }
    return { ...named(repository), lifecyclePolicyText: text }
  },
})

const getLifecyclePolicy = operation<sdk.GetLifecyclePolicyCommandInput, sdk.GetLifecyclePolicyCommandOutput>({
  needs: onRepository('GetLifecyclePolicy'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    return { ...named(repository), ...lifecyclePolicyOf(repository) }
  },
})

const deleteLifecyclePolicy = operation<sdk.DeleteLifecyclePolicyCommandInput, sdk.DeleteLifecyclePolicyCommandOutput>({
  needs: onRepository('DeleteLifecyclePolicy'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const removed = lifecyclePolicyOf(repository)
    repository.lifecyclePolicy = undefined
    return { ...named(repository), ...removed }
  },
})

const setRepositoryPolicy = operation<sdk.SetRepositoryPolicyCommandInput, sdk.SetRepositoryPolicyCommandOutput>({
  needs: onRepository('SetRepositoryPolicy'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    const policyText = input.policyText ?? ''
    if (!isRecord(parsed(policyText))) {
      throw new AwsError(
        'InvalidParameterException',
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
      )
    }
    repository.policy = policyText
    return { ...named(repository), policyText }
  },
})

const getRepositoryPolicy = operation<sdk.GetRepositoryPolicyCommandInput, sdk.GetRepositoryPolicyCommandOutput>({
  needs: onRepository('GetRepositoryPolicy'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    return { ...named(repository), ...repositoryPolicyOf(repository) }
  },
})

export const policyOperations: Readonly<Record<string, Operation>> = {
  PutLifecyclePolicy: putLifecyclePolicy,
  GetLifecyclePolicy: getLifecyclePolicy,
  DeleteLifecyclePolicy: deleteLifecyclePolicy,
  SetRepositoryPolicy: setRepositoryPolicy,
  GetRepositoryPolicy: getRepositoryPolicy,
}
