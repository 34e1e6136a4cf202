import { connect, type Socket } from 'node:net'
import type { Address } from './lookup.ts'

/** RFC 8305, section 5: the "Connection Attempt Delay". */
const HEAD_START_MS = 250

/**
 * The first connection that any of the addresses takes. The next address is tried when one fails, or after 250 ms while
 * the earlier attempts go on (Node's own `autoSelectFamily` gives them up, and so fails where the first is slow and the
 * second dead).
 * @throws AggregateError with one error per address; the signal's reason
 */
export function firstConnection(addresses: readonly Address[], port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((settle, fail) => {
    const open = new Set<Socket>()
    const errors: Error[] = []
    const waiting = [...addresses]
    let timer: NodeJS.Timeout | undefined
    const finish = (winner: Socket | undefined): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      for (const socket of open) if (socket !== winner) socket.destroy()
      waiting.length = 0
    }
    const abort = (): void => {
      finish(undefined)
      fail(signal.reason)
    }
    const attempt = (): void => {
      clearTimeout(timer)
      const next = waiting.shift()
      if (next === undefined) {
        if (open.size > 0) return
        finish(undefined)
        fail(new AggregateError(errors, 'no address takes a connection'))
        return
      }
      const socket = connect({ host: next.address, port, family: next.family, noDelay: true })
      open.add(socket)
      socket.once('connect', () => {
        finish(socket)
        socket.removeAllListeners('error')
        settle(socket)
      })
      // Stays, so that a loser's late error is nobody's surprise.
      socket.on('error', error => {
        if (!open.delete(socket)) return
        errors.push(error)
        attempt()
      })
      if (waiting.length > 0) timer = setTimeout(attempt, HEAD_START_MS)
    }
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    attempt()
  })
}
