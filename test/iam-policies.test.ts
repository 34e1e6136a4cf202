import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames } from '@aws-deploy-actions/action-docs'
import { describe, expect, test } from '@jest/globals'
import { namesInCode } from './support/action-sources.ts'
import { root } from './support/module-graph.ts'

interface Statement {
  readonly Sid: string
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
}

/** AWS lists no resource types for these, or needs `*` for the way we call them (Service Authorization Reference). */
const WITHOUT_RESOURCE = new Set([
  'ecr-public:GetAuthorizationToken',
  'ecr:DescribePullThroughCacheRules',
  'ecr:GetAuthorizationToken',
  'ecs:DescribeTaskDefinition',
  // Its resource type is the container instance, which none of our calls names; `ecs:cluster` narrows it.
  'ecs:ListTasks',
  'elasticloadbalancing:DescribeTargetGroups',
  'elasticloadbalancing:DescribeTargetHealth',
  'logs:DescribeLogGroups',
  'ssm:CancelCommand',
  'ssm:DescribeInstanceInformation',
  'ssm:DescribeParameters',
  'ssm:GetCommandInvocation',
  'ssm:ListCommandInvocations',
  'ssm:ListCommands',
  'sts:GetServiceBearerToken',
])
/** Needs no permission (STS API reference, GetCallerIdentity). */
const FREE = new Set(['sts:GetCallerIdentity'])

const withPolicy = actionNames(root).filter(name => existsSync(policyPath(name)))

describe.each(withPolicy)('iam-policy.json of %s', name => {
  const statements = statementsOf(name)

  test('is a policy of this version, with statements that have a name of their own', () => {
    expect(policyOf(name)).toHaveProperty('Version', '2012-10-17')
    const names = statements.map(({ Sid }) => Sid)
    expect(names.filter(sid => !/^[A-Za-z0-9]+$/.test(sid))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
    expect(statements.filter(({ Effect }) => Effect !== 'Allow')).toEqual([])
  })

  test('names every action in full, once', () => {
    const actions = statements.flatMap(({ Action }) => Action)
    expect(actions.filter(action => !/^[a-z0-9-]+:[A-Z][A-Za-z]+$/.test(action))).toEqual([])
    expect(actions.filter((action, index) => actions.indexOf(action) !== index)).toEqual([])
  })

  test('names the kind of resource wherever AWS has one', () => {
    const wide = statements.filter(({ Resource }) => [Resource].flat().includes('*')).flatMap(({ Action }) => Action)
    expect(wide.filter(action => !WITHOUT_RESOURCE.has(action))).toEqual([])
  })

  test('allows everything that is called', async () => {
    const { iamActions } = await namesInCode(name)
    const allowed = new Set(statements.flatMap(({ Action }) => Action))
    expect([...iamActions].filter(action => !allowed.has(action) && !FREE.has(action))).toEqual([])
  })
})

test.each(['run-ecs-task', 'run-migration-task', 'deploy-ecs-service', 'ssm-pull-deploy'])(
  '%s allows nothing that is not called',
  async name => {
    const { iamActions } = await namesInCode(name)
    // What AWS asks for beside the call itself: for roles and for tags in a request.
    const called = new Set([...iamActions, 'iam:PassRole', 'ecs:TagResource'])
    const allowed = statementsOf(name).flatMap(({ Action }) => Action)
    expect(allowed.filter(action => !called.has(action))).toEqual([])
  },
)

test('run-migration-task needs what run-ecs-task needs', () => {
  expect(policyOf('run-migration-task')).toEqual(policyOf('run-ecs-task'))
})

test('roles are passed to ECS tasks only', () => {
  const passing = withPolicy.flatMap(statementsOf).filter(({ Action }) => [Action].flat().includes('iam:PassRole'))
  expect(passing.length).toBeGreaterThan(0)
  for (const statement of passing) {
    expect(statement).toHaveProperty('Condition', {
      StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    })
  }
})

function policyPath(name: string): string {
  return join(root, 'actions', name, 'iam-policy.json')
}

function policyOf(name: string): unknown {
  return JSON.parse(readFileSync(policyPath(name), 'utf8'))
}

function statementsOf(name: string): Statement[] {
  const policy = policyOf(name)
  const found: unknown = typeof policy === 'object' && policy !== null ? Reflect.get(policy, 'Statement') : undefined
  if (!Array.isArray(found) || !found.every(isStatement))
    throw new Error(`${policyPath(name)}: not a list of statements`)
  return found
}

function isStatement(value: unknown): value is Statement {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['Sid', 'Effect', 'Action', 'Resource'].every(key => Reflect.get(value, key) !== undefined)
  )
}
