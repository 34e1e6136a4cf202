import { readdir, readFile } from 'node:fs/promises'
import { isRecord } from '../smithy.ts'

/** Sends a signal to a process group; one that is gone already is fine. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  signalled(-leader, signal)
}

/**
 * Kills every process whose environment began with this line, also those that made a session of their own; again until
 * none is left, because one may be forking right now. Linux only: elsewhere nothing is found.
 */
export async function killMarked(marker: string): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    const pids = await marked(marker)
    if (pids.length === 0) return
    for (const pid of pids) signalled(pid, 'SIGKILL')
    await new Promise(resolve => setTimeout(resolve, 2 + round))
  }
}

async function marked(marker: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const found = await Promise.all(
    names
      .filter(name => /^\d+$/.test(name))
      .map(async name => {
        const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '')
        return environment.split('\0').includes(marker) ? Number(name) : undefined
      }),
  )
  return found.flatMap(pid => (pid === undefined || pid === process.pid ? [] : [pid]))
}

function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(isRecord(error) && error.code === 'ESRCH')) throw error
  }
}
