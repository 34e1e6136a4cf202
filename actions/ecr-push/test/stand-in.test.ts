import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { imagesOutput } from '../src/outputs.ts'
import { emptyResult } from '../src/result.ts'
import { errorOf, type PushCloud, startedPushCloud } from './support/push-cloud.ts'
import { recordingDocker } from './support/stand-in-docker.ts'

// Needs no Docker: what counts is how the action uses it.
let cloud: PushCloud

beforeAll(async () => {
  cloud = await startedPushCloud()
  cloud.commit({ 'app/Dockerfile': 'FROM scratch\nCOPY content /\n', 'app/content': 'one' })
})
afterAll(() => cloud?.stop())

describe('several images are built at the same time', () => {
  const images = ['a', 'b', 'c', 'd'].map(name => `- { repository: at-once/${name}, context: app }\n`).join('')

  /** Every build goes on only when so many have begun and not ended, and notes how many there are. */
  function waitingFor(count: number) {
    const docker = recordingDocker(join(cloud.folder, '.home'))
    docker.on(
      'build',
      `cd ${docker.folder}
mine=$(mktemp running-XXXXXX)
for wait in $(seq 100); do
  ls running-* | wc -l >> together
  [ "$(ls running-* | wc -l)" -ge ${count} ] && touch met
  [ -e met ] && { sleep 0.3; rm $mine; exit 0; }
  sleep 0.05
done
rm $mine; echo "waited alone" >&2; exit 1`,
    )
    const most = (): number =>
      Math.max(...readFileSync(join(docker.folder, 'together'), 'utf8').trim().split('\n').map(Number))
    return { docker, most }
  }

  test.each([
    ['as many as max-parallel says', { 'max-parallel': '3' }, 3],
    ['two by default', {}, 2],
    ['one where one is wanted', { 'max-parallel': '1' }, 1],
  ])('%s', async (_, inputs, count) => {
    const { docker, most } = waitingFor(count)
    const result = await cloud.run({ images, push: 'false', ...inputs }, docker.environment)
    expect([result.exitCode, result.outputs['status']]).toEqual([0, 'built'])
    expect(docker.calls().filter(call => call.startsWith('build '))).toHaveLength(4)
    expect(most()).toBe(count)
  })
})

test('one repository name in two regions is two images, told apart', async () => {
  const docker = recordingDocker(join(cloud.folder, '.home'))
  const entries = ['eu-west-1', 'us-west-2'].map(
    region => `- { repository: "${cloud.aws.accountId}.dkr.ecr.${region}.amazonaws.com/shop/web", context: app }\n`,
  )
  const { exitCode, outputs, stdout } = await cloud.run({ images: entries.join(''), push: 'false' }, docker.environment)
  expect(exitCode).toBe(0)
  const names = ['shop/web in eu-west-1', 'shop/web in us-west-2']
  expect(Object.keys(JSON.parse(outputs['images'] ?? ''))).toEqual(names)
  for (const name of names) expect(stdout).toContain(`${name} | Built only: "push" is false.\n`)
})

test('the images output holds all that were pushed, also those of one name', () => {
  const digest = `sha256:${'0'.repeat(64)}`
  const pushed = ['web in eu-west-1', 'web in us-west-2', 'web in us-west-1'].map(name => ({
    ...emptyResult(name),
    place: { name: 'web', uri: 'host/web', reference: 'ecr:web' },
    digest,
    tags: ['v1'],
  }))
  expect(Object.keys(imagesOutput(pushed))).toEqual(['web', 'ecr:web', 'web in us-west-1'])
})

test('a login that docker refuses: its own words, as its own', async () => {
  await cloud.repository('shop/refused')
  const docker = recordingDocker(join(cloud.folder, '.home'))
  docker.on('login', 'echo "Error response from daemon: login attempt failed with status: 400 Bad Request" >&2; exit 1')
  const result = await cloud.run({ repository: 'shop/refused', context: 'app' }, docker.environment)
  expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
  expect(errorOf(result)).toMatch(/docker could not log in to .*[\s\S]*^docker says: .*status: 400 Bad Request/m)
  expect(result.summary).toContain('**docker says:**')
})

test('what a build prints of its secrets does not show, from four characters on; also when it fails', async () => {
  const docker = recordingDocker(join(cloud.folder, '.home'), true)
  docker.on(
    'build',
    'echo "pin $ECR_PUSH_BUILD_SECRET_0, in pin$ECR_PUSH_BUILD_SECRET_0., key $ECR_PUSH_BUILD_SECRET_1"; echo "wrong pin $ECR_PUSH_BUILD_SECRET_0" >&2; exit 1',
  )
  const result = await cloud.run(
    { repository: 'prod/app', context: 'app', push: 'false', 'build-secrets': 'pin=47-11\nkey=correct horse' },
    docker.environment,
  )
  expect([result.exitCode, result.outputs['status']]).toEqual([1, 'failed'])
  expect(result.stdout).toContain('docker | pin ***, in pin***., key ***\n')
  expect(errorOf(result)).toContain('wrong pin ***')
  const told = [result.stdout, result.summary, JSON.stringify([result.outputs, result.reports, result.annotations])]
  expect(told.join('\n')).not.toMatch(/47-11|correct horse/)
})
