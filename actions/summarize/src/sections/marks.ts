const MARKS: Readonly<Record<string, string>> = {
  success: '✅',
  failure: '❌',
  timed_out: '❌',
  startup_failure: '❌',
  cancelled: '🚫',
  skipped: '⏭️',
  neutral: '⚪',
  queued: '⏳',
  waiting: '⏳',
  pending: '⏳',
  requested: '⏳',
  in_progress: '⏳',
  // what our actions end with
  failed: '❌',
  'timed-out': '❌',
  superseded: '❌',
  'no-targets': '❌',
  'not-started': '❌',
  'rolled-back': '↩️',
  built: '✅',
  reused: '✅',
  promoted: '✅',
  pushed: '✅',
  succeeded: '✅',
  deployed: '✅',
  unchanged: '✅',
  planned: '✅',
  started: '✅',
  passed: '✅',
}

/** The sign before a result, conclusion or status; that of an unknown one depends on nothing but its being unknown. */
export function mark(status: string | undefined): string {
  return status !== undefined && Object.hasOwn(MARKS, status) ? (MARKS[status] ?? '❔') : '❔'
}
