import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** A certificate authority of our own, and what it signed. */
export interface Authority {
  /** file for NODE_EXTRA_CA_CERTS */
  readonly file: string
  /** for `localhost`, `127.0.0.1` and `::1`, valid for so many days from now; signed by itself when asked for */
  certificate(options: {
    readonly days: number
    readonly selfSigned?: boolean
    readonly names?: string
  }): Promise<Certificate>
  remove(): Promise<void>
}

const OURS = 'DNS:localhost,IP:127.0.0.1,IP:::1'

/** Needs the openssl command. */
export async function startAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'))
  const openssl = (...args: string[]): Promise<unknown> => promisify(execFile)('openssl', args, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '365',
    '-subj',
    '/CN=test authority',
  )
  let count = 0
  return {
    file: join(folder, 'ca.pem'),
    certificate: async ({ days, selfSigned = false, names = OURS }) => {
      const name = `leaf-${count++}`
      const subject = ['-subj', '/CN=localhost', '-keyout', `${name}.key`]
      if (selfSigned) {
        const extension = ['-addext', `subjectAltName=${names}`]
        await openssl('req', '-x509', ...newKey, ...subject, '-out', `${name}.pem`, '-days', String(days), ...extension)
      } else {
        await openssl('req', ...newKey, ...subject, '-out', `${name}.csr`)
        await writeFile(join(folder, `${name}.ext`), `subjectAltName=${names}\n`)
        const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', String(count)]
        const what = ['-req', '-in', `${name}.csr`, '-out', `${name}.pem`, '-days', String(days)]
        await openssl('x509', ...what, ...signer, '-extfile', `${name}.ext`)
      }
      const read = (suffix: string): Promise<string> => readFile(join(folder, `${name}.${suffix}`), 'utf8')
      return { key: await read('key'), cert: await read('pem') }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
