/** Measures what docs/benchmarks.md says, and writes it there. Run by scripts/bench. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { deployPoller } from './deploy-poller.ts'
import { exitNotice } from './exit-notice.ts'
import { imagePush } from './image-push.ts'
import { logLines } from './log-lines.ts'
import type { Row } from './measure.ts'
import { smoke } from './smoke.ts'
import { ssmNotice } from './ssm-notice.ts'
import { startUp } from './start-up.ts'

const FILE = new URL('../../docs/benchmarks.md', import.meta.url)
const rows: Row[] = []
for (const measure of [startUp, logLines, exitNotice, imagePush, smoke, deployPoller, ssmNotice]) {
  for (const row of await measure()) {
    rows.push(row)
    console.log(`${row.met ? '✓' : '✗'} ${row.what}: ${row.ours}, ${row.other}, ratio ${row.ratio} (${row.aim})`)
  }
}
const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux, Node ${process.version}`
const table = [
  `Measured on ${new Date().toISOString().slice(0, 10)} on one machine: ${machine}.`,
  '',
  '| what | ours | beside it | ratio | aim | met |',
  '| --- | --- | --- | --- | --- | --- |',
  ...rows.map(
    ({ what, ours, other, ratio, aim, met }) =>
      `| ${what} | ${ours} | ${other} | ${ratio} | ${aim} | ${met ? 'yes' : 'no'} |`,
  ),
].join('\n')
const page = readFileSync(FILE, 'utf8')
writeFileSync(FILE, page.replace(/(<!-- bench:start -->)[\s\S]*(<!-- bench:end -->)/, `$1\n${table}\n$2`))
