import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BUNDLE = new URL('../dist/index.js', import.meta.url).pathname

/** The addresses of a name, as octets; one family can be missing. */
export interface NameRecord {
  /** 4 octets */
  readonly A?: readonly number[]
  /** 16 octets */
  readonly AAAA?: readonly number[]
}

/** How a run of the bundle ended. */
interface Ended {
  /** exit code */
  readonly code: number
  readonly stdout: string
  /** milliseconds, from the beginning of the step: starting the process can take long on a busy machine */
  readonly took: number
}

/** A machine with a name server and a hosts file of its own, to run the bundle on; root only. */
export interface OwnNames {
  run(inputs: Readonly<Record<string, string>>): Promise<Ended>
  close(): Promise<void>
}

/**
 * @param address of the name server: a loopback one of its own, so that no other is in the way
 * @param look what a name means now; undefined: it does not exist; never: no answer at all
 */
export async function startNames(
  address: string,
  look: (name: string) => NameRecord | undefined | 'never',
  hosts = '',
): Promise<OwnNames> {
  const folder = await mkdtemp(join(tmpdir(), 'names-'))
  const server = createSocket('udp4').bind(53, address)
  await once(server, 'listening')
  server.on('message', (query, { port, address: asking }) => {
    const found = look(nameIn(query))
    if (found !== 'never') server.send(answerTo(query, found), port, asking)
  })
  await writeFile(join(folder, 'resolv.conf'), `nameserver ${address}\n`)
  await writeFile(join(folder, 'hosts'), hosts)
  const mounts = `mount --bind ${folder}/resolv.conf /etc/resolv.conf && mount --bind ${folder}/hosts /etc/hosts`
  return {
    run: async inputs => {
      // The shell would drop variables with a hyphen, so env sets them.
      const set = Object.entries(inputs).map(([name, value]) => `INPUT_${name.toUpperCase()}=${value}`)
      const script = `${mounts} && exec env "$@"`
      const args = ['--mount', 'sh', '-c', script, 'sh', ...set, process.execPath, BUNDLE]
      const reports = join(folder, 'deploy-reports')
      await rm(reports, { recursive: true, force: true })
      const options = { env: { PATH: process.env['PATH'], RUNNER_TEMP: folder } }
      const ended = await new Promise<Omit<Ended, 'took'> & { readonly at: number }>(settle => {
        const child = execFile('unshare', args, options, (_, stdout) =>
          settle({ code: child.exitCode ?? -1, stdout, at: Date.now() }),
        )
      })
      const [report = ''] = await readdir(reports)
      const { startedAt } = JSON.parse(await readFile(join(reports, report), 'utf8'))
      return { ...ended, took: ended.at - Date.parse(startedAt) }
    },
    close: async () => {
      server.close()
      await rm(folder, { recursive: true })
    },
  }
}

const HEADER = 12

/** The name of the one question (RFC 1035, section 4.1.2). */
function nameIn(query: Buffer): string {
  const labels: string[] = []
  for (let at = HEADER; (query[at] ?? 0) > 0; at += (query[at] ?? 0) + 1)
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  return labels.join('.')
}

/** RFC 1035, section 4.1: the question again, and one answer where there is one; code 3 is "no such name". */
function answerTo(query: Buffer, found: NameRecord | undefined): Buffer {
  const end = query.indexOf(0, HEADER) + 5
  const type = query.readUInt16BE(end - 4)
  const octets = type === 1 ? found?.A : type === 28 ? found?.AAAA : undefined
  const header = Buffer.alloc(HEADER)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(found === undefined ? 0x8183 : 0x8180, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(octets === undefined ? 0 : 1, 6)
  const record = octets === undefined ? [] : [0xc0, HEADER, 0, type, 0, 1, 0, 0, 0, 0, 0, octets.length, ...octets]
  return Buffer.concat([header, query.subarray(HEADER, end), Buffer.from(record)])
}
