import * as logs from '@aws-sdk/client-cloudwatch-logs'
import * as ecr from '@aws-sdk/client-ecr'
import * as ecrPublic from '@aws-sdk/client-ecr-public'
import * as ecs from '@aws-sdk/client-ecs'
import * as secretsManager from '@aws-sdk/client-secrets-manager'
import * as ssm from '@aws-sdk/client-ssm'
import * as sts from '@aws-sdk/client-sts'
import { describe, expect, test } from '@jest/globals'
import { decode, encode, operationShapes, type Shape, type Violation, violationText } from '../src/smithy.ts'

function shapes(model: Readonly<Record<string, unknown>>, operation: string) {
  const found = operationShapes(model).get(operation)?.()
  if (!found) throw new Error(`no ${operation}`)
  return found
}

function members(shape: Shape): string[] {
  return shape.kind === 'structure' ? [...shape.members.keys()] : []
}

function violations(shape: Shape, value: unknown, direction: typeof decode = decode): string[] {
  const found: Violation[] = []
  direction(shape, value, found)
  return found.map(({ path, constraint }) => `${path}: ${constraint}`)
}

describe('the layout of the SDK’s schemas', () => {
  // When one of these fails after an update of the SDK, smithy.ts has to learn the new layout.
  test.each([
    ['ecs', ecs, 'RunTask', ['taskDefinition', 'cluster', 'clientToken'], ['tasks', 'failures']],
    ['logs', logs, 'GetLogEvents', ['logStreamName', 'startFromHead'], ['events', 'nextForwardToken']],
    ['ecr', ecr, 'PutImage', ['repositoryName', 'imageManifest'], ['image']],
    ['ecr-public', ecrPublic, 'GetAuthorizationToken', [], ['authorizationData']],
    ['ssm', ssm, 'SendCommand', ['DocumentName', 'TimeoutSeconds'], ['Command']],
    ['secretsmanager', secretsManager, 'GetSecretValue', ['SecretId'], ['SecretString']],
    ['sts', sts, 'GetCallerIdentity', [], ['Account', 'Arn', 'UserId']],
  ] as const)('%s', (_name, model, operation, input, output) => {
    const found = shapes(model, operation)
    expect(members(found.input)).toEqual(expect.arrayContaining([...input]))
    expect(members(found.output)).toEqual(expect.arrayContaining([...output]))
  })

  test('required members come first and are counted', () => {
    expect(shapes(ecs, 'RunTask').input).toMatchObject({ required: ['taskDefinition'] })
    expect(shapes(ecs, 'RegisterTaskDefinition').input).toMatchObject({ required: ['family', 'containerDefinitions'] })
  })

  test('sensitive members are known', () => {
    expect(shapes(secretsManager, 'CreateSecret').sensitive).toEqual(
      expect.arrayContaining(['SecretString', 'SecretBinary']),
    )
    expect(shapes(ssm, 'PutParameter').sensitive).toContain('Value')
  })

  test('a module without operations is refused', () => {
    expect(() => operationShapes({ a: [3, 'x'] })).toThrow('layout of the SDK')
  })
})

describe('requests', () => {
  const { input } = shapes(ecs, 'RunTask')

  test.each([
    [{}, ['taskDefinition: Member must not be null']],
    [{ taskDefinition: 'f', bogus: 1 }, ['bogus: Member is not known']],
    [{ taskDefinition: 'f', count: '2' }, ['count: Member must be a number']],
    [{ taskDefinition: 7 }, ['taskDefinition: Member must be a string']],
    [{ taskDefinition: 'f', tags: {} }, ['tags: Member must be a list']],
    [{ taskDefinition: 'f', enableExecuteCommand: 'true' }, ['enableExecuteCommand: Member must be a boolean']],
    [
      { taskDefinition: 'f', overrides: { containerOverrides: [{ name: 'a' }, { nam: 'b' }] } },
      ['overrides.containerOverrides.2.member.nam: Member is not known'],
    ],
    [
      { taskDefinition: 'f', networkConfiguration: { awsvpcConfiguration: {} } },
      ['networkConfiguration.awsvpcConfiguration.subnets: Member must not be null'],
    ],
  ])('%j', (value, expected) => {
    expect(violations(input, value)).toEqual(expected)
  })

  test('null is as good as absent', () => {
    expect(violations(input, { taskDefinition: 'f', count: null })).toEqual([])
  })

  test('timestamps and bytes become what the SDK has for them', () => {
    const found: Violation[] = []
    const secret = decode(shapes(secretsManager, 'CreateSecret').input, { Name: 'n', SecretBinary: 'AAEC' }, found)
    expect(secret).toEqual({ Name: 'n', SecretBinary: new Uint8Array([0, 1, 2]) })
    expect(violationText([{ path: 'a', constraint: 'b' }])).toBe(
      "1 validation error detected: Value at 'a' failed to satisfy constraint: b",
    )
  })
})

describe('answers', () => {
  const { output } = shapes(ecs, 'DescribeTasks')

  test('dates become epoch seconds, undefined is left out', () => {
    const found: Violation[] = []
    const encoded = encode(
      output,
      { tasks: [{ createdAt: new Date(1500), stoppedReason: undefined }], failures: [] },
      found,
    )
    expect(JSON.stringify(encoded)).toBe('{"tasks":[{"createdAt":1.5}],"failures":[]}')
    expect(found).toEqual([])
  })

  test.each([
    [{ tasks: [{ created: 1 }] }, 'tasks.created: Member is not known'],
    [{ tasks: [{ createdAt: 5 }] }, 'tasks.createdAt: Member must be a Date'],
    [{ tasks: [{ cpu: 256 }] }, 'tasks.cpu: Member must be a string'],
  ])('%j breaks the model', (value, expected) => {
    expect(violations(output, value, encode)).toEqual([expected])
  })

  test('a page of 10,000 log events is checked and written quickly', () => {
    const shape = shapes(logs, 'GetLogEvents').output
    const events = Array.from({ length: 10_000 }, (_, n) => ({
      timestamp: n,
      ingestionTime: n,
      message: `line ${n} ${'x'.repeat(80)}`,
    }))
    const found: Violation[] = []
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now()
      JSON.stringify(encode(shape, { events, nextForwardToken: 'f', nextBackwardToken: 'b' }, found))
      return performance.now() - start
    })
    expect(found).toEqual([])
    // aimed at 60 ms; the bound only catches what is out of proportion on a busy machine
    expect(Math.min(...times)).toBeLessThan(1000)
  })
})
