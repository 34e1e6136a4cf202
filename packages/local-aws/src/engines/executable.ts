import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { StartError } from '../engine.ts'

/** runc's words around every failed start, as ECS shows them in CannotStartContainerError */
const runc =
  'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: '

/**
 * The file that a container's command names: an absolute path inside the unpacked root where it exists there, else on
 * the host; a bare name on `path`.
 * @throws StartError with runc's text
 */
export async function executableOf(
  command: string,
  root: string,
  workingDirectory: string,
  path: string,
): Promise<string> {
  if (command.includes('/')) {
    const candidates = isAbsolute(command) ? [join(root, command), command] : [join(workingDirectory, command)]
    for (const candidate of candidates) if (await isExecutable(candidate)) return await checked(candidate, command)
    const exists = await Promise.all(candidates.map(isFile))
    if (exists.includes(true)) throw new StartError(`${runc}exec: "${command}": permission denied: unknown`)
    throw new StartError(`${runc}exec: "${command}": stat ${command}: no such file or directory: unknown`)
  }
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, command)
    if (await isExecutable(candidate)) return await checked(candidate, command)
  }
  throw new StartError(`${runc}exec: "${command}": executable file not found in $PATH: unknown`)
}

/** The error for a program of another architecture. */
export function formatError(command: string): StartError {
  return new StartError(`${runc}exec ${command}: exec format error: unknown`)
}

async function isExecutable(file: string): Promise<boolean> {
  if (!(await isFile(file))) return false
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found?.isFile() ?? false
}

/** `e_machine` of the ELF header (elf.h): EM_X86_64, EM_AARCH64 */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 }

async function checked(file: string, command: string): Promise<string> {
  const handle = await open(file)
  try {
    const head = Buffer.alloc(20)
    await handle.read(head, 0, head.length, 0)
    const isElf = head.toString('latin1', 0, 4) === '\x7fELF'
    if (isElf && head.readUInt16LE(18) !== machines[process.arch]) throw formatError(command)
    return file
  } finally {
    await handle.close()
  }
}
