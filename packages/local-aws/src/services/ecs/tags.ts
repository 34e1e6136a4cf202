import type {
  ListTagsForResourceCommandInput,
  ListTagsForResourceCommandOutput,
  Tag,
  TagResourceCommandInput,
  TagResourceCommandOutput,
  UntagResourceCommandInput,
  UntagResourceCommandOutput,
} from '@aws-sdk/client-ecs'
import { AwsError, type Operation, operation } from '../../service.ts'
import type { EcsRegions, EcsState } from './state.ts'

/** TagResource, UntagResource, ListTagsForResource. */
export function tagOperations(regions: EcsRegions): Record<string, Operation> {
  return {
    TagResource: operation<TagResourceCommandInput, TagResourceCommandOutput>({
      needs: ({ resourceArn }) => [{ action: 'ecs:TagResource', resource: resourceArn ?? '*' }],
      run({ resourceArn, tags }, { region }) {
        const state = regions.state(region)
        const changed = new Map(tagsOf(state, resourceArn).map(tag => [tag.key, tag]))
        for (const tag of checkedTags(tags)) changed.set(tag.key, tag)
        putTags(state, resourceArn, checkedTags([...changed.values()]))
        return {}
      },
    }),
    UntagResource: operation<UntagResourceCommandInput, UntagResourceCommandOutput>({
      needs: ({ resourceArn }) => [{ action: 'ecs:UntagResource', resource: resourceArn ?? '*' }],
      run({ resourceArn, tagKeys }, { region }) {
        const state = regions.state(region)
        putTags(
          state,
          resourceArn,
          tagsOf(state, resourceArn).filter(({ key }) => !tagKeys?.includes(key ?? '')),
        )
        return {}
      },
    }),
    ListTagsForResource: operation<ListTagsForResourceCommandInput, ListTagsForResourceCommandOutput>({
      needs: ({ resourceArn }) => [{ action: 'ecs:ListTagsForResource', resource: resourceArn ?? '*' }],
      run: ({ resourceArn }, { region }) => ({ tags: tagsOf(regions.state(region), resourceArn) }),
    }),
  }
}

/**
 * Tag restrictions: at most 50, key 1–128, value up to 256 characters, no `aws:` prefix.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
 * @throws AwsError InvalidParameterException
 */
export function checkedTags(tags: readonly Tag[] | undefined): Tag[] {
  const invalid = (message: string) => new AwsError('InvalidParameterException', message)
  const list = [...(tags ?? [])]
  if (list.length > 50) throw invalid('The maximum number of tags is 50')
  for (const { key = '', value = '' } of list) {
    if (key.length < 1 || key.length > 128 || value.length > 256) throw invalid(`Invalid tag: ${key}`)
    if (/^aws:/i.test(key)) throw invalid("Tag keys can't start with aws:")
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(key + value)) throw invalid(`Invalid character in tag: ${key}`)
  }
  if (new Set(list.map(({ key }) => key)).size !== list.length) throw invalid('Duplicate tag keys')
  return list
}

function tagsOf(state: EcsState, arn: string | undefined): Tag[] {
  const task = state.tasks.get(arn ?? '')
  if (task) return task.task.tags ?? []
  if (!exists(state, arn ?? ''))
    throw new AwsError('InvalidParameterException', 'The specified resource was not found.')
  return state.tags.get(arn ?? '') ?? []
}

function putTags(state: EcsState, arn: string | undefined, tags: Tag[]): void {
  const task = state.tasks.get(arn ?? '')
  if (task) task.task.tags = tags
  else state.tags.set(arn ?? '', tags)
}

function exists(state: EcsState, arn: string): boolean {
  return (
    state.services.has(arn) ||
    [...state.clusters.values()].some(({ clusterArn }) => clusterArn === arn) ||
    [...state.families.values()].flat().some(({ taskDefinitionArn }) => taskDefinitionArn === arn)
  )
}
