import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { RunTaskCommand } from '@aws-sdk/client-ecs'
import { startTaskCloud } from '../support/task-cloud.ts'
import { inParallel, quantile, type Row, seconds } from './measure.ts'

const RUNS = 30

/**
 * From the container's exit to `exit-code` being known, through the bundle, beside `aws ecs wait tasks-stopped`. AWS's
 * slow steps run ten times as fast, which only helps the other side: it waits for deprovisioning too.
 */
export async function exitNotice(): Promise<Row[]> {
  const cloud = await startTaskCloud({ speed: 10 })
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  try {
    const runs = Array.from({ length: RUNS }, (_, run) => run)
    const script = (file: string): string => `sleep ${(1 + 4 * Math.random()).toFixed(3)}; date +%s%3N > ${file}`
    const ours = await inParallel(3, runs, async run => {
      const file = join(folder, `ours-${run}`)
      await cloud.register(`ours-${run}`, { app: script(file) })
      let knownAt = 0
      const action = await cloud.start(
        { 'task-definition': `ours-${run}`, preflight: 'false' },
        'run-ecs-task',
        text => {
          if (text.includes('exited with 0')) knownAt = Date.now()
        },
      )
      await action.result
      return knownAt - Number(await readFile(file, 'utf8'))
    })
    const others = await inParallel(3, runs, async run => {
      const file = join(folder, `other-${run}`)
      const revision = await cloud.register(`other-${run}`, { app: script(file) })
      const { tasks = [] } = await cloud.ecs.send(
        new RunTaskCommand({
          cluster: 'apps',
          taskDefinition: revision,
          launchType: 'FARGATE',
          networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0a1b2c'] } },
        }),
      )
      await promisify(execFile)(
        'aws',
        ['ecs', 'wait', 'tasks-stopped', '--cluster', 'apps', '--tasks', tasks[0]?.taskArn ?? ''],
        {
          env: { ...process.env, ...cloud.aws.environment() },
        },
      )
      return Date.now() - Number(await readFile(file, 'utf8'))
    })
    const row = (what: string, part: number, aim: number): Row => ({
      what: `From the container's exit to \`exit-code\`, ${what} of ${RUNS} runs, beside \`aws ecs wait tasks-stopped\``,
      ours: seconds(quantile(ours, part)),
      other: seconds(quantile(others, part)),
      ratio: (quantile(ours, part) / quantile(others, part)).toFixed(2),
      aim: `at most ${aim} s`,
      met: quantile(ours, part) <= aim * 1000,
    })
    return [row('median', 0.5, 1.5), row('95th percentile', 0.95, 2.5)]
  } finally {
    await cloud.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
