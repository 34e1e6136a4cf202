import type { Report } from '../reports.ts'
import { type Limits, shown, shownCode, shownTable } from './limits.ts'
import { mark } from './marks.ts'

/** Images with their digests. One that several steps speak of is shown for each status once. */
export function imagesSection(reports: readonly Report[], limits: Limits): string {
  const rows = new Map<string, string[]>()
  for (const { record } of reports) {
    for (const { reference, tags, status } of record.images ?? []) {
      const [name = reference, digest] = reference.split('@')
      const lines = [...tagsLine(tags, limits), ...(digest === undefined ? [] : [shownCode(digest, limits)])]
      rows.set(JSON.stringify([reference, tags, status]), [
        shownCode(name, limits),
        `${mark(status)} ${shown(status, limits)}`,
        lines.length === 0 ? '–' : lines.join('<br>'),
      ])
    }
  }
  if (rows.size === 0) return ''
  return `### Images\n\n${shownTable(['Image', 'Status', 'Tags and digest'], [...rows.values()], limits)}`
}

const MOST_TAGS = 10

function tagsLine(tags: readonly string[], limits: Limits): string[] {
  if (tags.length === 0) return []
  const most = Math.min(MOST_TAGS, limits.rows)
  const cells = tags.slice(0, most).map(tag => shownCode(tag, limits))
  if (tags.length > most) cells.push(`… and ${tags.length - most} more`)
  return [cells.join(' ')]
}
