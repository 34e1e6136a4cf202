import {
  code,
  codeBlock,
  durationText,
  type Outcome,
  plain,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import { familyRevision } from '@aws-deploy-actions/ecs'
import { taskConsoleUrl } from './console.ts'
import type { TaskRun } from './run.ts'
import { taskId } from './state.ts'

/** What to tell about one task: `subject` begins the verdict, e.g. `Task` or `Migration of shop`. */
export function toldOfTask(subject: string, run: TaskRun, { status, failure }: Outcome, database?: string): Told {
  const verdict = verdictText(subject, run, status, failure?.message)
  const sections = [
    `### ${status === 'succeeded' ? '✅' : status === 'cancelled' ? '🚫' : '❌'} ${plain(verdict)}`,
    factsTable(run, database),
  ]
  if (failure !== undefined) {
    const { said, cause, next = [] } = failure.details
    if (said !== undefined) sections.push(`**AWS says:** ${code(said)}`)
    if (cause !== undefined) sections.push(`**Likely cause:** ${plain(cause)}`)
    if (next.length > 0) sections.push(`**What to do**\n\n${next.map(step => `- ${plain(step)}`).join('\n')}`)
    if ((run.lastLines ?? []).length > 0) {
      sections.push(
        `<details open><summary>Last lines of ${code(run.container ?? '')}</summary>\n\n${codeBlock((run.lastLines ?? []).join('\n'))}\n\n</details>`,
      )
    }
  }
  return { record: { verdict, tasks: [taskRecord(run, status, database)] }, summary: sections.join('\n\n') }
}

function verdictText(subject: string, { seconds }: TaskRun, status: string, message: string | undefined): string {
  const time = seconds === undefined ? '' : ` in ${durationText(seconds * 1000)}`
  if (status === 'succeeded') return `${subject} succeeded${time}.`
  const words: Readonly<Record<string, string>> = {
    'not-started': 'was not started',
    'timed-out': 'timed out',
    cancelled: 'was cancelled',
  }
  return `${subject} ${words[status] ?? 'failed'}${message === undefined ? '.' : `: ${message}`}`
}

function factsTable(run: TaskRun, database: string | undefined): string {
  const rows: [string, string][] = []
  if (database !== undefined) rows.push(['Database', code(database)])
  rows.push(['Cluster', code(run.cluster)])
  if (run.taskDefinitionArn !== undefined) rows.push(['Task definition', code(familyRevision(run.taskDefinitionArn))])
  if (run.taskArn !== undefined)
    rows.push(['Task', `[${code(taskId(run.taskArn))}](${taskConsoleUrl(run.region, run.cluster, run.taskArn)})`])
  if (run.container !== undefined) rows.push(['Container', code(run.container)])
  if (run.taskArn !== undefined)
    rows.push(['Exit code', run.exitCode === undefined ? 'none' : code(String(run.exitCode))])
  if (run.stopCode !== undefined)
    rows.push(['Stop reason', code([run.stopCode, run.stoppedReason].filter(Boolean).join(': '))])
  if (run.logGroup !== undefined) rows.push(['Log group', code(run.logGroup)])
  return table(['', ''], rows)
}

function taskRecord(
  run: TaskRun,
  status: string,
  database: string | undefined,
): NonNullable<Told['record']['tasks']>[number] {
  return {
    cluster: run.cluster,
    ...(run.taskArn === undefined ? {} : { task: taskId(run.taskArn) }),
    ...(run.taskDefinitionArn === undefined ? {} : { taskDefinition: familyRevision(run.taskDefinitionArn) }),
    ...(run.container === undefined ? {} : { container: run.container }),
    ...(database === undefined ? {} : { database }),
    ...(run.exitCode === undefined ? {} : { exitCode: run.exitCode }),
    ...(run.stopCode === undefined ? {} : { stopCode: run.stopCode }),
    ...(run.stoppedReason === undefined ? {} : { stoppedReason: run.stoppedReason }),
    ...(run.seconds === undefined ? {} : { seconds: run.seconds }),
    ...(run.logGroup === undefined ? {} : { logGroup: run.logGroup }),
    ...(status === 'succeeded' || run.lastLines === undefined ? {} : { lastLines: run.lastLines }),
  }
}
