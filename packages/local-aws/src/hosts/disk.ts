import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/**
 * Puts a disk of its own, in memory, on a folder: it can be full as real ones are.
 * @throws Error when this user may not mount
 */
export async function mountDisk(directory: string, kilobytes: number): Promise<void> {
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'local-aws-host', directory])
  } catch (error) {
    throw new Error(`diskKilobytes needs root: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Takes it away, at once also where a process that is being killed still has a file open there. */
export async function unmountDisk(directory: string): Promise<void> {
  await execute('umount', ['--lazy', directory])
}
