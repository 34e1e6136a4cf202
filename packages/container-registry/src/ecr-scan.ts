import { Deadline, DeadlineExceeded, durationText, Failure } from '@aws-deploy-actions/action-runtime'
import { AwsError, type Calling, call, poll, sdkConfig } from '@aws-deploy-actions/aws-clients'
import {
  DescribeImageScanFindingsCommand,
  type DescribeImageScanFindingsCommandOutput,
  ECRClient,
  type EnhancedImageScanFinding,
  StartImageScanCommand,
} from '@aws-sdk/client-ecr'
import { MANIFEST_TYPES } from './content.ts'
import type { EcrRepository } from './ecr-repository.ts'
import { platformImages } from './registry-image.ts'
import type { Repository } from './repository.ts'
import {
  type FailOn,
  type Finding,
  findingsFrom,
  mergedCounts,
  type ScanReport,
  scanDecision,
} from './scan-decision.ts'

export interface ScanResult {
  /** by severity, of all platforms together */
  readonly counts: Readonly<Record<string, number>>
  /** at or above the limit, worst first */
  readonly findings: readonly Finding[]
  /** why the image must not pass; undefined when it may */
  readonly failure: Failure | undefined
}

const EVERY_MS = 2000
/** Scan on push begins a moment after the push; without a scan by then, one is asked for. */
const SCAN_BEGINS_MS = 10_000

/**
 * Waits for an image's scan, basic or enhanced, and judges it; of an index the scans of all its platforms. Where nothing
 * scans on push, a scan is started.
 *
 * @param digest of what was pushed
 * @throws DeadlineExceeded when the scan does not end in time; PermissionError, AwsError
 */
export async function scanResult(
  place: EcrRepository,
  repository: Repository,
  digest: string,
  failOn: FailOn,
  timeoutMs: number,
  calling: Calling,
): Promise<ScanResult> {
  const ecr = new ECRClient(sdkConfig(place.region))
  const images = await scannedImages(repository, digest)
  const mostMs = Math.min(timeoutMs, calling.deadline.left)
  let seen = 'nothing'
  const overdue = (): DeadlineExceeded =>
    new DeadlineExceeded(`The scan of ${place.reference} did not end within ${durationText(mostMs)}.`, {
      resource: `${place.reference}@${digest}`,
      cause: `Last seen: ${seen}. The image is in the registry, but nobody knows what is in it.`,
      next: ['Give the step a longer "scan-timeout", or look at the scan in the console and run the step again.'],
    })
  const within: Calling = { ...calling, deadline: new Deadline(calling.clock, mostMs) }
  const reports: ScanReport[] = []
  for (const [index, image] of images.entries()) {
    const name = images.length === 1 ? 'Scan' : `Scan ${index + 1} of ${images.length}`
    const tell = (status: string): void => {
      if (seen === `${name}: ${status}`) return
      seen = `${name}: ${status}`
      calling.log.info(seen)
    }
    try {
      reports.push(await endedScan(ecr, place, image, failOn, within, tell))
    } catch (error) {
      // A call that was under way when the time was over says so in its own words.
      throw error instanceof DeadlineExceeded ? overdue() : error
    }
  }
  return verdict(place, digest, failOn, reports)
}

function verdict(place: EcrRepository, digest: string, failOn: FailOn, reports: readonly ScanReport[]): ScanResult {
  const counts: Record<string, number> = {}
  for (const report of reports) {
    for (const [severity, count] of Object.entries(report.counts)) counts[severity] = (counts[severity] ?? 0) + count
  }
  const findings = findingsFrom(
    reports.flatMap(report => report.findings),
    failOn,
  )
  const closed = reports.map(report => scanDecision(report, failOn)).filter(decision => decision.kind === 'closed')
  const unscanned = closed.filter(({ why }) => why === 'not-scanned')
  const resource = `${place.reference}@${digest}`
  if (unscanned.length > 0) {
    const failure = new Failure(`${place.reference} was not scanned, so it does not pass "scan-fail-on".`, {
      resource,
      said: unscanned.map(({ text }) => text).join('; '),
      next: ['Use a base image that Amazon ECR can scan, turn on enhanced scanning, or set "scan-fail-on" to none.'],
    })
    return { counts, findings, failure }
  }
  if (closed.length === 0) return { counts, findings, failure: undefined }
  const failure = new Failure(`The scan of ${place.reference} found ${closed.map(({ text }) => text).join(' and ')}.`, {
    resource,
    cause: findings.slice(0, 10).map(shown).join('; ') || `"scan-fail-on" is ${failOn}.`,
    next: ['Update the base image and the packages that are named, and build again.'],
  })
  return { counts, findings, failure }
}

function shown({ name, severity, package: from }: Finding): string {
  return `${severity} ${name}${from === undefined ? '' : ` in ${from}`}`
}

