import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { documents } from './documents.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const root = process.cwd()
const { files, problems } = documents(root)
const stale = files.filter(({ upToDate }) => !upToDate)

for (const problem of problems) console.error(problem)
for (const { path, text } of stale) {
  if (values.check) console.error(`${path}: is not up to date.`)
  else {
    writeFileSync(join(root, path), text)
    console.log(`${path}: written.`)
  }
}
if (values.check && stale.length > 0) console.error('Run scripts/catalog and commit what it writes.')
if (stale.length === 0 && problems.length === 0) console.log(`${files.length} generated files are up to date.`)
process.exitCode = problems.length > 0 || (values.check && stale.length > 0) ? 1 : 0
