export type FailOn = 'critical' | 'high' | 'medium' | 'low'

/** One thing that a scan found, basic or enhanced. */
export interface Finding {
  /** `CVE-2026-1234` */
  readonly name: string
  readonly severity: string
  readonly package: string | undefined
}

/** What DescribeImageScanFindings says of one image, all pages together. */
export interface ScanReport {
  readonly status: string | undefined
  readonly description: string | undefined
  /** by severity */
  readonly counts: Readonly<Record<string, number>>
  readonly findings: readonly Finding[]
}

export type ScanDecision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'open' }
  | { readonly kind: 'closed'; readonly why: 'findings' | 'not-scanned'; readonly text: string }

/** Worst first. UNDEFINED, UNTRIAGED and INFORMATIONAL close no gate (ECR API reference, FindingSeverity). */
const SEVERITIES: readonly string[] = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW']

/** ECR API reference, ImageScanStatus. Enhanced scans end ACTIVE: they go on as long as the image is watched. */
const WAITING = new Set(['IN_PROGRESS', 'PENDING'])
const SCANNED = new Set(['COMPLETE', 'ACTIVE'])

const WHY: Readonly<Record<string, string>> = {
  FAILED: 'the scan failed',
  UNSUPPORTED_IMAGE: 'its operating system or package manager cannot be scanned',
  SCAN_ELIGIBILITY_EXPIRED: 'it is too old to be scanned',
  FINDINGS_UNAVAILABLE: 'there are no findings for it',
  LIMIT_EXCEEDED: 'it was scanned too often already',
}

/** Whether an image passes: no report is worse than one with findings, for nobody has looked. */
export function scanDecision({ status, description, counts }: ScanReport, failOn: FailOn): ScanDecision {
  if (status === undefined || WAITING.has(status)) return { kind: 'wait' }
  if (!SCANNED.has(status)) {
    const words = [WHY[status] ?? 'its scan is in a state that is not known here', description].filter(Boolean)
    return { kind: 'closed', why: 'not-scanned', text: `${status}: ${words.join('. ')}` }
  }
  const bad = severitiesFrom(failOn).flatMap(severity => {
    const count = counts[severity] ?? 0
    return count === 0 ? [] : [`${count} ${severity}`]
  })
  return bad.length === 0 ? { kind: 'open' } : { kind: 'closed', why: 'findings', text: bad.join(', ') }
}

/** The findings that close a gate, worst first. */
export function findingsFrom(findings: readonly Finding[], failOn: FailOn): Finding[] {
  return severitiesFrom(failOn).flatMap(severity => findings.filter(finding => finding.severity === severity))
}

function severitiesFrom(failOn: FailOn): readonly string[] {
  return SEVERITIES.slice(0, SEVERITIES.indexOf(failOn.toUpperCase()) + 1)
}

/** The larger of what AWS counts and what it lists: either may lag behind the other. */
export function mergedCounts(
  counted: Readonly<Record<string, number | undefined>>,
  findings: readonly Finding[],
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { severity } of findings) counts[severity] = (counts[severity] ?? 0) + 1
  for (const [severity, count = 0] of Object.entries(counted)) {
    counts[severity] = Math.max(counts[severity] ?? 0, count)
  }
  return counts
}
