import type * as sdk from '@aws-sdk/client-ecr'
import type { Repository, RepositorySettings, TagMutability } from '../../registry/repositories.ts'
import { AwsError, type Need, type Operation, operation, type RequestContext } from '../../service.ts'
import { pageOf } from './pages.ts'
import { named, onRepository, privateScope, repositoryIn } from './resource.ts'

type Filters = sdk.ImageTagMutabilityExclusionFilter[]

function described(repository: Repository): sdk.Repository {
  const { settings } = repository
  return {
    repositoryArn: repository.arn,
    ...named(repository),
    repositoryUri: repository.uri,
    createdAt: repository.createdAt,
    imageTagMutability: settings.mutability,
    ...shownFilters(settings),
    imageScanningConfiguration: { scanOnPush: settings.scanOnPush },
    encryptionConfiguration: { ...settings.encryption },
  }
}

function shownFilters(settings: RepositorySettings): { imageTagMutabilityExclusionFilters?: Filters } {
  if (settings.exclusions.length === 0) return {}
  return {
    imageTagMutabilityExclusionFilters: settings.exclusions.map(filter => ({ filterType: 'WILDCARD', filter })),
  }
}

/** `_WITH_EXCLUSION` needs filters, at most five; the plain values take none (user guide, "Image tag mutability"). */
function mutabilityOf(input: {
  readonly imageTagMutability?: TagMutability | undefined
  readonly imageTagMutabilityExclusionFilters?: Filters | undefined
}): { mutability: TagMutability; exclusions: string[] } {
  const mutability = input.imageTagMutability ?? 'MUTABLE'
  const exclusions = (input.imageTagMutabilityExclusionFilters ?? []).map(({ filter }) => filter ?? '')
  const wanted = mutability.endsWith('_WITH_EXCLUSION')
  if (wanted !== exclusions.length > 0 || exclusions.length > 5) {
    const rule = wanted ? `1 to 5 filters are needed with ${mutability}` : `filters are not allowed with ${mutability}`
    throw new AwsError(
      'InvalidParameterException',
      `Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: '${rule}'`,
    )
  }
  return { mutability, exclusions }
}

function creationNeeds(input: sdk.CreateRepositoryCommandInput, context: RequestContext): Need[] {
  const create = onRepository('CreateRepository')(input, context)
  // tags on creation need the right to tag as well (user guide, "Tagging", access control)
  return (input.tags ?? []).length === 0 ? create : [...create, ...onRepository('TagResource')(input, context)]
}

const createRepository = operation<sdk.CreateRepositoryCommandInput, sdk.CreateRepositoryCommandOutput>({
  needs: creationNeeds,
  run(input, context) {
    const { encryptionType = 'AES256', kmsKey } = input.encryptionConfiguration ?? {}
    const settings = {
      ...mutabilityOf(input),
      scanOnPush: input.imageScanningConfiguration?.scanOnPush ?? false,
      encryption: { encryptionType, ...(kmsKey === undefined ? {} : { kmsKey }) },
    }
    const scope = privateScope(input, context)
    const repository = context.cloud.registry.repositories.create(scope, input.repositoryName ?? '', settings)
    for (const { Key = '', Value = '' } of input.tags ?? []) repository.resourceTags.set(Key, Value)
    return { repository: described(repository) }
  },
})

const describeRepositories = operation<sdk.DescribeRepositoriesCommandInput, sdk.DescribeRepositoriesCommandOutput>({
  needs(input, context) {
    const names = input.repositoryNames ?? ['*']
    return names.flatMap(repositoryName => onRepository('DescribeRepositories')({ ...input, repositoryName }, context))
  },
  run(input, context) {
    const { repositories } = context.cloud.registry
    const scope = privateScope(input, context)
    if (input.repositoryNames !== undefined) {
      return { repositories: input.repositoryNames.map(name => described(repositories.get(scope, name))) }
    }
    const { page, nextToken } = pageOf(repositories.list(scope), input)
    return { repositories: page.map(described), nextToken }
  },
})

const deleteRepository = operation<sdk.DeleteRepositoryCommandInput, sdk.DeleteRepositoryCommandOutput>({
  needs: onRepository('DeleteRepository'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    if (repository.images.size > 0 && input.force !== true) {
      // text: moto's ecr/exceptions.py
      throw new AwsError(
        'RepositoryNotEmptyException',
        `The repository with name '${repository.name}' in registry with id '${repository.scope.registryId}' cannot be deleted because it still contains images`,
      )
    }
    context.cloud.registry.repositories.delete(repository)
    return { repository: described(repository) }
  },
})

const putImageTagMutability = operation<sdk.PutImageTagMutabilityCommandInput, sdk.PutImageTagMutabilityCommandOutput>({
  needs: onRepository('PutImageTagMutability'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    Object.assign(repository.settings, mutabilityOf(input))
    return {
      ...named(repository),
      imageTagMutability: repository.settings.mutability,
      ...shownFilters(repository.settings),
    }
  },
})

const putImageScanningConfiguration = operation<
  sdk.PutImageScanningConfigurationCommandInput,
  sdk.PutImageScanningConfigurationCommandOutput
>({
  needs: onRepository('PutImageScanningConfiguration'),
  run(input, context) {
    const repository = repositoryIn(input, context)
    repository.settings.scanOnPush = input.imageScanningConfiguration?.scanOnPush ?? false
    return { ...named(repository), imageScanningConfiguration: { scanOnPush: repository.settings.scanOnPush } }
  },
})

function repositoryByArn(arn: string | undefined, context: RequestContext): Repository {
  const match = /^arn:aws:ecr:([^:]+):(\d{12}):repository\/(.+)$/.exec(arn ?? '')
  if (match === null) {
    throw new AwsError(
      'InvalidParameterException',
      "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
    )
  }
  return repositoryIn({ registryId: match[2], repositoryName: match[3] }, context)
}

function onArn(action: string): (input: { readonly resourceArn?: string | undefined }) => Need[] {
  return input => [{ action: `ecr:${action}`, resource: input.resourceArn ?? '*' }]
}

const tagResource = operation<sdk.TagResourceCommandInput, sdk.TagResourceCommandOutput>({
  needs: onArn('TagResource'),
  run(input, context) {
    const { resourceTags } = repositoryByArn(input.resourceArn, context)
    for (const { Key = '', Value = '' } of input.tags ?? []) resourceTags.set(Key, Value)
    return {}
  },
})

const untagResource = operation<sdk.UntagResourceCommandInput, sdk.UntagResourceCommandOutput>({
  needs: onArn('UntagResource'),
  run(input, context) {
    const { resourceTags } = repositoryByArn(input.resourceArn, context)
    for (const key of input.tagKeys ?? []) resourceTags.delete(key)
    return {}
  },
})

const listTagsForResource = operation<sdk.ListTagsForResourceCommandInput, sdk.ListTagsForResourceCommandOutput>({
  needs: onArn('ListTagsForResource'),
  run(input, context) {
    const { resourceTags } = repositoryByArn(input.resourceArn, context)
    return { tags: [...resourceTags].map(([Key, Value]) => ({ Key, Value })) }
  },
})

export const repositoryOperations: Readonly<Record<string, Operation>> = {
  CreateRepository: createRepository,
  DescribeRepositories: describeRepositories,
  DeleteRepository: deleteRepository,
  PutImageTagMutability: putImageTagMutability,
  PutImageScanningConfiguration: putImageScanningConfiguration,
  TagResource: tagResource,
  UntagResource: untagResource,
  ListTagsForResource: listTagsForResource,
}
