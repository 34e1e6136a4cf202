import { durationText } from '@aws-deploy-actions/action-runtime'
import { cutText } from '../legible.ts'
import type { RunJob } from '../run-jobs.ts'
import type { Limits } from './limits.ts'
import { mark } from './marks.ts'

/** A chart of more jobs is no longer read. */
const MOST_JOBS = 60

/**
 * A folded Gantt chart of when the jobs ran, in UTC; empty when fewer than two did. GitHub draws Mermaid in summaries
 * and comments.
 */
export function timeline(jobs: readonly RunJob[], { rows, text }: Limits): string {
  const most = Math.min(rows, MOST_JOBS)
  const ran = jobs
    .flatMap(({ name, state, started, completed, earlier }) =>
      started === undefined || completed === undefined || state === 'skipped' || earlier
        ? []
        : [{ name, state, started, ended: Math.max(completed, started + 1000) }],
    )
    .sort((a, b) => a.started - b.started)
  if (ran.length < 2) return ''
  const bars = ran
    .slice(0, most)
    .map(
      ({ name, state, started, ended }) =>
        `  ${mark(state)} ${words(cutText(name, Math.min(text, 60)))} ${durationText(ended - started)} :${tag(state)}${utc(started)}, ${utc(ended)}`,
    )
  const more = ran.length - bars.length
  const title = more > 0 ? `Timeline of the first ${bars.length} of ${ran.length} jobs` : 'Timeline'
  // dayjs reads times without a zone as local ones, and d3 writes them as local ones: what is written here is shown.
  const chart = ['gantt', '  dateFormat YYYY-MM-DD HH:mm:ss', '  axisFormat %H:%M:%S', '  todayMarker off', ...bars]
  return `<details><summary>${title} (UTC)</summary>\n\n\`\`\`mermaid\n${chart.join('\n')}\n\`\`\`\n\n</details>`
}

/**
 * A job's name as the text of a task. Mermaid ends it at a colon, and takes `#…;` for an entity, `;` for the end of a
 * line, `%%` for a comment or directive, and what looks like HTML or math for that; the sign before it keeps a name such
 * as `section` or `click` from being read as a keyword.
 */
function words(name: string): string {
  const kept = name
    .replace(/[^\p{L}\p{N} ()/.,_+=-]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return kept === '' ? 'job' : kept
}

function tag(state: string): string {
  if (state === 'failure' || state === 'timed_out' || state === 'startup_failure') return 'crit, '
  // Of the others only these two are legible beside a bar in both of GitHub's themes.
  return state === 'success' ? '' : 'done, '
}

function utc(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}
