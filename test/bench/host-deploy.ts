import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pushImage } from '../../packages/local-aws/test/support/image.ts'
import { type HostCloud, startHostCloud } from '../support/host-cloud.ts'
import { freePort } from '../support/servers.ts'
import { median, type Row, seconds } from './measure.ts'

const RUNS = 5
const IMAGE_MB = 100
const REQUEST_EVERY_MS = 20
const MOST_MB = 400
/** How much longer than with compose alone nothing may answer (ms). */
const MORE_DOWNTIME_MS = 500
const run = promisify(execFile)

const COMPOSE = `services:
  web:
    image: IMAGE:\${TAG}
    restart: always
    stop_grace_period: 5s
    ports: ["127.0.0.1:PORT:8080"]
`
const SERVER = '/bin/busybox httpd -f -p 8080 -h /www & server=$!; trap "kill $server; exit 0" TERM; wait'

/** What a deploy of a new image asks of the host, and how long nothing answers meanwhile; with a real Docker Engine. */
export async function hostDeploy(): Promise<Row[]> {
  const missing = await missingHere()
  if (missing !== undefined) {
    console.log(`– hostDeploy is skipped: ${missing}`)
    return []
  }
  const cloud = await startHostCloud()
  try {
    const port = await freePort()
    const mark = `BENCH_HOST=${randomBytes(8).toString('hex')}`
    const host = await cloud.addHost(
      { environment: { BENCH_HOST: mark.slice(mark.indexOf('=') + 1) } },
      COMPOSE.replace('PORT', String(port)),
    )
    const inputs = { 'instance-ids': host.id, directory: host.directory, 'keep-releases': '0' }
    await push(cloud, 'first')
    await deployed(cloud, { ...inputs, env: 'TAG=first' })
    const memory: number[] = []
    const ours: number[] = []
    const composes: number[] = []
    for (let number = 0; number < RUNS; number++) {
      const tag = `v${number}`
      await push(cloud, tag)
      const used = memoryWatch(mark)
      const downtime = await longestGap(port, () => deployed(cloud, { ...inputs, env: `TAG=${tag}` }))
      ours.push(downtime)
      memory.push(await used.peakBytes())
      // The same change by compose alone: the image is there already.
      await push(cloud, `plain${number}`)
      const image = `${cloud.repository}:plain${number}`
      await run('docker', ['--config', host.host.dockerConfig, 'pull', image])
      await writeFile(join(host.directory, '.env'), `TAG=plain${number}\n`)
      composes.push(await longestGap(port, () => run('docker', ['compose', 'up', '-d'], { cwd: host.directory })))
    }
    const peak = Math.max(...memory) / 2 ** 20
    const [down, alone] = [median(ours), median(composes)]
    return [
      {
        what: `Memory on the host while a new image of ${IMAGE_MB} MB is deployed, beyond the application: the deploy's processes and what Docker grows by (most of ${RUNS})`,
        ours: `${Math.round(peak)} MB`,
        other: '–',
        ratio: '–',
        aim: `at most ${MOST_MB} MB`,
        met: peak <= MOST_MB,
      },
      {
        what: `Longest time without an answer during a deploy that replaces the container (median of ${RUNS}), beside \`docker compose up\` alone`,
        ours: seconds(down),
        other: seconds(alone),
        ratio: (down / alone).toFixed(2),
        aim: `at most ${seconds(MORE_DOWNTIME_MS)} more`,
        met: down <= alone + MORE_DOWNTIME_MS,
      },
    ]
  } finally {
    await cloud.stop()
  }
}

async function missingHere(): Promise<string | undefined> {
  const needs = [
    ['no Docker Engine answers', 'docker', 'version'],
    ['docker has no compose plugin', 'docker', 'compose', 'version'],
    ['there is no static /bin/busybox', '/bin/busybox', 'true'],
  ] as const
  for (const [reason, command, ...words] of needs) {
    if (
      !(await run(command, words).then(
        () => true,
        () => false,
      ))
    )
      return reason
  }
  return undefined
}

async function push({ aws }: HostCloud, tag: string): Promise<void> {
  await pushImage(
    aws,
    'shop/app',
    {
      files: { 'bin/busybox': await readFile('/bin/busybox'), 'bin/sh': { link: 'busybox' }, 'www/index.html': tag },
      layers: [{ 'data/random': randomBytes(IMAGE_MB * 2 ** 20) }],
      entryPoint: ['/bin/sh', '-c'],
      command: [SERVER],
    },
    tag,
  )
}

async function deployed(cloud: HostCloud, inputs: Readonly<Record<string, string>>): Promise<void> {
  const { exitCode, stdout } = await cloud.run(inputs)
  if (exitCode !== 0) throw new Error(stdout)
}

/** Asks the server all the while; the longest time without an answer, from the beginning to the end (ms). */
async function longestGap(port: number, work: () => Promise<unknown>): Promise<number> {
  const answers: number[] = []
  const ask = (): void => {
    const request = get({ host: '127.0.0.1', port, agent: false, timeout: 1000 }, response => {
      response.resume().on('end', () => answers.push(Date.now()))
    })
    // Refused, reset or silent: no answer.
    request.on('error', () => undefined).on('timeout', () => request.destroy())
  }
  const began = Date.now()
  const asking = setInterval(ask, REQUEST_EVERY_MS)
  try {
    await work()
    await new Promise(settle => setTimeout(settle, 1000))
  } finally {
    clearInterval(asking)
  }
  // A server that never answers again has a gap up to the end.
  const moments = [began, ...answers, Date.now()]
  return Math.max(...moments.map((at, index) => at - (moments[index - 1] ?? at)))
}

/** Watches what the processes with a variable in their environment hold, and by how much Docker's own have grown. */
function memoryWatch(variable: string): { peakBytes(): Promise<number> } {
  let peak = 0
  let isOver = false
  const watching = (async () => {
    const before = (await memoryNow(variable)).docker
    while (!isOver) {
      const now = await memoryNow(variable)
      peak = Math.max(peak, now.deploy + Math.max(0, now.docker - before))
      await new Promise(settle => setTimeout(settle, 50))
    }
  })()
  return {
    peakBytes: async () => {
      isOver = true
      await watching
      return peak
    },
  }
}

async function memoryNow(variable: string): Promise<{ deploy: number; docker: number }> {
  const sum = { deploy: 0, docker: 0 }
  const ids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  await Promise.all(
    ids.map(async id => {
      const read = (file: string): Promise<string> => readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '')
      const name = (await read('comm')).trim()
      const isDocker = /^(?:dockerd|containerd.*|docker-proxy|runc)$/.test(name)
      if (!isDocker && !(await read('environ')).split('\0').includes(variable)) return
      // Proportional: what processes share counts once.
      const kilobytes = Number(/^Pss:\s+(\d+)/m.exec(await read('smaps_rollup'))?.[1] ?? 0)
      sum[isDocker ? 'docker' : 'deploy'] += kilobytes * 1024
    }),
  )
  return sum
}
