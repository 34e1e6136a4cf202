import {
  code,
  durationText,
  failureMarkdown,
  type Outcome,
  plain,
  type Told,
  table,
} from '@aws-deploy-actions/action-runtime'
import type { EcrRepository } from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'

/** What the step found out on its way. */
export interface Result {
  place: Pick<EcrRepository, 'name' | 'uri' | 'reference'> | undefined
  /** what the registry holds under `tags` */
  digest: string | undefined
  tags: string[]
}

/** The `images` output: no account id and no host, so that GitHub does not drop it as a job output. */
export function imagesOutput(
  { name, reference }: Pick<EcrRepository, 'name' | 'reference'>,
  digest: string,
  tags: readonly string[],
  status: string,
): Record<string, object> {
  return { [name]: { repository: name, reference: `${reference}@${digest}`, digest, tags, status } }
}

export function tell(inputs: Inputs, { place, digest, tags }: Result, { status, failure, seconds }: Outcome): Told {
  const name = place?.reference ?? inputs.repository.name
  const verdict =
    failure === undefined ? `${name} is in the registry as ${tags.join(', ')}.` : `${name}: ${failure.message}`
  const images =
    place === undefined || digest === undefined || tags.length === 0
      ? []
      : [{ reference: `${place.reference}@${digest}`, tags, status: failure === undefined ? status : 'pushed' }]
  const rows = [
    ...(digest === undefined ? [] : [['Digest', code(digest)]]),
    ...(tags.length === 0 ? [] : [['Tags', tags.map(code).join(', ')]]),
    ['From', code(inputs.source.kind === 'archive' ? 'archive' : inputs.source.context)],
    ['Took', plain(durationText(seconds * 1000))],
  ]
  const parts = [
    `### ${failure === undefined ? '✅' : '❌'} Image ${code(name)}: ${plain(status)}`,
    ...(failure === undefined ? [] : [`**${plain(failure.message)}**`, failureMarkdown(failure.record)]),
    table(['Repository', code(name)], rows),
  ].filter(part => part !== '')
  return { record: { verdict, ...(images.length === 0 ? {} : { images }) }, summary: parts.join('\n\n') }
}
