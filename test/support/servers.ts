import { createServer, type RequestListener } from 'node:http'
import { createServer as createPlainServer, type Server, type Socket } from 'node:net'

/** A server on a free port of a loopback address. */
export interface Listening {
  readonly port: number
  /** connections that are open now */
  readonly open: ReadonlySet<Socket>
  /** connections there ever were */
  readonly count: () => number
  readonly close: () => Promise<void>
}

export async function listening(server: Server, host = '127.0.0.1', port = 0): Promise<Listening> {
  const open = new Set<Socket>()
  let count = 0
  server.on('connection', (socket: Socket) => {
    count++
    open.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => open.delete(socket))
  })
  await new Promise<void>((settle, fail) => server.once('error', fail).listen(port, host, settle))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    open,
    count: () => count,
    close: () => {
      for (const socket of open) socket.destroy()
      return new Promise(settle => server.close(() => settle()))
    },
  }
}

export const http = (answer: RequestListener, host?: string): Promise<Listening> =>
  listening(createServer(answer), host)

/** A server that says these bytes, whatever it is asked. */
export const raw = (say: (socket: Socket) => void): Promise<Listening> => listening(createPlainServer(say))

/** A port of the loopback address that nobody has, for something that is told which to take. */
export async function freePort(): Promise<number> {
  const { port, close } = await http(() => {})
  await close()
  return port
}
