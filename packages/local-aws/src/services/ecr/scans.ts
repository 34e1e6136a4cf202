import type * as sdk from '@aws-sdk/client-ecr'
import { findImage, imageNotFound } from '../../registry/images.ts'
import type { Repository, StoredImage } from '../../registry/repositories.ts'
import type { ScanView, ScriptedFinding } from '../../registry/scans.ts'
import { AwsError, type Operation, operation, type RequestContext } from '../../service.ts'
import { pageOf } from './pages.ts'
import { named, onRepository, repositoryIn } from './resource.ts'

export function severityCounts(findings: readonly ScriptedFinding[]): Partial<Record<sdk.FindingSeverity, number>> {
  const counts: Partial<Record<sdk.FindingSeverity, number>> = {}
  for (const { severity } of findings) counts[severity] = (counts[severity] ?? 0) + 1
  return counts
}

function scanned(
  input: { readonly repositoryName?: string | undefined; readonly imageId?: sdk.ImageIdentifier | undefined },
  context: RequestContext,
): { repository: Repository; image: StoredImage } {
  const repository = repositoryIn(input, context)
  const reference = input.imageId ?? {}
  const image = findImage(repository, reference)
  if (image === undefined) throw imageNotFound(repository, reference)
  return { repository, image }
}

function basicFinding(finding: ScriptedFinding): sdk.ImageScanFinding {
  const attributes = [
    { key: 'package_name', value: finding.package },
    { key: 'package_version', value: finding.version },
  ].flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value }]))
  return {
    name: finding.name,
    severity: finding.severity,
    uri: finding.uri ?? `https://cve.mitre.org/cgi-bin/cvename.cgi?name=${finding.name}`,
    ...(finding.description === undefined ? {} : { description: finding.description }),
    attributes,
  }
}

function enhancedFinding(finding: ScriptedFinding, repository: Repository): sdk.EnhancedImageScanFinding {
  return {
    awsAccountId: repository.scope.registryId,
    title: `${finding.name} - ${finding.package ?? 'package'}`,
    ...(finding.description === undefined ? {} : { description: finding.description }),
    severity: finding.severity,
    status: 'ACTIVE',
    type: 'PACKAGE_VULNERABILITY',
    packageVulnerabilityDetails: {
      vulnerabilityId: finding.name,
      vulnerablePackages: [{ name: finding.package, version: finding.version }],
    },
  }
}

function findingsPage(
  scan: ScanView,
  repository: Repository,
  input: sdk.DescribeImageScanFindingsCommandInput,
): { imageScanFindings: sdk.ImageScanFindings; nextToken: string | undefined } {
  const { page, nextToken } = pageOf(scan.findings, input)
  const shown =
    scan.type === 'BASIC'
      ? { findings: page.map(basicFinding) }
      : { enhancedFindings: page.map(finding => enhancedFinding(finding, repository)) }
  const done = scan.completedAt
  return {
    imageScanFindings: {
      ...shown,
      ...(done === undefined ? {} : { imageScanCompletedAt: done, vulnerabilitySourceUpdatedAt: done }),
      findingSeverityCounts: severityCounts(scan.findings),
    },
    nextToken,
  }
}

const describeImageScanFindings = operation<
  sdk.DescribeImageScanFindingsCommandInput,
  sdk.DescribeImageScanFindingsCommandOutput
>({
  needs: onRepository('DescribeImageScanFindings'),
  run(input, context) {
    const { repository, image } = scanned(input, context)
    const scan = context.cloud.registry.scans.view(repository, image)
    if (scan === undefined) {
      // text: moto's ecr/exceptions.py
      const { imageDigest, imageTag } = input.imageId ?? {}
      const which = `{imageDigest:'${imageDigest ?? image.digest}', imageTag:'${imageTag ?? 'null'}'}`
      throw new AwsError(
        'ScanNotFoundException',
        `Image scan does not exist for the image with '${which}' in the repository with name '${repository.name}' in the registry with id '${repository.scope.registryId}'`,
      )
    }
    const { imageTag } = input.imageId ?? {}
    return {
      ...named(repository),
      imageId: { imageDigest: image.digest, ...(imageTag === undefined ? {} : { imageTag }) },
      imageScanStatus: { status: scan.status, description: scan.description },
      // findings are there from completion on; before, the member is absent
      ...(scan.completedAt === undefined ? {} : findingsPage(scan, repository, input)),
    }
  },
})

const startImageScan = operation<sdk.StartImageScanCommandInput, sdk.StartImageScanCommandOutput>({
  needs: onRepository('StartImageScan'),
  run(input, context) {
    const { scans } = context.cloud.registry
    const { repository, image } = scanned(input, context)
    if (image.manifest.isIndex) {
      throw new AwsError('UnsupportedImageTypeException', 'The image is of a type that cannot be scanned.')
    }
    // texts of both: moto's ecr/models.py and ecr/exceptions.py
    if (scans.isEnhanced(repository)) throw new AwsError('ValidationException', 'This feature is disabled')
    if (scans.wasScannedToday(image)) {
      throw new AwsError('LimitExceededException', 'The scan quota per image has been exceeded. Wait and try again.')
    }
    scans.start(image)
    const { imageTag } = input.imageId ?? {}
    return {
      ...named(repository),
      imageId: { imageDigest: image.digest, ...(imageTag === undefined ? {} : { imageTag }) },
      imageScanStatus: { status: 'IN_PROGRESS' },
    }
  },
})

export const scanOperations: Readonly<Record<string, Operation>> = {
  DescribeImageScanFindings: describeImageScanFindings,
  StartImageScan: startImageScan,
}
