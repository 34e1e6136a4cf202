import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documentedWorkflows } from './documented-workflows.ts'

// write-workflows.ts FOLDER: the whole workflows of the documents as files, for what reads files.
const [folder = ''] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
for (const { where, yaml } of documentedWorkflows(process.cwd()).filter(({ whole }) => whole)) {
  writeFileSync(join(folder, `${where.replace(/\.md#/, '-').replaceAll('/', '_')}.yml`), yaml)
}
