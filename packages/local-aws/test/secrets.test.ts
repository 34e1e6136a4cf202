import type { Secret } from '@aws-sdk/client-ecs'
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager'
import {
  DeleteParameterCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParametersCommand,
  PutParameterCommand,
} from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { containerOf, role, type StartedCloud, startedCloud } from './support/cloud.ts'

let cloud: StartedCloud
let arn: string
let firstVersion: string
beforeAll(async () => {
  cloud = await startedCloud()
  const created = await cloud.secrets.send(
    new CreateSecretCommand({ Name: 'prod/db', SecretString: '{"url":"postgres://old","port":5432}' }),
  )
  arn = created.ARN ?? ''
  firstVersion = created.VersionId ?? ''
  await cloud.secrets.send(
    new PutSecretValueCommand({ SecretId: 'prod/db', SecretString: '{"url":"postgres://new","port":5433}' }),
  )
  await cloud.ssm.send(new PutParameterCommand({ Name: '/prod/token', Value: 's3cret', Type: 'SecureString' }))
  await cloud.ssm.send(new PutParameterCommand({ Name: 'plain', Value: 'p', Type: 'String' }))
})
afterAll(async () => {
  for (const client of [cloud.secrets, cloud.ssm, cloud.sts]) client.destroy()
  await cloud.stop()
})

async function ranWith(secrets: Secret[]) {
  const definition = await cloud.register([cloud.container('app', ['env', 'VALUE'], { secrets })], {
    executionRoleArn: role,
  })
  const { taskArn } = await cloud.start(definition)
  return await cloud.stopped(taskArn)
}

