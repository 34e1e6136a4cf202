import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type LocalAws, startLocalAws } from '@aws-deploy-actions/local-aws'
import { startJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { SendCommandCommand, SSMClient } from '@aws-sdk/client-ssm'
import { inParallel, quantile, type Row, seconds } from './measure.ts'

const RUNS = 30
const MANY_HOSTS = 10
const ACTION = new URL('../../actions/ssm-pull-deploy', import.meta.url).pathname
/** How long the hosts work while calls are counted (s). */
const COUNTED_SECONDS = 12

/**
 * From the script's end on the host to the verdict, through the bundle, beside `aws ssm wait command-executed`; and what
 * waiting for ten hosts asks of the API, beside one host.
 */
export async function ssmNotice(): Promise<Row[]> {
  // Real steps of AWS's: the agent's report takes 0.3 s of what is measured.
  const aws = await startLocalAws({ speed: 1 })
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  try {
    const runs = Array.from({ length: RUNS }, (_, run) => run)
    const ours = await inParallel(3, runs, async run => {
      const file = join(folder, `ours-${run}`)
      const id = await addHost(aws, run, file, 1 + 4 * Math.random())
      const { knownAt } = await deployed(aws, id)
      return knownAt - Number(await readFile(file, 'utf8'))
    })
    const others = await inParallel(3, runs, async run => {
      const file = join(folder, `other-${run}`)
      const id = await addHost(aws, RUNS + run, file, 0)
      const commands = [`sleep ${(1 + 4 * Math.random()).toFixed(3)}; date +%s%3N >${file}`]
      const ssm = new SSMClient({ endpoint: aws.endpoint, region: 'eu-west-1', credentials: EXAMPLE })
      const { Command } = await ssm.send(
        new SendCommandCommand({ DocumentName: 'AWS-RunShellScript', InstanceIds: [id], Parameters: { commands } }),
      )
      ssm.destroy()
      const waiter = ['ssm', 'wait', 'command-executed', '--command-id', Command?.CommandId ?? '', '--instance-id', id]
      // Before the invocation can be read the waiter fails: a script has to sleep first.
      await new Promise(settle => setTimeout(settle, 1500))
      await promisify(execFile)('aws', waiter, { env: { ...process.env, ...aws.environment() } })
      return Date.now() - Number(await readFile(file, 'utf8'))
    })
    const row = (what: string, part: number, aim: number): Row => ({
      what: `From the script's end on the host to the verdict, ${what} of ${RUNS} deploys, beside \`aws ssm wait command-executed\``,
      ours: seconds(quantile(ours, part)),
      other: seconds(quantile(others, part)),
      ratio: (quantile(ours, part) / quantile(others, part)).toFixed(2),
      aim: `at most ${aim} s`,
      met: quantile(ours, part) <= aim * 1000,
    })
    return [row('median', 0.5, 1), row('95th percentile', 0.95, 2), await calls(aws, folder)]
  } finally {
    await aws.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function calls(aws: LocalAws, folder: string): Promise<Row> {
  const counted = async (from: number, hosts: number): Promise<number> => {
    const ids = await Promise.all(
      Array.from({ length: hosts }, (_, index) =>
        addHost(aws, from + index, join(folder, `counted-${from + index}`), COUNTED_SECONDS),
      ),
    )
    const since = aws.journal().length
    await deployed(aws, ids.join('\n'), { 'max-concurrency': '100%' })
    return aws
      .journal()
      .slice(since)
      .filter(({ service }) => service === 'ssm').length
  }
  const one = await counted(200, 1)
  const many = await counted(300, MANY_HOSTS)
  return {
    what: `Calls to watch a command of ${COUNTED_SECONDS} s on ${MANY_HOSTS} hosts, beside one host`,
    ours: String(many),
    other: String(one),
    ratio: (many / one).toFixed(2),
    aim: 'at most 3 more',
    met: many <= one + 3,
  }
}

const EXAMPLE = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' }

/** A host on which the program for hosts only waits, notes the time, and has a result. */
async function addHost(aws: LocalAws, number: number, file: string, waits: number): Promise<string> {
  const instanceId = `i-0123456789abc${number.toString(16).padStart(4, '0')}`
  const result =
    '{"ssm-pull-deploy":1,"status":"deployed","reason":"","phase":"","takeBack":"","services":[],"seconds":1,"log":"","evidence":[]}'
  const bash = `#!/bin/sh\nrm -rf "$2"\nsleep ${waits.toFixed(3)}\necho '${result}'\ndate +%s%3N >${file}\n`
  await aws.addHost({ instanceId, tools: { bash } })
  return instanceId
}

async function deployed(
  aws: LocalAws,
  ids: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ knownAt: number }> {
  let knownAt = 0
  const action = await startJavaScriptAction(ACTION, {
    inputs: { 'instance-ids': ids, directory: '/opt/shop', ...more },
    environment: aws.environment(),
    onOutput: text => {
      if (text.includes(': deployed')) knownAt = Date.now()
    },
  })
  const { exitCode, stdout } = await action.result
  if (exitCode !== 0) throw new Error(stdout)
  return { knownAt }
}
