import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames } from '@aws-deploy-actions/action-docs'
import { describe, expect, test } from '@jest/globals'
import {
  conditionKeys,
  type PolicyStatement,
  policiesOf,
  recordOf,
  statementsOf,
  templateAt,
  templates,
} from './support/cloudformation.ts'
import { root } from './support/module-graph.ts'
import { describeWith } from './support/parts.ts'

const ROLE = 'cloudformation/deploy-role.yml'
/** IAM, "IAM and AWS STS quotas": characters of a managed policy, spaces not counted. */
const POLICY_SIZE = 6144

const policyFile = (name: string): string => join(root, 'actions', name, 'iam-policy.json')
const withPolicy = actionNames(root).filter(name => existsSync(policyFile(name)))
const policies = policiesOf(templateAt(ROLE))

describe.each(templates)('%s', path => {
  const template = templateAt(path)

  test('is a template that says what it is, and describes every parameter', () => {
    expect(template).toHaveProperty('AWSTemplateFormatVersion', '2010-09-09')
    expect(template['Description']).toEqual(expect.any(String))
    const parameters = Object.entries(recordOf(template['Parameters']))
    const silent = parameters.filter(([, parameter]) => typeof recordOf(parameter)['Description'] !== 'string')
    expect(silent.map(([name]) => name)).toEqual([])
  })

  test('uses every parameter and every condition', () => {
    const text = readFileSync(join(root, path), 'utf8')
    const names = ['Parameters', 'Conditions'].flatMap(section => Object.keys(recordOf(template[section])))
    expect(names.filter(name => [...text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length < 2)).toEqual([])
  })

  test('gives no role a wildcard of actions', () => {
    const actions = membersNamed('Action', template).flatMap(action => [action].flat())
    expect(actions.length).toBe(actions.filter(action => typeof action === 'string' && !action.includes('*')).length)
  })
})

test('the role has a policy for every action that calls AWS, and one only', () => {
  expect(policies.flatMap(({ actions }) => actions).sort()).toEqual(withPolicy)
})

describe.each(withPolicy)(`${ROLE} and %s`, name => {
  const wanted = statementsOf(JSON.parse(readFileSync(policyFile(name), 'utf8')))
  const policy = policies.find(({ actions }) => actions.includes(name))
  const given = policy?.statements ?? []

  test('allows every action of iam-policy.json, and nothing beyond', () => {
    expect(actionsOf(given)).toEqual(actionsOf(wanted))
    expect(given.filter(({ Effect }) => Effect !== 'Allow')).toEqual([])
  })

  test.each(wanted)('$Sid: its actions, resources and conditions', statement => {
    // A statement may be in parts: `LogIn` and `LogInToPublic`.
    const parts = given.filter(({ Sid }) => leadingSid(Sid) === statement.Sid)
    expect(actionsOf(parts)).toEqual(actionsOf([statement]))
    // AWS knows no resource there; anywhere else the template must name one.
    for (const { Resource } of parts) expect(Resource.includes('*')).toBe(statement.Resource.includes('*'))
    const arns = parts.flatMap(({ Resource }) => Resource.flatMap(resource => filledArn(String(resource)) ?? []))
    const wide = statement.Resource.map(resource => globPattern(String(resource)))
    expect(arns.filter(arn => !wide.some(pattern => pattern.test(arn)))).toEqual([])
    const keys = parts.flatMap(({ Condition }) => conditionKeys(Condition))
    expect(keys).toEqual(expect.arrayContaining(conditionKeys(statement.Condition)))
  })

  test('passes roles to ECS tasks only', () => {
    const passing = given.filter(({ Action }) => Action.includes('iam:PassRole'))
    for (const { Condition } of passing)
      expect(Condition).toEqual({ StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } })
  })

  test('leaves room for the names of the user', () => {
    expect(policy?.size).toBeLessThan(POLICY_SIZE - 1000)
  })

  function leadingSid(sid: string): string | undefined {
    const fitting = wanted.filter(({ Sid }) => sid.startsWith(Sid)).toSorted((a, b) => b.Sid.length - a.Sid.length)
    return fitting[0]?.Sid
  }
})

test('the trust policy is for one audience and for the subjects that are given', () => {
  const resources = recordOf(templateAt(ROLE)['Resources'])
  const trust = recordOf(recordOf(recordOf(resources['DeployRole'])['Properties'])['AssumeRolePolicyDocument'])
  expect(trust['Statement']).toEqual([
    {
      Effect: 'Allow',
      Principal: { Federated: ['MakesProvider', 'OidcProvider', 'OidcProviderArn'] },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
        StringLike: { 'token.actions.githubusercontent.com:sub': 'Subjects' },
      },
    },
  ])
})

test.each([
  ['repo:acme/shop:environment:production', true],
  ['repo:acme/shop:ref:refs/heads/main', true],
  ['repo:acme/shop:ref:refs/tags/v*', true],
  ['repo:acme/shop:pull_request', true],
  ['repo:acme@1234/shop.js@5678:environment:production', true],
  ['repo:acme/*:environment:production', false],
  ['repo:*', false],
  ['*', false],
  ['repo:acme/shop*:ref:refs/heads/main', false],
  ['acme/shop:environment:production', false],
])('the subject %s: %s', (subject, allowed) => {
  const pattern = recordOf(recordOf(templateAt(ROLE)['Parameters'])['Subjects'])['AllowedPattern']
  expect(new RegExp(String(pattern)).test(subject)).toBe(allowed)
})

describeWith(['cfn-lint'], 'cfn-lint', () => {
  test('has no finding', async () => {
    const said = await new Promise<string>(settle => {
      execFile('cfn-lint', templates, { cwd: root }, (error, stdout, stderr) =>
        settle(error === null ? stdout + stderr : `${error.message}\n${stdout}`),
      )
    })
    expect(said).toBe('')
  })
})

/** An ARN as a stack would have it; undefined for parameters that hold ARNs, and for `*`. */
function filledArn(text: string): string | undefined {
  const given: Readonly<Record<string, string>> = {
    'AWS::Partition': 'aws',
    'AWS::Region': 'eu-west-1',
    'AWS::AccountId': '111122223333',
  }
  if (!text.startsWith('arn:')) return undefined
  return text.replace(/\$\{([\w:]+)\}/g, (_, name: string) => given[name] ?? 'shop')
}

/** IAM's `*` is any text, also an empty one; between colons it stays within them here. */
function globPattern(glob: string): RegExp {
  const parts = glob.split('*').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^:]+')}$`)
}

/** The values under a key, wherever it stands. */
function membersNamed(name: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => (key === name ? [member] : membersNamed(name, member)))
}

function actionsOf(statements: readonly PolicyStatement[]): string[] {
  return [...new Set(statements.flatMap(({ Action }) => Action))].sort()
}
