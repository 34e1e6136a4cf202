import type * as sdk from '@aws-sdk/client-ecr'
import type { PullThroughRule } from '../../registry/pull-through.ts'
import { AwsError, type Operation, operation } from '../../service.ts'
import { pageOf } from './pages.ts'
import { onEverything, privateScope } from './resource.ts'

const getAuthorizationToken = operation<sdk.GetAuthorizationTokenCommandInput, sdk.GetAuthorizationTokenCommandOutput>({
  needs: onEverything('ecr:GetAuthorizationToken'),
  run(input, context) {
    const { registry } = context.cloud
    const registries = input.registryIds ?? [context.accountId]
    return {
      authorizationData: registries.map(registryId => {
        const { password, expiresAt } = registry.password('private', context.region, registryId, context.caller)
        return {
          authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'),
          expiresAt,
          // AWS has https here; a registry on a loopback address is spoken to over plain HTTP
          proxyEndpoint: `http://${registry.address}`,
        }
      }),
    }
  },
})

const describeRegistry = operation<sdk.DescribeRegistryCommandInput, sdk.DescribeRegistryCommandOutput>({
  needs: onEverything('ecr:DescribeRegistry'),
  run(_input, context) {
    return { registryId: context.accountId, replicationConfiguration: { rules: [] } }
  },
})

/** Names and values: API reference of PutAccountSetting; the first value is what holds before it was ever set. */
const accountSettings: Readonly<Record<string, readonly string[]>> = {
  BASIC_SCAN_TYPE_VERSION: ['AWS_NATIVE', 'CLAIR'],
  REGISTRY_POLICY_SCOPE: ['V2', 'V1'],
  BLOB_MOUNTING: ['DISABLED', 'ENABLED'],
}

function valuesOf(name: string | undefined): readonly string[] {
  const values = accountSettings[name ?? '']
  if (values !== undefined) return values
  throw new AwsError(
    'InvalidParameterException',
    `Invalid parameter at 'name' failed to satisfy constraint: 'must be one of ${Object.keys(accountSettings).join(', ')}'`,
  )
}

const getAccountSetting = operation<sdk.GetAccountSettingCommandInput, sdk.GetAccountSettingCommandOutput>({
  needs: onEverything('ecr:GetAccountSetting'),
  run(input, context) {
    const [initial] = valuesOf(input.name)
    const { settings } = context.cloud.registry
    return { name: input.name, value: settings.accountSetting(privateScope({}, context), input.name ?? '') ?? initial }
  },
})

const putAccountSetting = operation<sdk.PutAccountSettingCommandInput, sdk.PutAccountSettingCommandOutput>({
  needs: onEverything('ecr:PutAccountSetting'),
  run(input, context) {
    const { name = '', value = '' } = input
    if (!valuesOf(name).includes(value)) {
      throw new AwsError(
        'InvalidParameterException',
        `Invalid parameter at 'value' failed to satisfy constraint: 'must be one of ${valuesOf(name).join(', ')}'`,
      )
    }
    context.cloud.registry.settings.putAccountSetting(privateScope({}, context), name, value)
    return { name, value }
  },
})

function describedRule(rule: PullThroughRule): sdk.PullThroughCacheRule {
  return {
    ecrRepositoryPrefix: rule.prefix,
    upstreamRegistryUrl: rule.upstreamUrl,
    createdAt: rule.createdAt,
    upstreamRepositoryPrefix: rule.upstreamPrefix,
    ...(rule.credentialArn === undefined ? {} : { credentialArn: rule.credentialArn }),
    ...(rule.customRoleArn === undefined ? {} : { customRoleArn: rule.customRoleArn }),
  }
}

const createPullThroughCacheRule = operation<
  sdk.CreatePullThroughCacheRuleCommandInput,
  sdk.CreatePullThroughCacheRuleCommandOutput
>({
  needs: onEverything('ecr:CreatePullThroughCacheRule'),
  run(input, context) {
    const scope = privateScope(input, context)
    const rule = context.cloud.registry.pullThrough.addRule(scope, {
      prefix: input.ecrRepositoryPrefix ?? '',
      upstreamUrl: input.upstreamRegistryUrl ?? '',
      upstreamPrefix: input.upstreamRepositoryPrefix ?? 'ROOT',
      credentialArn: input.credentialArn,
      customRoleArn: input.customRoleArn,
    })
    return {
      ...describedRule(rule),
      registryId: scope.registryId,
      ...(input.upstreamRegistry === undefined ? {} : { upstreamRegistry: input.upstreamRegistry }),
    }
  },
})

/** Error name: API reference; the sentence is in the manner of AWS's other ones. */
function ruleNotFound(prefix: string, registryId: string): AwsError {
  return new AwsError(
    'PullThroughCacheRuleNotFoundException',
    `The pull through cache rule with repository prefix '${prefix}' does not exist in the registry with id '${registryId}'`,
  )
}

const describePullThroughCacheRules = operation<
  sdk.DescribePullThroughCacheRulesCommandInput,
  sdk.DescribePullThroughCacheRulesCommandOutput
>({
  needs: onEverything('ecr:DescribePullThroughCacheRules'),
  run(input, context) {
    const scope = privateScope(input, context)
    const rules = context.cloud.registry.pullThrough.rules(scope)
    const described = (rule: PullThroughRule): sdk.PullThroughCacheRule => ({
      ...describedRule(rule),
      registryId: scope.registryId,
    })
    if (input.ecrRepositoryPrefixes !== undefined) {
      const wanted = input.ecrRepositoryPrefixes.map(prefix => {
        const rule = rules.find(candidate => candidate.prefix === prefix)
        if (rule === undefined) throw ruleNotFound(prefix, scope.registryId)
        return described(rule)
      })
      return { pullThroughCacheRules: wanted }
    }
    const { page, nextToken } = pageOf(rules, input)
    return { pullThroughCacheRules: page.map(described), nextToken }
  },
})

const deletePullThroughCacheRule = operation<
  sdk.DeletePullThroughCacheRuleCommandInput,
  sdk.DeletePullThroughCacheRuleCommandOutput
>({
  needs: onEverything('ecr:DeletePullThroughCacheRule'),
  run(input, context) {
    const scope = privateScope(input, context)
    const prefix = input.ecrRepositoryPrefix ?? ''
    const removed = context.cloud.registry.pullThrough.removeRule(scope, prefix)
    if (removed === undefined) throw ruleNotFound(prefix, scope.registryId)
    return { ...describedRule(removed), registryId: scope.registryId }
  },
})

export const registryOperations: Readonly<Record<string, Operation>> = {
  GetAuthorizationToken: getAuthorizationToken,
  DescribeRegistry: describeRegistry,
  GetAccountSetting: getAccountSetting,
  PutAccountSetting: putAccountSetting,
  CreatePullThroughCacheRule: createPullThroughCacheRule,
  DescribePullThroughCacheRules: describePullThroughCacheRules,
  DeletePullThroughCacheRule: deletePullThroughCacheRule,
}