/** Scans are of images; an index is scanned platform by platform (Amazon ECR User Guide, "Image scanning"). */
async function scannedImages(repository: Repository, digest: string): Promise<string[]> {
  const found = new Set<string>()
  const add = async (reference: string, level: number): Promise<void> => {
    const content = (await repository.manifest(reference))?.content
    if (content?.kind !== 'index' || level > 4) {
      found.add(reference)
      return
    }
    const images = platformImages(content.manifests)
    for (const child of images) {
      if (MANIFEST_TYPES.some(type => type === child.mediaType)) await add(child.digest, level + 1)
    }
  }
  await add(digest, 0)
  // An index of nothing that can be scanned does not pass unseen.
  return found.size === 0 ? [digest] : [...found]
}

async function endedScan(
  ecr: ECRClient,
  place: EcrRepository,
  digest: string,
  failOn: FailOn,
  calling: Calling,
  tell: (status: string) => void,
): Promise<ScanReport> {
  const began = calling.clock.now()
  let asked = false
  return poll(calling, EVERY_MS, async () => {
    const report = await scanReport(ecr, place, digest, calling)
    if (report === undefined) {
      tell('not there yet')
      const begins = place.scanOnPush === false ? 0 : SCAN_BEGINS_MS
      if (!asked && calling.clock.now() - began >= begins) {
        asked = true
        const refused = await refusedScan(ecr, place, digest, calling)
        // Asked in vain: the image was not there yet.
        if (refused === 'image not there') asked = false
        else return refused
      }
      return undefined
    }
    tell(report.status ?? 'no status')
    return scanDecision(report, failOn).kind === 'wait' ? undefined : report
  })
}

/** Asks for a scan. @returns a report in place of one that will never be; undefined when one is to be waited for */
async function refusedScan(
  ecr: ECRClient,
  place: EcrRepository,
  digest: string,
  calling: Calling,
): Promise<ScanReport | 'image not there' | undefined> {
  try {
    await call('ecr:StartImageScan', calling, options =>
      ecr.send(new StartImageScanCommand({ ...repositoryIn(place), imageId: { imageDigest: digest } }), options),
    )
    calling.log.info('Nothing scans this image by itself: a scan was started.')
    return undefined
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    // Enhanced scanning begins by itself and refuses to be asked; a scan within the last 24 hours is there to be read.
    const passing = ['ValidationException', 'LimitExceededException']
    if (error.code === 'ImageNotFoundException') return 'image not there'
    if (passing.includes(error.code)) return undefined
    if (error.code !== 'UnsupportedImageTypeException') throw error
    return { status: 'UNSUPPORTED_IMAGE', description: error.details.said, counts: {}, findings: [] }
  }
}

/** All pages of what a scan found; undefined when there is no scan. */
async function scanReport(
  ecr: ECRClient,
  place: EcrRepository,
  digest: string,
  calling: Calling,
): Promise<ScanReport | undefined> {
  const findings: Finding[] = []
  let hasInactive = false
  for (let token: { nextToken?: string } = {}; ; ) {
    let page: DescribeImageScanFindingsCommandOutput
    try {
      page = await call('ecr:DescribeImageScanFindings', calling, options =>
        ecr.send(
          new DescribeImageScanFindingsCommand({
            ...repositoryIn(place),
            imageId: { imageDigest: digest },
            maxResults: 1000,
            ...token,
          }),
          options,
        ),
      )
    } catch (error) {
      if (error instanceof AwsError && ['ScanNotFoundException', 'ImageNotFoundException'].includes(error.code)) {
        return undefined
      }
      throw error
    }
    findings.push(...findingsIn(page))
    // What AWS counts includes findings that somebody suppressed.
    hasInactive ||= (page.imageScanFindings?.enhancedFindings ?? []).some(finding => !isActive(finding))
    if (page.nextToken === undefined) {
      const { status, description } = page.imageScanStatus ?? {}
      const { findingSeverityCounts = {} } = page.imageScanFindings ?? {}
      const counts = mergedCounts(hasInactive ? {} : findingSeverityCounts, findings)
      return { status, description, counts, findings }
    }
    token = { nextToken: page.nextToken }
  }
}

function findingsIn({ imageScanFindings }: DescribeImageScanFindingsCommandOutput): Finding[] {
  const basic = (imageScanFindings?.findings ?? []).map(({ name, severity, attributes = [] }) => ({
    name: name ?? 'unnamed',
    severity: severity ?? 'UNDEFINED',
    package: attributes.find(({ key }) => key === 'package_name')?.value,
  }))
  const enhanced = (imageScanFindings?.enhancedFindings ?? [])
    .filter(isActive)
    .map(({ title, severity, packageVulnerabilityDetails: details }) => ({
      name: details?.vulnerabilityId ?? title ?? 'unnamed',
      severity: severity ?? 'UNDEFINED',
      package: details?.vulnerablePackages?.[0]?.name,
    }))
  return [...basic, ...enhanced]
}

/** What somebody suppressed, or what is mended, counts no more (Amazon Inspector User Guide, finding states). */
function isActive({ status }: EnhancedImageScanFinding): boolean {
  return status === undefined || status === 'ACTIVE'
}

function repositoryIn({ name, account }: EcrRepository): { repositoryName: string; registryId?: string } {
  return { repositoryName: name, ...(account === undefined ? {} : { registryId: account }) }
}
