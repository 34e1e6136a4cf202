/** Measures what docs/benchmarks.md says, and writes it there. Run by scripts/bench, with names of measures for some of them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { billedMinutes } from './billed-minutes.ts'
import { deployPoller } from './deploy-poller.ts'
import { deployRuns } from './deploy-runs.ts'
import { exitNotice } from './exit-notice.ts'
import { hostDeploy } from './host-deploy.ts'
import { imagePush } from './image-push.ts'
import { logLines } from './log-lines.ts'
import type { Row } from './measure.ts'
import { pipelineOverhead } from './pipeline-overhead.ts'
import { smoke } from './smoke.ts'
import { ssmNotice } from './ssm-notice.ts'
import { startUp } from './start-up.ts'

const FILE = new URL('../../docs/benchmarks.md', import.meta.url)
const MEASURES = {
  startUp,
  logLines,
  exitNotice,
  imagePush,
  smoke,
  deployPoller,
  deployRuns,
  ssmNotice,
  hostDeploy,
  pipelineOverhead,
  billedMinutes,
}
/** names of measures; none: all of them */
const wanted = process.argv.slice(2)
const rows: Row[] = []
/** of what else runs on the machine: figures of a busy one are no promise */
const [load = 0] = loadavg()
for (const [name, measure] of Object.entries(MEASURES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const row of await measure()) {
    rows.push(row)
    console.log(`${row.met ? '✓' : '✗'} ${row.what}: ${row.ours}, ${row.other}, ratio ${row.ratio} (${row.aim})`)
  }
}
const page = readFileSync(FILE, 'utf8')
const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux, Node ${process.version}, load ${load.toFixed(1)} before it began`
const measured = new Map(
  rows.map(({ what, ours, other, ratio, aim, met }) => [
    what,
    `| ${what} | ${ours} | ${other} | ${ratio} | ${aim} | ${met ? 'yes' : 'no'} |`,
  ]),
)
// What was not measured now stays as it was.
const earlier = wanted.length === 0 ? [] : [...page.matchAll(/^\| (.+?) \| .* \|$/gm)].slice(2)
const partial = wanted.length === 0 ? '' : ` Only ${wanted.join(' and ')} ran; the other rows are of an earlier run.`
const lines = new Map([...earlier.map(([line, what = '']): [string, string] => [what, line]), ...measured])
const table = [
  `Measured on ${new Date().toISOString().slice(0, 10)} on one machine: ${machine}.${partial}`,
  '',
  '| what | ours | beside it | ratio | aim | met |',
  '| --- | --- | --- | --- | --- | --- |',
  ...lines.values(),
].join('\n')
writeFileSync(FILE, page.replace(/(<!-- bench:start -->)[\s\S]*(<!-- bench:end -->)/, `$1\n${table}\n$2`))
