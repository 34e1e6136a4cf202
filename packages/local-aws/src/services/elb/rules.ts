import type {
  CreateRuleCommandInput,
  CreateRuleCommandOutput,
  DeleteRuleCommandInput,
  DeleteRuleCommandOutput,
  DescribeRulesCommandInput,
  DescribeRulesCommandOutput,
  ModifyRuleCommandInput,
  ModifyRuleCommandOutput,
  RuleCondition,
} from '@aws-sdk/client-elastic-load-balancing-v2'
import { AwsError, type Operation, operation } from '../../service.ts'
import type { LoadBalancing } from './load-balancing.ts'
import { changing, checkedActions, describing, listenerByArn, ruleByArn } from './lookup.ts'

/** CreateRule, DescribeRules, ModifyRule, DeleteRule. */
export function ruleOperations(balancing: LoadBalancing): Record<string, Operation> {
  return {
    CreateRule: operation<CreateRuleCommandInput, CreateRuleCommandOutput>({
      needs: ({ ListenerArn }) => changing('CreateRule', ListenerArn),
      run(input, { region }) {
        const listener = listenerByArn(balancing, input.ListenerArn)
        const { Priority = 0 } = input
        if (!Number.isInteger(Priority) || Priority < 1 || Priority > 50_000)
          throw new AwsError('ValidationError', `Priority '${Priority}' must be between 1 and 50000`)
        // seen in AWS's answers
        if (listener.rules.some(rule => rule.Priority === String(Priority)))
          throw new AwsError('PriorityInUse', `Priority '${Priority}' is currently in use`)
        const rule = {
          RuleArn: balancing.newArn(region, listener.arn.replace(/^.*:listener\//, 'listener-rule/')),
          Priority: String(Priority),
          Conditions: checkedConditions(input.Conditions),
          Actions: checkedActions(balancing, input.Actions),
          IsDefault: false,
        }
        listener.rules.push(rule)
        balancing.changed()
        return { Rules: [rule] }
      },
    }),
    DescribeRules: operation<DescribeRulesCommandInput, DescribeRulesCommandOutput>({
      needs: describing('DescribeRules'),
      run({ ListenerArn, RuleArns }) {
        if (ListenerArn !== undefined) return { Rules: listenerByArn(balancing, ListenerArn).ordered() }
        return { Rules: (RuleArns ?? []).map(arn => ruleByArn(balancing, arn).rule) }
      },
    }),
    ModifyRule: operation<ModifyRuleCommandInput, ModifyRuleCommandOutput>({
      needs: ({ RuleArn }) => changing('ModifyRule', RuleArn),
      run({ RuleArn, Conditions, Actions }) {
        const { rule } = ruleByArn(balancing, RuleArn)
        if (Conditions) rule.Conditions = checkedConditions(Conditions)
        if (Actions) rule.Actions = checkedActions(balancing, Actions)
        balancing.changed()
        return { Rules: [rule] }
      },
    }),
    DeleteRule: operation<DeleteRuleCommandInput, DeleteRuleCommandOutput>({
      needs: ({ RuleArn }) => changing('DeleteRule', RuleArn),
      run({ RuleArn }) {
        const { listener, rule } = ruleByArn(balancing, RuleArn)
        listener.rules.splice(listener.rules.indexOf(rule), 1)
        balancing.changed()
        return {}
      },
    }),
  }
}

function checkedConditions(conditions: readonly RuleCondition[] | undefined): RuleCondition[] {
  const served = ['path-pattern', 'host-header', 'http-request-method']
  const odd = conditions?.find(({ Field }) => !served.includes(Field ?? ''))
  if (odd) throw new AwsError('ValidationError', `local-aws does not serve conditions on ${odd.Field}`)
  if (!conditions?.length) throw new AwsError('ValidationError', 'A condition must be specified')
  return [...conditions]
}
