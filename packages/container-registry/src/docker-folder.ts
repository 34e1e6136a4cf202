import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const PREFIX = 'ecr-push-docker-'

/** A folder under RUNNER_TEMP for what docker leaves during a step: its login, the id of the built image. */
export async function dockerFolder(temp: string): Promise<string> {
  await mkdir(temp, { recursive: true })
  return mkdtemp(join(temp, PREFIX))
}

/**
 * Ends docker commands that still use the folder (their arguments name it) and removes it. Does nothing for a folder that
 * {@link dockerFolder} did not make under `temp`. May be called twice: by the step, and by `post` when the step was killed.
 */
export async function removeDockerFolder(folder: string, temp: string): Promise<void> {
  if (!basename(folder).startsWith(PREFIX) || resolve(dirname(folder)) !== resolve(temp)) return
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const running = await dockersUsing(folder)
    for (const pid of running) {
      try {
        process.kill(-pid, signal)
      } catch {
        // A plugin is in the group of its docker, which may be gone already.
        alone(pid, signal)
      }
    }
    for (let waits = 0; waits < 20 && (await dockersUsing(folder)).length > 0; waits++) await delay(100)
  }
  await rm(folder, { recursive: true, force: true })
}

function alone(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it ended by itself
  }
}

async function dockersUsing(folder: string): Promise<number[]> {
  const processes = await readdir('/proc').catch((): string[] => [])
  const found = await Promise.all(
    processes
      .filter(name => /^\d+$/.test(name))
      .map(async name => {
        const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0')
        const uses =
          /^docker(?:-buildx)?$/.test(basename(words[0] ?? '')) && words.some(word => word.includes(`${folder}/`))
        return uses ? [Number(name)] : []
      }),
  )
  return found.flat()
}
