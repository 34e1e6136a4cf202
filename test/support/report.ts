import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'

const ajv = new Ajv2020({ strict: true, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/)
const valid = ajv.compile(
  JSON.parse(readFileSync(new URL('../../packages/pipeline-report/report.schema.json', import.meta.url), 'utf8')),
)

/** The report of a run, as output and as files, must be what its schema says. @throws Error naming what is not */
export function requireValidReport({
  outputs,
  reports,
}: {
  readonly outputs: Readonly<Record<string, string>>
  readonly reports: readonly unknown[]
}): void {
  const line = outputs['report']
  for (const report of [...(line === undefined ? [] : [JSON.parse(line)]), ...reports]) {
    if (!valid(report)) throw new Error(`The report is not valid: ${ajv.errorsText(valid.errors)}`)
  }
}
