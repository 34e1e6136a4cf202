import { lookup } from 'node:dns'

export interface Address {
  readonly address: string
  readonly family: number
}

/** The addresses of a name, in the order in which they should be tried. */
export type Lookup = (host: string) => Promise<readonly Address[]>

/** More than libuv's 4 threads, of which lookups may use half: one hanging name server must not hold up other names. */
const THREADS = '32'

/**
 * Looks names up as the machine does (`getaddrinfo`: hosts file, search domains). Attempts that want the same name at
 * the same time share one lookup. A lookup cannot be cancelled, and a process that exits waits for its thread
 * (libuv, uv_library_shutdown); so while one hangs the process leaves by `execve`, which waits for nothing.
 */
export function systemLookup(): Lookup {
  // Read by libuv when the first thread is needed.
  process.env['UV_THREADPOOL_SIZE'] ??= THREADS
  const pending = new Map<string, Promise<readonly Address[]>>()
  process.once('exit', code => {
    if (pending.size > 0) process.execve?.('/bin/sh', ['sh', '-c', `exit ${Number(code)}`], {})
  })
  return host => {
    const known = pending.get(host)
    if (known !== undefined) return known
    const asked = new Promise<readonly Address[]>((settle, fail) => {
      lookup(host, { all: true, order: 'verbatim' }, (error, addresses) => {
        pending.delete(host)
        if (error === null) settle(addresses)
        else fail(error)
      })
    })
    pending.set(host, asked)
    return asked
  }
}

/** localhost is both loopback addresses (RFC 6761, section 6.3), also where the hosts file knows but one. */
const LOOPBACK: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/** The addresses to try for a URL's host: families take turns, beginning with that of the first (RFC 8305, section 4). */
export async function addressesOf(host: string, family: number, look: Lookup): Promise<readonly Address[]> {
  if (family !== 0) return [{ address: host, family }]
  if (host === 'localhost') return LOOPBACK
  const found = await look(host)
  const first = found.filter(entry => entry.family === found[0]?.family)
  const second = found.filter(entry => entry.family !== found[0]?.family)
  return Array.from({ length: Math.max(first.length, second.length) }, (_, at) => [first[at], second[at]])
    .flat()
    .filter(entry => entry !== undefined)
}
