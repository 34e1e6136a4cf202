// Run after npm install where `npm ci` then says "Missing: … from lock file": npm leaves optional packages of other
// platforms out of the lockfile when the registry at hand does not have them, and refuses its own file (npm/cli#9846).
// Adds an entry for each; npm fills in the rest on machines of that platform.
import { readFileSync, writeFileSync } from 'node:fs'

const SYSTEMS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'wasi',
  'sunos',
  'openbsd',
  'netbsd',
  'aix',
]
const PROCESSORS = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32', 'mips64el']

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const added = {}
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const top = `node_modules/${name}`
    if (lock.packages[`${path}/${top}`] || lock.packages[top]) continue
    const words = name.split(/[/-]/)
    const system = words.find(word => SYSTEMS.includes(word))
    const processor = words.find(word => PROCESSORS.includes(word))
    added[top] = {
      version: range.replace(/^[~^]/, ''),
      ...(processor ? { cpu: [processor] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...(system ? { os: [system] } : {}),
      ...(system === 'linux' ? { libc: [name.includes('musl') ? 'musl' : 'glibc'] } : {}),
    }
  }
}
const sorted = Object.entries({ ...lock.packages, ...added }).sort(([a], [b]) => (a < b ? -1 : 1))
writeFileSync('package-lock.json', `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`)
console.log(`${Object.keys(added).length} entries added`)
