import type { InputReader } from '@aws-deploy-actions/action-runtime'
import type { Targets } from '@aws-deploy-actions/compose-host'

const INSTANCE = /^(?:i-(?:[0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$/
/** SendCommand: "You can specify a maximum of 50 IDs", and at most 5 targets. */
const MOST_IDS = 50
const MOST_TAGS = 5

/** Reads `instance-ids` or `targets`: exactly one of them. */
export function readTargets(input: InputReader): Targets {
  const ids = [...new Set(input.names('instance-ids'))]
  const tags = input.map('targets')
  for (const id of ids)
    if (!INSTANCE.test(id)) input.problem('instance-ids', id, 'allowed is an id such as i-0123456789abcdef0')
  if (ids.length > MOST_IDS)
    input.conflict('instance-ids', `are ${ids.length}; allowed are ${MOST_IDS}, use targets for more`)
  if (tags.size > MOST_TAGS) input.conflict('targets', `are ${tags.size} tags; allowed are ${MOST_TAGS}`)
  for (const [key, value] of tags)
    if (value.trim() === '') input.problem('targets', `${key}=`, 'allowed is KEY=VALUE with a value')
  if (ids.length > 0 && tags.size > 0) input.conflict('targets', 'exclude instance-ids; give one of the two')
  if (ids.length === 0 && tags.size === 0)
    input.conflict('instance-ids', 'are required and empty; give them, or targets (e.g. Role=web)')
  return tags.size > 0 ? { kind: 'tags', tags } : { kind: 'ids', ids }
}
