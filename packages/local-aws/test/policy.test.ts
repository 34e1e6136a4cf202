import { describe, expect, test } from '@jest/globals'
import { checkPolicy, decide, deniedText, type PolicyStatement } from '../src/policy.ts'
import type { Need } from '../src/service.ts'

const allow = (more: Omit<PolicyStatement, 'Effect'>): PolicyStatement => ({ Effect: 'Allow', ...more })
const deny = (more: Omit<PolicyStatement, 'Effect'>): PolicyStatement => ({ Effect: 'Deny', ...more })
const runTask: Need = {
  action: 'ecs:RunTask',
  resource: 'arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7',
  context: { 'ecs:cluster': 'arn:aws:ecs:eu-west-1:123456789012:cluster/main' },
}

describe('what a policy says', () => {
  test.each<[string, PolicyStatement[], string]>([
    ['nothing', [], 'implicit-deny'],
    ['everything', [allow({ Action: '*', Resource: '*' })], 'allow'],
    ['the action', [allow({ Action: 'ecs:RunTask', Resource: '*' })], 'allow'],
    ['actions are compared without case', [allow({ Action: 'ECS:runtask', Resource: '*' })], 'allow'],
    ['a pattern of actions', [allow({ Action: ['logs:*', 'ecs:Run*'], Resource: '*' })], 'allow'],
    ['another action', [allow({ Action: 'ecs:StopTask', Resource: '*' })], 'implicit-deny'],
    ['? is one character', [allow({ Action: 'ecs:RunTas?', Resource: '*' })], 'allow'],
    ['? is not none', [allow({ Action: 'ecs:RunTask?', Resource: '*' })], 'implicit-deny'],
    [
      'a dot is a dot',
      [allow({ Action: 'ecs:RunTask', Resource: 'arn:aws:ecs:eu-west-1:123456789012:task.definition/web:7' })],
      'implicit-deny',
    ],
    [
      'every revision',
      [allow({ Action: 'ecs:RunTask', Resource: 'arn:aws:ecs:*:123456789012:task-definition/web:*' })],
      'allow',
    ],
    [
      'another family',
      [allow({ Action: 'ecs:RunTask', Resource: 'arn:aws:ecs:*:*:task-definition/api:*' })],
      'implicit-deny',
    ],
    [
      'resources are compared with case',
      [allow({ Action: 'ecs:RunTask', Resource: 'arn:aws:ecs:*:*:task-definition/WEB:*' })],
      'implicit-deny',
    ],
    ['all but another action', [allow({ NotAction: 'iam:*', Resource: '*' })], 'allow'],
    ['all but this action', [allow({ NotAction: 'ecs:*', Resource: '*' })], 'implicit-deny'],
    [
      'all but another resource',
      [allow({ Action: 'ecs:RunTask', NotResource: 'arn:aws:ecs:*:*:task-definition/api:*' })],
      'allow',
    ],
    [
      'all but this resource',
      [allow({ Action: 'ecs:RunTask', NotResource: 'arn:aws:ecs:*:*:task-definition/web:*' })],
      'implicit-deny',
    ],
    [
      'a deny wins',
      [allow({ Action: '*', Resource: '*' }), deny({ Action: 'ecs:RunTask', Resource: '*' })],
      'explicit-deny',
    ],
    [
      'a deny of something else',
      [allow({ Action: '*', Resource: '*' }), deny({ Action: 'iam:*', Resource: '*' })],
      'allow',
    ],
  ])('%s', (_name, Statement, expected) => {
    expect(decide({ Version: '2012-10-17', Statement }, runTask)).toBe(expected)
  })

  test.each<[string, NonNullable<PolicyStatement['Condition']>, string]>([
    [
      'ArnEquals on the cluster',
      { ArnEquals: { 'ecs:cluster': 'arn:aws:ecs:eu-west-1:123456789012:cluster/main' } },
      'allow',
    ],
    ['ArnEquals takes wildcards', { ArnEquals: { 'ecs:cluster': 'arn:aws:ecs:*:*:cluster/main' } }, 'allow'],
    ['ArnLike', { ArnLike: { 'ecs:cluster': ['arn:aws:ecs:*:*:cluster/x', 'arn:aws:ecs:*:*:cluster/m*'] } }, 'allow'],
    [
      'another cluster',
      { ArnEquals: { 'ecs:cluster': 'arn:aws:ecs:eu-west-1:123456789012:cluster/other' } },
      'implicit-deny',
    ],
    ['StringEquals takes none', { StringEquals: { 'ecs:cluster': 'arn:aws:ecs:*:*:cluster/main' } }, 'implicit-deny'],
    ['StringLike', { StringLike: { 'ECS:Cluster': '*main' } }, 'allow'],
    [
      'all operators must hold',
      { StringLike: { 'ecs:cluster': '*main' }, StringEquals: { 'ecs:cluster': 'x' } },
      'implicit-deny',
    ],
    [
      'a key that the request has not',
      { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      'implicit-deny',
    ],
    ['the same, if it exists', { StringEqualsIfExists: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } }, 'allow'],
    [
      'a value that is there is compared, if it exists',
      { StringEqualsIfExists: { 'ecs:cluster': 'x' } },
      'implicit-deny',
    ],
  ])('condition: %s', (_name, Condition, expected) => {
    expect(decide({ Statement: allow({ Action: 'ecs:RunTask', Resource: '*', Condition }) }, runTask)).toBe(expected)
  })

  test('Bool', () => {
    const need: Need = { action: 'a:B', resource: '*', context: { 'aws:SecureTransport': 'true' } }
    const statement = (value: boolean | string) =>
      allow({ Action: 'a:B', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': value } } })
    expect(decide({ Statement: statement(true) }, need)).toBe('allow')
    expect(decide({ Statement: statement('false') }, need)).toBe('implicit-deny')
  })
})

describe('AWS’s text', () => {
  const caller = 'arn:aws:sts::123456789012:assumed-role/local/deploy'
  test('no statement allows it', () => {
    expect(deniedText(caller, runTask, 'implicit-deny')).toBe(
      `User: ${caller} is not authorized to perform: ecs:RunTask on resource: ${runTask.resource} because no identity-based policy allows the ecs:RunTask action`,
    )
  })
  test('a statement denies it', () => {
    expect(deniedText(caller, runTask, 'explicit-deny')).toContain('with an explicit deny in an identity-based policy')
  })
})

describe('a document that would mislead is refused', () => {
  test.each<[PolicyStatement, string]>([
    [allow({ Action: 'ecs:RunTask' }), 'one of Resource, NotResource'],
    [allow({ Resource: '*' }), 'one of Action, NotAction'],
    [allow({ Action: 'RunTask', Resource: '*' }), 'not an action: RunTask'],
    [allow({ Action: 'ecs:RunTask', Resource: 'task-definition/x' }), 'not an ARN'],
    [
      allow({ Action: 'ecs:RunTask', Resource: '*', Condition: { StringEqual: { a: 'b' } } }),
      'condition StringEqual is not served',
    ],
  ])('%j', (Statement, text) => {
    expect(() => checkPolicy({ Statement })).toThrow(text)
  })
})
