import {
  code,
  durationText,
  type Failure,
  failureMarkdown,
  type Outcome,
  plain,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import { sizeText } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
import type { ImageResult, Result } from './result.ts'

export function tell(inputs: Inputs, { images }: Result, { status, failure, seconds }: Outcome): Told {
  const records = images.flatMap(image => {
    const { place, digest, tags } = image
    if (place === undefined || digest === undefined || tags.length === 0) return []
    return [{ reference: `${place.reference}@${digest}`, tags, status: image.status ?? 'failed' }]
  })
  const title =
    images.length === 1
      ? `Image ${code(images[0]?.place?.reference ?? images[0]?.name ?? '')}`
      : `${images.length} images`
  const parts = [
    `### ${failure === undefined ? '✅' : '❌'} ${title}: ${plain(status)}`,
    ...evidence(images, failure),
    table(
      ['Repository', 'Status', 'Tags', 'Digest', 'Size', 'Took'],
      images.map(image => row(image, failure, seconds)),
    ),
    ...images.flatMap(findings),
  ].filter(part => part !== '')
  return {
    record: { verdict: verdict(images, inputs, failure), ...(records.length === 0 ? {} : { images: records }) },
    summary: parts.join('\n\n'),
  }
}

function verdict(images: readonly ImageResult[], { push }: Inputs, failure: Failure | undefined): string {
  const [only] = images
  const name = only?.place?.reference ?? only?.name ?? ''
  if (failure !== undefined) return images.length === 1 ? `${name}: ${failure.message}` : failure.message
  if (!push) return `${images.map(image => image.name).join(', ')}: built, not pushed.`
  if (images.length === 1) return `${name} is in the registry as ${only?.tags.join(', ')}.`
  return `${images.length} images are in the registry: ${images.map(image => image.name).join(', ')}.`
}

/** What failed, in full, before any table. */
function evidence(images: readonly ImageResult[], failure: Failure | undefined): string[] {
  if (failure === undefined) return []
  const failed = images.filter(image => image.failure !== undefined && image.failure !== failure)
  if (failed.length === 0) return [`**${plain(failure.message)}**`, failureMarkdown(failure.record)]
  return [
    `**${plain(failure.message)}**`,
    ...failed.flatMap(({ name, failure: own }) =>
      own === undefined ? [] : [`**${plain(name)}: ${plain(own.message)}**`, failureMarkdown(own.record)],
    ),
  ]
}

function row(image: ImageResult, failure: Failure | undefined, seconds: number): string[] {
  const { name, place, status, tags, digest, bytes } = image
  const ended = image.failure?.status ?? status ?? (failure === undefined ? '–' : 'not begun')
  return [
    // Of several images with one name the reference does not tell which it is.
    code(place?.name === name ? place.reference : name),
    plain(status !== undefined && image.failure !== undefined ? `${status}, then ${ended}` : ended),
    tags.length === 0 ? '–' : tags.map(code).join(', '),
    digest === undefined ? '–' : code(digest),
    bytes === undefined ? '–' : plain(sizeText(bytes)),
    plain(durationText((image.seconds ?? seconds) * 1000)),
  ]
}

function findings({ name, scan }: ImageResult): string[] {
  if (scan === undefined || scan.findings.length === 0) return []
  const rows = scan.findings
    .slice(0, 50)
    .map(finding => [
      plain(finding.severity),
      code(finding.name),
      finding.package === undefined ? '–' : code(finding.package),
    ])
  return [`**Findings in ${plain(name)}**`, table(['Severity', 'Finding', 'Package'], rows)]
}
