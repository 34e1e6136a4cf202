import { createLog, Deadline, systemClock } from '@aws-deploy-actions/action-runtime'
import { ECSClient, type ServiceRevision } from '@aws-sdk/client-ecs'
import { expect, test } from '@jest/globals'
import { standingRevisions } from '../src/history.ts'

const calling = { clock: systemClock, log: createLog(() => {}), deadline: new Deadline(systemClock, 60_000) }
/** Nothing is asked of it where no image is given by digest. */
const ecs = Object.assign(new ECSClient({ region: 'eu-west-1' }), {
  send: async () => {
    throw new Error('not expected')
  },
})

/** `2` is revision 2, `2b` the same with another image behind its tag. */
function revisions(text: string): ServiceRevision[] {
  return text.split(' ').map((version, index) => ({
    taskDefinition: `app:${version.replace(/\D/g, '')}`,
    containerImages: [{ containerName: 'app', image: 'app:latest', imageDigest: `sha256:${version}` }],
    createdAt: new Date(Date.UTC(2026, 0, 1, 0, index)),
  }))
}

async function* newestFirst(history: string): AsyncGenerator<ServiceRevision> {
  yield* revisions(history).toReversed()
}

function words(found: readonly ServiceRevision[]): string {
  return found.map(({ containerImages = [] }) => containerImages[0]?.imageDigest?.slice('sha256:'.length)).join(' ')
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
])('after %s stands %s', async (history, standing, left) => {
  const found = await standingRevisions(newestFirst(history), ecs, calling)
  expect([words(found.standing), words(found.left)]).toEqual([standing, left])
})
