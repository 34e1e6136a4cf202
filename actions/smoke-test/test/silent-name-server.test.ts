import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { listening } from '../../../test/support/servers.ts'

const BUNDLE = new URL('../dist/index.js', import.meta.url).pathname
/** A loopback address of its own, so that no other name server is in the way. */
const NAME_SERVER = '127.53.0.53'

describeWith(['mount namespaces and port 53'], 'a name server that never answers', () => {
  test('keeps neither the process alive nor other names from being looked up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'names-'))
    const silent = createSocket('udp4').bind(53, NAME_SERVER)
    await once(silent, 'listening')
    const server = await listening(createServer((_, response) => response.end('ok')))
    await writeFile(join(folder, 'resolv.conf'), `nameserver ${NAME_SERVER}\n`)
    await writeFile(join(folder, 'hosts'), '127.0.0.1 known.example.com\n')
    // The shell would drop a variable with a hyphen, so env sets that one.
    const mounts = `mount --bind ${folder}/resolv.conf /etc/resolv.conf && mount --bind ${folder}/hosts /etc/hosts`
    const hanging = Array.from({ length: 10 }, (_, at) => `http://hangs-${at}.example.com/`)
    const began = performance.now()
    const run = promisify(execFile)(
      'unshare',
      ['--mount', 'sh', '-c', `${mounts} && exec env INPUT_MAX-PARALLEL=20 "$0" "$1"`, process.execPath, BUNDLE],
      {
        env: {
          PATH: process.env['PATH'],
          RUNNER_TEMP: folder,
          INPUT_URLS: [...hanging, `http://known.example.com:${server.port}/`].join('\n'),
          INPUT_TIMEOUT: '2s',
        },
      },
    )
    try {
      // glibc gives a name up after twice 5 s, and a process that exits waits for the thread that does it.
      await expect(run).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/known\.example\.com:\d+\/ \| passed after 1 attempt/),
      })
      expect(performance.now() - began).toBeLessThan(7000)
    } finally {
      silent.close()
      await server.close()
      await rm(folder, { recursive: true })
    }
  })
})
