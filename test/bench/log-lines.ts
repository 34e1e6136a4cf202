import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { startTaskCloud, type TaskCloud } from '../support/task-cloud.ts'
import { median, peakMemoryKiB, type Row } from './measure.ts'

const LINES = 100_000
const RUNS = 3

/** Following 100,000 lines live, beside the AWS CLI reading the same stream afterwards; and our greatest memory. */
export async function logLines(): Promise<Row[]> {
  const cloud = await startTaskCloud({ speed: 50 })
  try {
    const source = `let text = ''; for (let i = 0; i < ${LINES}; i++) text += 'line ' + i + ' of a log, padded to about a hundred bytes '.padEnd(90, '.') + '\\n'; process.stdout.write(text)`
    await cloud.register('chatty', {
      app: { entryPoint: ['node', '-e'], command: [`${source}; setTimeout(() => {}, 8000)`] },
    })
    const ours: number[] = []
    const others: number[] = []
    let peakKiB = 0
    for (let run = 0; run < RUNS; run++) {
      let first = 0
      let last = 0
      const action = await cloud.start({ 'task-definition': 'chatty' }, 'run-ecs-task', text => {
        if (!text.includes('app | line')) return
        first ||= performance.now()
        last = performance.now()
      })
      const watch = setInterval(() => {
        peakKiB = Math.max(peakKiB, peakMemoryKiB(action.pid))
      }, 20)
      const { outputs, stdout } = await action.result
      clearInterval(watch)
      const lines = stdout.split('\n').filter(line => line.startsWith('app | line')).length
      if (lines !== LINES) throw new Error(`${lines} of ${LINES} lines`)
      ours.push(LINES / ((last - first) / 1000))
      const [{ group, stream }] = JSON.parse(outputs['log-streams'] ?? '')
      const began = performance.now()
      const read = await plainRead(cloud, group, stream)
      if (read !== LINES) throw new Error(`${read} of ${LINES} lines`)
      others.push(LINES / ((performance.now() - began) / 1000))
    }
    const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')} lines/s`
    return [
      {
        what: `Following ${LINES.toLocaleString('en')} lines, beside a bare loop over GetLogEvents reading them afterwards (median of ${RUNS})`,
        ours: perSecond(median(ours)),
        other: perSecond(median(others)),
        ratio: (median(ours) / median(others)).toFixed(1),
        aim: 'at least 20,000 lines/s',
        met: median(ours) >= 20_000,
      },
      {
        what: 'Peak memory (RSS) of the action while following them',
        ours: `${Math.round(peakKiB / 1024)} MB`,
        other: '–',
        ratio: '–',
        aim: 'under 150 MB',
        met: peakKiB < 150 * 1024,
      },
    ]
  } finally {
    await cloud.stop()
  }
}

/** The least that reads a stream to its end: pages until the token repeats. */
async function plainRead({ aws }: TaskCloud, group: string, stream: string): Promise<number> {
  const logs = new CloudWatchLogsClient({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
  })
  let lines = 0
  let token: string | undefined
  for (;;) {
    const page = await logs.send(
      new GetLogEventsCommand({
        logGroupName: group,
        logStreamName: stream,
        startFromHead: true,
        ...(token === undefined ? {} : { nextToken: token }),
      }),
    )
    lines += page.events?.length ?? 0
    if (page.nextForwardToken === token) break
    token = page.nextForwardToken
  }
  logs.destroy()
  return lines
}
