import { connect, createServer } from 'node:net'

/** What containers reach instead of a port of this machine's loopback. */
export interface Door {
  readonly host: string
  readonly port: number
  close(): void
}

/**
 * What listens on loopback alone cannot be reached from a bridge network: this hands on what comes to the bridge's address
 * on the host, which containers on the host's network reach too. Where the host does not have that address (Docker in a
 * virtual machine), `host.docker.internal` leads to the host's loopback by itself.
 */
export async function doorTo(port: number, address: string): Promise<Door> {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer(inside => {
    const outside = connect(port, '127.0.0.1')
    for (const socket of [inside, outside]) {
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        inside.destroy()
        outside.destroy()
      })
      socket.once('error', () => socket.destroy())
    }
    inside.pipe(outside).pipe(inside)
  })
  const isOpen = await new Promise<boolean>(settle => {
    server.once('error', () => settle(false))
    server.listen(0, address, () => settle(true))
  })
  const bound = server.address()
  if (!isOpen || typeof bound !== 'object' || bound === null)
    return { host: 'host.docker.internal', port, close: () => {} }
  return {
    host: address,
    port: bound.port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