describe('valueFrom', () => {
  const cases: [string, () => string, string][] = [
    ['a secret’s ARN', () => arn, '{"url":"postgres://new","port":5433}'],
    ['the ARN without its six characters', () => arn.slice(0, -7), '{"url":"postgres://new","port":5433}'],
    ['a JSON key', () => `${arn}:url::`, 'postgres://new'],
    ['a JSON key that is no text', () => `${arn}:port::`, '5433'],
    ['a stage', () => `${arn}:url:AWSPREVIOUS:`, 'postgres://old'],
    ['a version', () => `${arn}:url::${firstVersion}`, 'postgres://old'],
    ['a parameter’s name', () => '/prod/token', 's3cret'],
    ['a parameter without hierarchy', () => 'plain', 'p'],
    ['a parameter’s ARN', () => 'arn:aws:ssm:eu-west-1:123456789012:parameter/prod/token', 's3cret'],
  ]
  test.each(cases)('%s', async (_name, valueFrom, expected) => {
    const task = await ranWith([{ name: 'VALUE', valueFrom: valueFrom() }])
    expect(await cloud.lines(task.taskArn ?? '', 'app')).toEqual([expected])
  })

  const prefix =
    'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: '
  const failures: [string, () => string, RegExp][] = [
    [
      'no such secret',
      () => arn.replace('prod/db', 'prod/none'),
      /unable to retrieve secret from asm: service call has been retried 1 time\(s\): failed to fetch secret arn:.* from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret\.$/,
    ],
    ['no such JSON key', () => `${arn}:nope::`, /retrieved secret from Secrets Manager did not contain json key nope$/],
    ['no such stage', () => `${arn}::OTHER:`, /can't find the specified secret value for staging label: OTHER$/],
    [
      'no such parameter',
      () => '/none',
      /unable to retrieve secrets from ssm: service call has been retried 1 time\(s\): invalid parameters: \/none$/,
    ],
  ]
  test.each(failures)('%s', async (_name, valueFrom, expected) => {
    const task = await ranWith([{ name: 'VALUE', valueFrom: valueFrom() }])
    expect(task.stopCode).toBe('TaskFailedToStart')
    expect(task.stoppedReason?.startsWith(prefix)).toBe(true)
    expect(task.stoppedReason).toMatch(expected)
    expect(containerOf(task, 'app').exitCode).toBeUndefined()
  })
})

describe('Secrets Manager', () => {
  test('versions move from AWSCURRENT to AWSPREVIOUS', async () => {
    const { Name } = await cloud.secrets.send(new CreateSecretCommand({ Name: 'moving', SecretString: '1' }))
    const second = await cloud.secrets.send(new PutSecretValueCommand({ SecretId: Name, SecretString: '2' }))
    expect(second.VersionStages).toEqual(['AWSCURRENT'])
    await cloud.secrets.send(new PutSecretValueCommand({ SecretId: Name, SecretString: '3' }))
    const get = async (VersionStage: string) =>
      (await cloud.secrets.send(new GetSecretValueCommand({ SecretId: Name, VersionStage }))).SecretString
    expect([await get('AWSCURRENT'), await get('AWSPREVIOUS')]).toEqual(['3', '2'])
  })

  test('bytes', async () => {
    await cloud.secrets.send(new CreateSecretCommand({ Name: 'bytes', SecretBinary: new Uint8Array([1, 2, 3]) }))
    const { SecretBinary, SecretString } = await cloud.secrets.send(new GetSecretValueCommand({ SecretId: 'bytes' }))
    expect([...(SecretBinary ?? [])]).toEqual([1, 2, 3])
    expect(SecretString).toBeUndefined()
  })

  test('DescribeSecret shows no value; deleting takes the value away', async () => {
    const { ARN } = await cloud.secrets.send(
      new CreateSecretCommand({ Name: 'short', SecretString: 'x', Description: 'd' }),
    )
    expect(await cloud.secrets.send(new DescribeSecretCommand({ SecretId: ARN }))).toMatchObject({
      ARN,
      Name: 'short',
      Description: 'd',
    })
    await expect(
      cloud.secrets.send(new CreateSecretCommand({ Name: 'short', SecretString: 'x' })),
    ).rejects.toMatchObject({ name: 'ResourceExistsException' })
    await cloud.secrets.send(new DeleteSecretCommand({ SecretId: 'short' }))
    await expect(cloud.secrets.send(new GetSecretValueCommand({ SecretId: 'short' }))).rejects.toMatchObject({
      name: 'InvalidRequestException',
    })
    expect((await cloud.secrets.send(new DescribeSecretCommand({ SecretId: 'short' }))).DeletedDate).toBeInstanceOf(
      Date,
    )
    await expect(cloud.secrets.send(new DescribeSecretCommand({ SecretId: 'none' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })
})

describe('Parameter Store', () => {
  test('secure values come decrypted only when asked for', async () => {
    const get = async (WithDecryption: boolean) =>
      (await cloud.ssm.send(new GetParameterCommand({ Name: '/prod/token', WithDecryption }))).Parameter
    expect((await get(true))?.Value).toBe('s3cret')
    expect((await get(false))?.Value).not.toContain('s3cret')
    expect(await get(true)).toMatchObject({
      ARN: 'arn:aws:ssm:eu-west-1:123456789012:parameter/prod/token',
      Type: 'SecureString',
      Version: 1,
    })
  })

  test('GetParameters tells what there is not', async () => {
    const { Parameters, InvalidParameters } = await cloud.ssm.send(
      new GetParametersCommand({ Names: ['plain', 'none'] }),
    )
    expect(Parameters?.map(({ Name }) => Name)).toEqual(['plain'])
    expect(InvalidParameters).toEqual(['none'])
    await expect(cloud.ssm.send(new GetParameterCommand({ Name: 'none' }))).rejects.toMatchObject({
      name: 'ParameterNotFound',
    })
  })

  test.each([
    [[{ Key: 'Name', Values: ['plain', 'none'] }], ['plain']],
    [[{ Key: 'Name', Option: 'BeginsWith', Values: ['/prod'] }], ['/prod/token']],
    [[{ Key: 'Path', Option: 'Recursive', Values: ['/'] }], ['/prod/token']],
    [[{ Key: 'Type', Values: ['String'] }], ['plain']],
  ])('DescribeParameters %j', async (ParameterFilters, expected) => {
    const { Parameters } = await cloud.ssm.send(new DescribeParametersCommand({ ParameterFilters }))
    expect(Parameters?.map(({ Name }) => Name)).toEqual(expected)
  })

  test('is overwritten only on demand, and goes', async () => {
    const put = (Value: string, Overwrite: boolean) =>
      cloud.ssm.send(new PutParameterCommand({ Name: 'twice', Value, Type: 'String', Overwrite }))
    await put('1', false)
    await expect(put('2', false)).rejects.toMatchObject({ name: 'ParameterAlreadyExists' })
    expect((await put('2', true)).Version).toBe(2)
    await cloud.ssm.send(new DeleteParameterCommand({ Name: 'twice' }))
    await expect(cloud.ssm.send(new DeleteParameterCommand({ Name: 'twice' }))).rejects.toMatchObject({
      name: 'ParameterNotFound',
    })
  })
})
