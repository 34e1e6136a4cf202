import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { type StartedCloud, startedCloud } from './support/cloud.ts'

/*
 * moto serves many APIs without running anything: an oracle for the shape of answers that we did not write.
 * Both get the same requests over plain HTTP; what differs on purpose is named with its reason.
 */

let cloud: StartedCloud
let moto: ChildProcess | undefined
let motoEndpoint = ''

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

const signed =
  'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/SERVICE/aws4_request, SignedHeaders=host, Signature=0'

async function asked(endpoint: string, service: string, target: string, input: object): Promise<unknown> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'x-amz-target': target,
      'content-type': 'application/x-amz-json-1.1',
      authorization: signed.replace('SERVICE', service),
    },
    body: JSON.stringify(input),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
}

/** `tasks[].containers[].name: string` … of everything in a value; lists by their first entry */
function shapeOf(value: unknown, path = ''): string[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value.length === 0 ? [`${path}[]`] : shapeOf(value[0], `${path}[]`)
  if (typeof value !== 'object') return [`${path}: ${typeof value}`]
  return Object.entries(value)
    .flatMap(([key, item]) => shapeOf(item, `${path}.${key}`))
    .sort()
}

const group = '/moto/group'
const stream = { logGroupName: group, logStreamName: 'stream' }

/** [service, target prefix, operation, input, shapes that only moto has (why), shapes that only we have (why)] */
const requests: [string, string, string, object, string[], string[]][] = [
  ['logs', 'Logs_20140328', 'CreateLogGroup', { logGroupName: group }, [], []],
  ['logs', 'Logs_20140328', 'CreateLogGroup', { logGroupName: group }, [], []],
  ['logs', 'Logs_20140328', 'PutRetentionPolicy', { logGroupName: group, retentionInDays: 7 }, [], []],
  // AWS tells the class of a group since 2023
  [
    'logs',
    'Logs_20140328',
    'DescribeLogGroups',
    { logGroupNamePrefix: '/moto' },
    [],
    ['.body.logGroups[].logGroupClass: string'],
  ],
  ['logs', 'Logs_20140328', 'CreateLogStream', stream, [], []],
  ['logs', 'Logs_20140328', 'GetLogEvents', { ...stream, startFromHead: true }, [], []],
  [
    'logs',
    'Logs_20140328',
    'PutLogEvents',
    { ...stream, logEvents: [{ timestamp: Date.now(), message: 'hello' }] },
    [],
    [],
  ],
  ['logs', 'Logs_20140328', 'GetLogEvents', { ...stream, startFromHead: true }, [], []],
  ['logs', 'Logs_20140328', 'GetLogEvents', { ...stream, logStreamName: 'none' }, [], []],
  ['logs', 'Logs_20140328', 'DescribeLogStreams', { logGroupName: group }, [], []],
  // "Starting on May 15, 2020, this parameter will be deprecated" (API reference): AWS's list is empty
  [
    ...(['logs', 'Logs_20140328', 'FilterLogEvents', { logGroupName: group }] as const),
    ['.body.searchedLogStreams[].logStreamName: string', '.body.searchedLogStreams[].searchedCompletely: boolean'],
    ['.body.searchedLogStreams[]'],
  ],
  ['logs', 'Logs_20140328', 'DeleteLogGroup', { logGroupName: group }, [], []],
  ['logs', 'Logs_20140328', 'DescribeLogStreams', { logGroupName: group }, [], []],
  [
    'secretsmanager',
    'secretsmanager',
    'CreateSecret',
    { Name: 'm', SecretString: 'x', ClientRequestToken: 'a'.repeat(36) },
    [],
    [],
  ],
  ['secretsmanager', 'secretsmanager', 'GetSecretValue', { SecretId: 'm' }, [], []],
  ['secretsmanager', 'secretsmanager', 'GetSecretValue', { SecretId: 'none' }, [], []],
  ['ssm', 'AmazonSSM', 'PutParameter', { Name: '/m', Value: 'x', Type: 'String' }, [], []],
  ['ssm', 'AmazonSSM', 'GetParameter', { Name: '/m' }, [], []],
  ['ssm', 'AmazonSSM', 'GetParameters', { Names: ['/m', '/none'] }, [], []],
]

describeWith(['moto'], 'the shapes of answers, beside moto’s', () => {
  beforeAll(async () => {
    cloud = await startedCloud()
    const port = await freePort()
    motoEndpoint = `http://127.0.0.1:${port}`
    moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore', detached: true })
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 100))) {
      if (
        await fetch(motoEndpoint).then(
          () => true,
          () => false,
        )
      )
        return
    }
    throw new Error('moto_server does not answer')
  })

  afterAll(async () => {
    if (moto?.pid !== undefined) {
      const gone = new Promise(resolve => moto?.once('exit', resolve))
      process.kill(-moto.pid, 'SIGTERM')
      await gone
    }
    await cloud.stop()
  })

  test('are the same', async () => {
    const differences: string[] = []
    for (const [service, prefix, operation, input, onlyMoto, onlyOurs] of requests) {
      const target = `${prefix}.${operation}`
      const theirs = shapeOf(await asked(motoEndpoint, service, target, input))
      const ours = shapeOf(await asked(cloud.aws.endpoint, service, target, input))
      differences.push(
        ...theirs
          .filter(shape => !ours.includes(shape) && !onlyMoto.includes(shape))
          .map(shape => `${operation}: only moto has ${shape}`),
        ...ours
          .filter(shape => !theirs.includes(shape) && !onlyOurs.includes(shape))
          .map(shape => `${operation}: only we have ${shape}`),
      )
    }
    expect(differences).toEqual([])
  })
})
