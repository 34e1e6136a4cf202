import type { Revision } from '@aws-deploy-actions/ecs'
import type { ServiceRevision } from '@aws-sdk/client-ecs'
import { expect, test } from '@jest/globals'
import { standingRevisions } from '../src/history.ts'
import { sameness, type Version } from '../src/same-version.ts'

/**
 * `2` is revision 2, `2b` the same with another image behind its tag, `2?` the same without a recorded digest; `4=2` is
 * revision 4 with the content and the image of `2`, `4=2+` with its image and another variable, `4@2` with its digest in
 * place of the tag.
 */
function revisions(text: string): ServiceRevision[] {
  return text.split(' ').map((version, index) => {
    const [, number = '', behind = '', digest = `${number}${behind}`] =
      /^(\d+)([a-z?]?)(?:[=@](\w+)\+?)?$/.exec(version) ?? []
    const isPinned = version.includes('@')
    return {
      serviceRevisionArn: version,
      taskDefinition: `app:${number}`,
      containerImages: [
        {
          containerName: 'app',
          image: isPinned ? `app@${digest}` : 'app:latest',
          ...(behind === '?' ? {} : { imageDigest: digest }),
        },
      ],
      createdAt: new Date(Date.UTC(2026, 0, 1, 0, index)),
    }
  })
}

/** The task definitions of a history, each of which may be described once. */
function contentsOf(history: string): (arn: string) => Promise<Revision | undefined> {
  const definitions = new Map(
    history.split(' ').map(version => {
      const [, number = '', same = number] = /^(\d+)[a-z?]?(?:[=@](\w+))?/.exec(version) ?? []
      const image = version.includes('@') ? `app@${same}` : 'app:latest'
      const environment = version.endsWith('+') ? [{ name: 'LEVEL', value: 'debug' }] : []
      return [`app:${number}`, { family: 'app', containerDefinitions: [{ name: 'app', image, environment }] }]
    }),
  )
  return async arn => {
    const definition = definitions.get(arn)
    return definition === undefined ? undefined : { arn, definition, active: true }
  }
}

async function* newestFirst(history: string): AsyncGenerator<ServiceRevision> {
  yield* revisions(history).toReversed()
}

function words(found: readonly ServiceRevision[]): string {
  return found.map(({ serviceRevisionArn }) => serviceRevisionArn).join(' ')
}

// oldest first; what stands and what was left, newest first
test.each([
  ['1', '1', ''],
  ['1 2 3', '3 2 1', ''],
  ['1 2 3 2', '2 1', '3'],
  ['1 2 3 2 1', '1', '2 3'],
  ['1 2 1', '1', '2'],
  // deployed again without a change
  ['1 2 2 3 3', '3 2 1', ''],
  // what was left and is deployed again stands again
  ['1 2 1 2', '2 1', ''],
  ['1 2 1 3 2', '2 3 1', ''],
  ['1 2 3 1 4', '4 1', '3 2'],
  // a tag that moved, and back
  ['1a 1b', '1b 1a', ''],
  ['1a 1b 1a', '1a', '1b'],
  // registered again with the same content
  ['1 2 3=2', '3=2 1', ''],
  ['1 2 3 4=2', '4=2 1', '3'],
  ['1 2 3 4@2', '4@2 1', '3'],
  ['1 2 3=2+ 4=2', '4=2 1', '3=2+'],
  ['1 2 3=2+', '3=2+ 2 1', ''],
  // a digest that was not recorded: the newest that it can be, and the other keeps its digest
  ['1a 1? 1b', '1b 1a', ''],
  ['1a 1b 1?', '1b 1a', ''],
  ['1? 1a 1b', '1b 1a', ''],
  ['1a 2 1?', '1a', '2'],
])('after %s stands %s', async (history, standing, left) => {
  const described = contentsOf(history)
  const compared = (one: Version, other: Version) => sameness(one, other, described)
  const found = await standingRevisions(newestFirst(history), compared)
  expect([words(found.standing), words(found.left)]).toEqual([standing, left])
})
