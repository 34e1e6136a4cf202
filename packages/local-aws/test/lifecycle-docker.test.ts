import { readFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { StopTaskCommand } from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { containerOf, type StartedCloud, startedCloud } from './support/cloud.ts'
import { pushImage } from './support/image.ts'

const busybox = '/bin/busybox'

let cloud: StartedCloud
let image: string
const shell = (name: string, text: string, more: object = {}) => ({
  ...cloud.container(name, ['busybox', 'sh', '-c', text]),
  image,
  ...more,
})

describeWith(['Docker Engine', 'busybox-static'], 'tasks on Docker', () => {
  beforeAll(async () => {
    cloud = await startedCloud({ engine: 'docker', speed: 100 })
    image = await pushImage(cloud.aws, 'box', {
      files: { 'bin/busybox': await readFile(busybox), 'bin/sh': { link: 'busybox' } },
      environment: ['PATH=/bin'],
      architecture: arch() === 'x64' ? 'amd64' : arch(),
    })
  })
  afterAll(async () => {
    await cloud.stop()
  })

  test('exit code, digest and log', async () => {
    const task = await cloud.ran([shell('app', 'echo hello; exit 3')])
    expect(containerOf(task, 'app')).toMatchObject({ exitCode: 3, imageDigest: expect.stringMatching(/^sha256:/) })
    expect(await cloud.lines(task.taskArn ?? '', 'app')).toEqual(['hello'])
  })

  test('out of memory: 137 and the agent’s reason', async () => {
    const eat = 'x=a; while true; do x=$x$x; done'
    const task = await cloud.ran([shell('app', eat, { memory: 16 })])
    expect(containerOf(task, 'app')).toMatchObject({
      exitCode: 137,
      reason: 'OutOfMemoryError: Container killed due to memory usage',
    })
    expect(task.stopCode).toBe('EssentialContainerExited')
  })

  test('SIGTERM, then SIGKILL', async () => {
    const { taskArn } = await cloud.start(
      await cloud.register([
        shell('app', 'trap "" TERM; echo ready; while true; do busybox sleep 1; done', { stopTimeout: 2 }),
      ]),
    )
    await cloud.speaking(taskArn, 'app')
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    expect(containerOf(await cloud.stopped(taskArn), 'app').exitCode).toBe(137)
  })

  test('a health check runs inside', async () => {
    const { taskArn } = await cloud.start(
      await cloud.register([
        shell('app', 'echo x > /alive; while true; do busybox sleep 1; done', {
          healthCheck: { command: ['CMD-SHELL', 'busybox test -f /alive'], interval: 5 },
          stopTimeout: 2,
        }),
      ]),
    )
    await cloud.until(taskArn, ({ healthStatus }) => healthStatus === 'HEALTHY')
    await cloud.ecs.send(new StopTaskCommand({ cluster: 'main', task: taskArn }))
    await cloud.stopped(taskArn)
  })

  test('missing tag and missing program', async () => {
    const missing = await cloud.ran([{ ...shell('app', 'true'), image: image.replace(':latest', ':none') }])
    expect(missing.stoppedReason).toMatch(/^CannotPullContainerError: /)
    const nothing = await cloud.ran([{ ...shell('app', 'true'), entryPoint: ['/no/such/program'] }])
    expect(containerOf(nothing, 'app').reason).toMatch(/^CannotStartContainerError: .*no such file or directory/)
  })
})
