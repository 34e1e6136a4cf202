import { durationText } from '@aws-deploy-actions/action-runtime'
import type { InstanceRecord, ReportRecord, ServiceRecord } from '@aws-deploy-actions/pipeline-report'
import type { Report } from '../reports.ts'
import { type Limits, shown, shownCode, shownTable } from './limits.ts'
import { mark } from './marks.ts'

/** Services with before → after, and the digests that run now. */
export function servicesSection(reports: readonly Report[], limits: Limits): string {
  const rows = reports.flatMap(report =>
    (report.record.services ?? []).map(service => [
      shownCode(service.name, limits),
      statusCell(service, report, limits),
      revisions(service, report.record, limits),
      imagesCell(service, limits),
      time(service.seconds),
    ]),
  )
  if (rows.length === 0) return ''
  return `### Deployments\n\n${shownTable(['Service', 'Status', 'Before → after', 'Images', 'Took'], rows, limits)}`
}

/** Hosts with the digests of each service before → after. */
export function hostsSection(reports: readonly Report[], limits: Limits): string {
  const rows = reports.flatMap(report =>
    (report.record.instances ?? []).map(host => [
      shownCode(host.id, limits),
      statusCell({ ...host, reason: host.reason ?? host.statusDetails }, report, limits),
      hostServices(host, limits),
      time(host.seconds),
    ]),
  )
  if (rows.length === 0) return ''
  return `### Hosts\n\n${shownTable(['Host', 'Status', 'Before → after', 'Took'], rows, limits)}`
}

function statusCell(
  { status, reason }: { readonly status: string; readonly reason?: string | undefined },
  { earlier }: Report,
  limits: Limits,
): string {
  const why = reason === undefined || reason === 'Success' ? '' : `<br>${shown(reason, limits)}`
  return `${mark(status)} ${shown(status, limits)}${earlier ? ' (earlier attempt)' : ''}${why}`
}

function revisions(
  { status, taskDefinition, previousTaskDefinition }: ServiceRecord,
  { failures }: ReportRecord,
  limits: Limits,
): string {
  const after = taskDefinition === undefined ? '–' : shownCode(taskDefinition, limits)
  if (previousTaskDefinition === undefined) return after
  const before = shownCode(previousTaskDefinition, limits)
  if (taskDefinition === previousTaskDefinition) return after
  // A rollback that was asked for ends at `after`; one that a failure led to, where it began.
  const back = status === 'rolled-back' && failures.length > 0
  return `${before} → ${back ? `<del>${after}</del> → ${before}` : after}`
}

const MOST_IMAGES = 10

function imagesCell({ images }: ServiceRecord, limits: Limits): string {
  const most = Math.min(MOST_IMAGES, limits.rows)
  const lines = images
    .slice(0, most)
    .map(({ container, image, digest }) => `${shown(container, limits)}: ${shownCode(short(digest ?? image), limits)}`)
  if (images.length > most) lines.push(`… and ${images.length - most} more`)
  return lines.length === 0 ? '–' : lines.join('<br>')
}

function hostServices({ services }: InstanceRecord, limits: Limits): string {
  const most = Math.min(MOST_IMAGES, limits.rows)
  const lines = services.slice(0, most).map(({ name, before, after }) => {
    const now = after === undefined ? '–' : shownCode(short(after), limits)
    const change = before === after ? now : `${before === undefined ? '–' : shownCode(short(before), limits)} → ${now}`
    return `${shown(name, limits)}: ${change}`
  })
  if (services.length > most) lines.push(`… and ${services.length - most} more`)
  return lines.length === 0 ? '–' : lines.join('<br>')
}

/** A digest as docker shortens it; other texts as they are. */
function short(text: string): string {
  return /^sha256:[0-9a-f]{64}$/.test(text) ? text.slice(0, 'sha256:'.length + 12) : text
}

function time(seconds: number | undefined): string {
  return seconds === undefined ? '–' : durationText(seconds * 1000)
}
