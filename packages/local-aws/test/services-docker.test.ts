import { readFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { pushImage } from './support/image.ts'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud

/** a web server with a port of its own will, which no variable changes */
const program = (version: string) =>
  `mkdir -p /www; echo ${version} > /www/index.html; echo ok > /www/health; exec busybox httpd -f -p 8080 -h /www`

describeWith(['Docker Engine', 'bridge network', 'busybox-static'], 'services on Docker', () => {
  beforeAll(async () => {
    cloud = await startedWebCloud({ engine: 'docker', speed: 50 })
  })
  afterAll(async () => {
    await cloud.stop()
  })

  test('several tasks with one hard-coded port run side by side, and roll', async () => {
    const image = await pushImage(cloud.aws, 'box', {
      files: { 'bin/busybox': await readFile('/bin/busybox'), 'bin/sh': { link: 'busybox' } },
      environment: ['PATH=/bin'],
      architecture: arch() === 'x64' ? 'amd64' : arch(),
    })
    const define = (version: string) => {
      const command = ['busybox', 'sh', '-c', program(version)]
      const container = cloud.container('web', command, { image, portMappings: [{ containerPort: 8080 }] })
      return cloud.register([container], { family: 'web' })
    }
    await cloud.create('web', await define('one'))
    await cloud.settled('web')
    expect((await cloud.health('web')).map(({ State }) => State)).toEqual(['healthy', 'healthy'])
    expect(await (await fetch(cloud.url)).text()).toBe('one\n')
    await cloud.update('web', { taskDefinition: await define('two') })
    await cloud.settled('web', 60_000)
    expect(await (await fetch(cloud.url)).text()).toBe('two\n')
  }, 90_000)
})
