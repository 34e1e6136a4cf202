import {
  code,
  codeBlock,
  durationText,
  failureMarkdown,
  type Outcome,
  plain,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import { familyRevision } from '@aws-deploy-actions/ecs'
import { taskConsoleUrl } from './console.ts'
import type { TaskRun } from './run.ts'
import { taskId } from './state.ts'

/** What a migration has beside its task. */
export interface MigrationFacts {
  readonly database: string | undefined
  readonly verification: TaskRun | undefined
}

/** What to tell about one task: `subject` begins the verdict, e.g. `Task` or `Migration of shop`. */
export function toldOfTask(
  subject: string,
  run: TaskRun,
  { status, failure }: Outcome,
  { database, verification }: MigrationFacts = { database: undefined, verification: undefined },
): Told {
  const verdict = verdictText(subject, run, status, failure?.message)
  const mark = status === 'succeeded' ? '✅' : status === 'cancelled' ? '🚫' : '❌'
  const sections = [`### ${mark} ${plain(verdict)}`]
  if (failure !== undefined) sections.push(failureMarkdown(failure.record), lastLines(verification ?? run))
  sections.push(factsTable(run, status, database))
  if (verification !== undefined) sections.push('**Verification**', factsTable(verification, status, undefined))
  return {
    record: {
      verdict,
      tasks: [run, ...(verification === undefined ? [] : [verification])].map(task =>
        taskRecord(task, status, database),
      ),
    },
    summary: sections.filter(section => section !== '').join('\n\n'),
  }
}

function lastLines({ lastLines: lines = [], lastLinesOf: container = '' }: TaskRun): string {
  if (lines.length === 0) return ''
  return `<details open><summary>Last lines of ${code(container)}</summary>\n\n${codeBlock(lines.join('\n'))}\n\n</details>`
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

function factsTable(run: TaskRun, status: string, database: string | undefined): string {
  const { cluster, region, taskArn, taskDefinitionArn, container, exitCode, stopCode, stoppedReason, logGroup } = run
  const rows: [string, string][] = []
  if (taskDefinitionArn !== undefined) rows.push(['Task definition', code(familyRevision(taskDefinitionArn))])
  if (taskArn !== undefined)
    rows.push(['Task', `[${code(taskId(taskArn))}](${taskConsoleUrl(region, cluster, taskArn)})`])
  if (container !== undefined) rows.push(['Container', code(container)])
  if (taskArn !== undefined) rows.push(['Exit code', exitCode === undefined ? 'none' : code(String(exitCode))])
  if (stopCode !== undefined && status !== 'succeeded') {
    rows.push(['Stop reason', code([stopCode, stoppedReason].filter(Boolean).join(': '))])
  }
  if (logGroup !== undefined) rows.push(['Log group', code(logGroup)])
  const where: [string, string] = ['Cluster', code(cluster)]
  return database === undefined ? table(where, rows) : table(['Database', code(database)], [where, ...rows])
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
