import type * as sdk from '@aws-sdk/client-ecr-public'
import type { Repository } from '../../registry/repositories.ts'
import { AwsError, type Operation, operation, type RequestContext } from '../../service.ts'
import { pageOf } from '../ecr/pages.ts'
import { onRepository, publicScope, repositoryIn } from './resource.ts'

const getAuthorizationToken = operation<sdk.GetAuthorizationTokenCommandInput, sdk.GetAuthorizationTokenCommandOutput>({
  // both: "Registry authentication" in the ECR Public user guide
  needs: () => [
    { action: 'ecr-public:GetAuthorizationToken', resource: '*' },
    {
      action: 'sts:GetServiceBearerToken',
      resource: '*',
      context: { 'sts:AWSServiceName': 'ecr-public.amazonaws.com' },
    },
  ],
  run(_input, context) {
    const { accountId, caller } = context
    const { password, expiresAt } = context.cloud.registry.password('public', 'us-east-1', accountId, caller)
    return {
      authorizationData: { authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'), expiresAt },
    }
  },
})

function described(repository: Repository): sdk.Repository {
  return {
    repositoryArn: repository.arn,
    registryId: repository.scope.registryId,
    repositoryName: repository.name,
    repositoryUri: repository.uri,
    createdAt: repository.createdAt,
  }
}

const createRepository = operation<sdk.CreateRepositoryCommandInput, sdk.CreateRepositoryCommandOutput>({
  needs: (input, context) => [
    ...onRepository('CreateRepository')(input, context),
    ...((input.tags ?? []).length === 0 ? [] : onRepository('TagResource')(input, context)),
  ],
  run(input, context) {
    const scope = publicScope({}, context)
    const repository = context.cloud.registry.repositories.create(scope, input.repositoryName ?? '')
    for (const { Key = '', Value = '' } of input.tags ?? []) repository.resourceTags.set(Key, Value)
    const { description, aboutText, usageText, architectures, operatingSystems } = input.catalogData ?? {}
    return {
      repository: described(repository),
      catalogData: {
        ...(description === undefined ? {} : { description }),
        ...(aboutText === undefined ? {} : { aboutText }),
        ...(usageText === undefined ? {} : { usageText }),
        ...(architectures === undefined ? {} : { architectures }),
        ...(operatingSystems === undefined ? {} : { operatingSystems }),
      },
    }
  },
})

const describeRepositories = operation<sdk.DescribeRepositoriesCommandInput, sdk.DescribeRepositoriesCommandOutput>({
  needs: (input, context) =>
    (input.repositoryNames ?? ['*']).flatMap(repositoryName =>
      onRepository('DescribeRepositories')({ ...input, repositoryName }, context),
    ),
  run(input, context) {
    const { repositories } = context.cloud.registry
    const scope = publicScope(input, context)
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
      throw new AwsError(
        'RepositoryNotEmptyException',
        `The repository with name '${repository.name}' in registry with id '${repository.scope.registryId}' cannot be deleted because it still contains images`,
      )
    }
    context.cloud.registry.repositories.delete(repository)
    return { repository: described(repository) }
  },
})

const describeRegistries = operation<sdk.DescribeRegistriesCommandInput, sdk.DescribeRegistriesCommandOutput>({
  needs: () => [{ action: 'ecr-public:DescribeRegistries', resource: '*' }],
  run(_input, context) {
    const { publicAddress, publicAlias } = context.cloud.registry
    const alias = {
      name: publicAlias,
      status: 'ACTIVE',
      primaryRegistryAlias: true,
      defaultRegistryAlias: true,
    } as const
    return {
      registries: [
        {
          registryId: context.accountId,
          registryArn: `arn:aws:ecr-public::${context.accountId}:registry/${context.accountId}`,
          registryUri: `${publicAddress}/${publicAlias}`,
          verified: false,
          aliases: [alias],
        },
      ],
    }
  },
})

function repositoryByArn(arn: string | undefined, context: RequestContext): Repository {
  const match = /^arn:aws:ecr-public::(\d{12}):repository\/(.+)$/.exec(arn ?? '')
  if (match === null) {
    throw new AwsError(
      'InvalidParameterException',
      "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
    )
  }
  return repositoryIn({ registryId: match[1], repositoryName: match[2] }, context)
}

const tagResource = operation<sdk.TagResourceCommandInput, sdk.TagResourceCommandOutput>({
  needs: input => [{ action: 'ecr-public:TagResource', resource: input.resourceArn ?? '*' }],
  run(input, context) {
    const { resourceTags } = repositoryByArn(input.resourceArn, context)
    for (const { Key = '', Value = '' } of input.tags ?? []) resourceTags.set(Key, Value)
    return {}
  },
})

const listTagsForResource = operation<sdk.ListTagsForResourceCommandInput, sdk.ListTagsForResourceCommandOutput>({
  needs: input => [{ action: 'ecr-public:ListTagsForResource', resource: input.resourceArn ?? '*' }],
  run(input, context) {
    const { resourceTags } = repositoryByArn(input.resourceArn, context)
    return { tags: [...resourceTags].map(([Key, Value]) => ({ Key, Value })) }
  },
})

export const publicRepositoryOperations: Readonly<Record<string, Operation>> = {
  GetAuthorizationToken: getAuthorizationToken,
  CreateRepository: createRepository,
  DescribeRepositories: describeRepositories,
  DeleteRepository: deleteRepository,
  DescribeRegistries: describeRegistries,
  TagResource: tagResource,
  ListTagsForResource: listTagsForResource,
}
