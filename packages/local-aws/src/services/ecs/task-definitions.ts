import type {
  DeregisterTaskDefinitionCommandInput,
  DeregisterTaskDefinitionCommandOutput,
  DescribeTaskDefinitionCommandInput,
  DescribeTaskDefinitionCommandOutput,
  ListTaskDefinitionFamiliesCommandInput,
  ListTaskDefinitionFamiliesCommandOutput,
  ListTaskDefinitionsCommandInput,
  ListTaskDefinitionsCommandOutput,
  RegisterTaskDefinitionCommandInput,
  RegisterTaskDefinitionCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Need, type Operation, operation } from '../../service.ts'
import { requiredAttributes, withPlainSizes, withServerDefaults } from './definition-defaults.ts'
import { checkDefinition, fargateProblem } from './definition-rules.ts'
import { paged } from './paging.ts'
import { definitionNamed, type EcsRegions, type RegisteredDefinition } from './state.ts'
import { checkedTags } from './tags.ts'

/** Register, Describe, Deregister, List of task definitions. */
export function definitionOperations(
  regions: EcsRegions,
  isEcrImage: (image: string) => boolean,
): Record<string, Operation> {
  return {
    RegisterTaskDefinition: operation<RegisterTaskDefinitionCommandInput, RegisterTaskDefinitionCommandOutput>({
      needs(input, { region, accountId }) {
        const revision = (regions.state(region).families.get(input.family ?? '')?.length ?? 0) + 1
        const resource = `arn:aws:ecs:${region}:${accountId}:task-definition/${input.family ?? ''}:${revision}`
        return [
          { action: 'ecs:RegisterTaskDefinition', resource },
          ...(input.tags?.length
            ? [{ action: 'ecs:TagResource', resource, context: { 'ecs:CreateAction': 'RegisterTaskDefinition' } }]
            : []),
          ...passRoles([input.taskRoleArn, input.executionRoleArn], accountId),
        ]
      },
      run(given, { region, accountId, caller }) {
        const state = regions.state(region)
        const input = withPlainSizes(given)
        checkDefinition(input, isEcrImage)
        const tags = checkedTags(input.tags)
        const { tags: _tags, family = '', containerDefinitions, ...rest } = input
        const revisions = state.families.get(family) ?? []
        const revision = revisions.length + 1
        const runsOnFargate = fargateProblem(input, isEcrImage) === undefined
        const definition: RegisteredDefinition = {
          ...rest,
          taskDefinitionArn: `arn:aws:ecs:${region}:${accountId}:task-definition/${family}:${revision}`,
          containerDefinitions: (containerDefinitions ?? []).map(container =>
            withServerDefaults(container, input.networkMode),
          ),
          family,
          revision,
          volumes: input.volumes ?? [],
          status: 'ACTIVE',
          requiresAttributes: requiredAttributes(input, isEcrImage),
          placementConstraints: input.placementConstraints ?? [],
          compatibilities: runsOnFargate
            ? ['EC2', 'FARGATE']
            : input.networkMode === 'awsvpc'
              ? ['EC2']
              : ['EXTERNAL', 'EC2'],
          registeredAt: new Date(),
          registeredBy: caller,
        }
        state.families.set(family, [...revisions, definition])
        if (tags.length > 0) state.tags.set(definition.taskDefinitionArn, tags)
        // "tags" is part of the answer only when tags were given
        return { taskDefinition: definition, ...(tags.length > 0 ? { tags } : {}) }
      },
    }),
    DescribeTaskDefinition: operation<DescribeTaskDefinitionCommandInput, DescribeTaskDefinitionCommandOutput>({
      needs: () => [{ action: 'ecs:DescribeTaskDefinition', resource: '*' }],
      run({ taskDefinition = '', include }, { region }) {
        const state = regions.state(region)
        const found = definitionNamed(state, taskDefinition)
        // seen in public issues
        if (!found) throw new AwsError('ClientException', 'Unable to describe task definition.')
        return {
          taskDefinition: found,
          ...(include?.includes('TAGS') ? { tags: state.tags.get(found.taskDefinitionArn) ?? [] } : {}),
        }
      },
    }),
    DeregisterTaskDefinition: operation<DeregisterTaskDefinitionCommandInput, DeregisterTaskDefinitionCommandOutput>({
      needs: () => [{ action: 'ecs:DeregisterTaskDefinition', resource: '*' }],
      run({ taskDefinition = '' }, { region }) {
        if (!/:\d+$/.test(taskDefinition))
          throw new AwsError('InvalidParameterException', 'Task definition revision must be specified.')
        const found = definitionNamed(regions.state(region), taskDefinition)
        if (!found) throw new AwsError('ClientException', 'The specified task definition does not exist.')
        found.status = 'INACTIVE'
        found.deregisteredAt ??= new Date()
        return { taskDefinition: found }
      },
    }),
    ListTaskDefinitions: operation<ListTaskDefinitionsCommandInput, ListTaskDefinitionsCommandOutput>({
      needs: () => [{ action: 'ecs:ListTaskDefinitions', resource: '*' }],
      run({ familyPrefix, status = 'ACTIVE', sort, maxResults, nextToken }, { region }) {
        // despite its name familyPrefix must be the whole family name
        const arns = [...regions.state(region).families.entries()]
          .filter(([family]) => familyPrefix === undefined || family === familyPrefix)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([, revisions]) => revisions.filter(definition => definition.status === status))
          .map(({ taskDefinitionArn }) => taskDefinitionArn)
        const { items, ...next } = paged(sort === 'DESC' ? arns.reverse() : arns, maxResults, nextToken)
        return { taskDefinitionArns: items, ...next }
      },
    }),
    ListTaskDefinitionFamilies: operation<
      ListTaskDefinitionFamiliesCommandInput,
      ListTaskDefinitionFamiliesCommandOutput
    >({
      needs: () => [{ action: 'ecs:ListTaskDefinitionFamilies', resource: '*' }],
      run({ familyPrefix = '', status = 'ACTIVE', maxResults, nextToken }, { region }) {
        const families = [...regions.state(region).families.entries()]
          .filter(([family]) => family.startsWith(familyPrefix))
          .filter(
            ([, revisions]) =>
              status === 'ALL' || revisions.some(one => one.status === 'ACTIVE') === (status === 'ACTIVE'),
          )
          .map(([family]) => family)
          .sort()
        const { items, ...next } = paged(families, maxResults, nextToken)
        return { families: items, ...next }
      },
    }),
  }
}

/** `iam:PassRole` for each role that is given; a bare name stands for a role of this account. */
export function passRoles(roles: readonly (string | undefined)[], accountId: string): Need[] {
  const arns = roles.flatMap(role =>
    role === undefined ? [] : [role.startsWith('arn:') ? role : `arn:aws:iam::${accountId}:role/${role}`],
  )
  return [...new Set(arns)].map(resource => ({
    action: 'iam:PassRole',
    resource,
    context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
  }))
}
