import { execFile } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Programs of busybox that start scripts and health checks need. */
const APPLETS = [
  'cat',
  'cp',
  'date',
  'echo',
  'env',
  'false',
  'grep',
  'hostname',
  'id',
  'kill',
  'ls',
  'mkdir',
  'mv',
  'nc',
  'printenv',
  'ps',
  'pwd',
  'rm',
  'sed',
  'sh',
  'sleep',
  'tail',
  'test',
  'touch',
  'true',
  'wget',
  'whoami',
]

const DOCKERFILE = `FROM scratch
COPY root/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["node"]
`

/**
 * Fills a folder with a build context for `docker build`: a small base image of this machine's own Node and a static
 * busybox, for machines that can pull nothing.
 *
 * @param busybox path of a statically linked busybox (package busybox-static of Debian and Ubuntu)
 * @throws Error when busybox is not static
 */
export async function baseImageContext(
  directory: string,
  { busybox = '/bin/busybox', node = process.execPath }: { readonly busybox?: string; readonly node?: string } = {},
): Promise<void> {
  const root = join(directory, 'root')
  const binaries = join(root, 'bin')
  await mkdir(binaries, { recursive: true })
  if ((await sharedLibraries(busybox)).length > 0)
    throw new Error(`${busybox} is not statically linked; install busybox-static`)
  await copyFile(await realpath(busybox), join(binaries, 'busybox'))
  for (const applet of APPLETS) await symlink('busybox', join(binaries, applet))

  await place(node, join(root, 'usr/local/bin/node'))
  for (const library of await sharedLibraries(node)) await place(library, join(root, library))

  await mkdir(join(root, 'tmp'))
  await chmod(join(root, 'tmp'), 0o1777)
  await mkdir(join(root, 'root'))
  await mkdir(join(root, 'home/node'), { recursive: true })
  await place('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt')).catch(
    () => undefined,
  )
  await mkdir(join(root, 'etc'), { recursive: true })
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:node:/home/node:/bin/sh\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n')
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n')
  await writeFile(join(directory, 'Dockerfile'), DOCKERFILE)
}

/** Absolute paths of what a program is linked with, its loader included; empty for a static one. */
async function sharedLibraries(program: string): Promise<string[]> {
  const output = await run('ldd', [program]).then(
    ({ stdout }) => stdout,
    // ldd fails for a static program ("not a dynamic executable")
    () => '',
  )
  return [...output.matchAll(/(?:=>\s*|^\s*)(\/\S+)\s+\(0x/gm)].flatMap(([, path]) =>
    path === undefined ? [] : [path],
  )
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await cp(await realpath(from), to)
}
