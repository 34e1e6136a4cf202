import { durationText } from '@aws-deploy-actions/action-runtime'
import type { ReportRecord, TaskRecord } from '@aws-deploy-actions/pipeline-report'
import type { Report } from '../reports.ts'
import { type Limits, lastLines, shown, shownCode, shownTable } from './limits.ts'
import { mark } from './marks.ts'

const MIGRATION = 'run-migration-task'

/** Database migrations with their tasks; of those that failed the last lines. */
export function migrationsSection(reports: readonly Report[], limits: Limits): string {
  return tasksSection(
    'Database migrations',
    reports.filter(({ record }) => record.action === MIGRATION),
    limits,
  )
}

/** Other one-off tasks. */
export function otherTasksSection(reports: readonly Report[], limits: Limits): string {
  return tasksSection(
    'Tasks',
    reports.filter(({ record }) => record.action !== MIGRATION),
    limits,
  )
}

/**
 * Migrations that are in the database although something was taken back: a rollback never undoes them. Empty when
 * nothing was rolled back, or nothing migrated.
 */
export function migrationsThatStay(reports: readonly Report[], limits: Limits): string {
  if (!reports.some(isRolledBack)) return ''
  const stay = reports.flatMap(({ record }) => {
    // The second task of a record is its verification.
    const [task] = record.action === MIGRATION ? (record.tasks ?? []) : []
    if (task?.task === undefined || (task.exitCode !== undefined && task.exitCode !== 0)) return []
    const name = `${migrationName(task, limits)} (task ${shownCode(task.task, limits)})`
    return [task.exitCode === 0 ? name : `${name}, whose end was not seen`]
  })
  if (stay.length === 0) return ''
  const names = stay.slice(0, limits.rows)
  const more = stay.length - names.length
  if (more > 0) names.push(`… and ${more} more`)
  return `⚠️ **A rollback never undoes a migration.** What was deployed went back; in the database stay:\n\n${names.map(name => `- ${name}`).join('\n')}`
}

function isRolledBack({ record, superseded }: Report): boolean {
  if (superseded) return false
  return [record, ...(record.services ?? []), ...(record.instances ?? [])].some(
    ({ status }) => status === 'rolled-back',
  )
}

function migrationName({ database, taskDefinition = 'a migration' }: TaskRecord, limits: Limits): string {
  return database === undefined ? shownCode(taskDefinition, limits) : `database ${shownCode(database, limits)}`
}

function tasksSection(title: string, reports: readonly Report[], limits: Limits): string {
  const tasks = reports.flatMap(({ record, earlier, superseded }) =>
    (record.tasks ?? []).map((task, index) => ({ task, record, isVerification: index > 0, earlier, superseded })),
  )
  if (tasks.length === 0) return ''
  const databases = tasks.some(({ task }) => task.database !== undefined)
  const rows = tasks.map(({ task, record, isVerification, earlier }) => [
    ...(databases ? [task.database === undefined ? '–' : shownCode(task.database, limits)] : []),
    `${statusCell(task, record, limits)}${isVerification ? ' (verification)' : ''}${earlier ? ' (earlier attempt)' : ''}`,
    task.taskDefinition === undefined ? '–' : shownCode(task.taskDefinition, limits),
    task.task === undefined ? '–' : shownCode(task.task, limits),
    task.exitCode === undefined ? 'none' : String(task.exitCode),
    task.seconds === undefined ? '–' : durationText(task.seconds * 1000),
  ])
  const header = [...(databases ? ['Database'] : []), 'Status', 'Task definition', 'Task', 'Exit code', 'Took']
  const ends = tasks
    .filter(({ task, superseded }) => !superseded && (task.lastLines ?? []).length > 0)
    .slice(0, limits.rows)
    .map(({ task }) => {
      const of = task.database === undefined ? '' : ` (database ${shownCode(task.database, limits)})`
      const title = `Last lines of ${shownCode(task.container ?? task.task ?? 'the task', limits)}${of}`
      return lastLines(title, task.lastLines ?? [], limits, true)
    })
  return [`### ${title}`, shownTable(header, rows, limits), ...ends].join('\n\n')
}

function statusCell(
  { exitCode, stopCode, stoppedReason }: TaskRecord,
  { status }: ReportRecord,
  limits: Limits,
): string {
  // Of a migration and its verification only one failed.
  const own = exitCode === 0 ? 'succeeded' : status
  const reason = own === 'succeeded' ? '' : [stopCode, stoppedReason].filter(Boolean).join(': ')
  return `${mark(own)} ${shown(own, limits)}${reason === '' ? '' : `<br>${shown(reason, limits)}`}`
}
