import type { LocalAws } from '@aws-deploy-actions/local-aws'
import type { Rehearsal } from '@aws-deploy-actions/rehearsal'
import { http } from '../support/servers.ts'
import { until } from '../support/task-cloud.ts'
import type { Delivery } from './stages.ts'

/** When somebody presses the button to cancel: moments that do not pass by themselves, however slow the machine is. */
export type Moment =
  /** a step of the job with that end of its key begins */
  | { readonly job: string; readonly step: string; readonly asking?: never }
  /** the same, and in it somebody asks AWS for this, and is put off until the button was pressed */
  | { readonly job: string; readonly step: string; readonly asking: readonly [service: string, operation: string] }
  /** a step prints a line with this end, and waits */
  | { readonly line: string }
  /** the job with that end of its key waits for an approval */
  | { readonly approval: string }

/** What a delivery or a call listens to so that `press` is called at that moment. */
export function pressedAt(moment: Moment, aws: () => LocalAws, press: () => void): Partial<Delivery> {
  if ('line' in moment) return { onLine: line => void (line.endsWith(moment.line) && press()) }
  if ('approval' in moment)
    return {
      approve: (_, job) => {
        if (!job.endsWith(moment.approval)) return true
        queueMicrotask(press)
        return new Promise<boolean>(() => {})
      },
    }
  const { job, step, asking } = moment
  return {
    onStep: (key, name) => {
      if (!key.endsWith(job) || name !== step) return
      if (asking === undefined) return press()
      // When nobody asks, the run ends otherwise than the test wants.
      void putOff(aws(), asking).then(
        release => {
          press()
          release()
        },
        () => {},
      )
    },
  }
}

/** From now on AWS puts off who asks for this. Resolves when somebody has asked. @returns what ends it */
async function putOff(aws: LocalAws, [service, operation]: readonly [string, string]): Promise<() => void> {
  const asked = (): number => aws.journal().filter(entry => entry.operation === operation).length
  const before = asked()
  aws.addFault({ service, operation, kind: 'throttle' })
  await until(`${service}:${operation} is asked for`, () => asked() > before)
  return () => aws.clearFaults()
}

/** A delivery that somebody cancels at that moment. */
export function cancelledAt(
  shop: { readonly aws: LocalAws; deliver(delivery: Delivery): Promise<Rehearsal> },
  moment: Moment,
  delivery: Delivery = {},
): Promise<Rehearsal> {
  const cancel = new AbortController()
  const press = pressedAt(
    moment,
    () => shop.aws,
    () => cancel.abort(),
  )
  return shop.deliver({ ...delivery, ...press, cancel: cancel.signal })
}

/** A step's process is asked to end, and is ended. Not for what takes something back meanwhile. */
export const SOON = { timing: { interrupt: 100, terminate: 100 } } as const

/** A stage that is cancelled, and what the page says then. */
export type CancelCase = [title: string, stage: string, says: string, moment: Moment, delivery: Delivery]

const waits = 'echo waiting; sleep 600'

/** What every pipeline has between its check and its deployment. */
export const UNTIL_BUILT: readonly CancelCase[] = [
  [
    'in lint',
    'lint',
    'lint and test were cancelled',
    { line: 'waiting' },
    { vars: { LINT: waits, TEST: 'sleep 600' }, ...SOON },
  ],
  [
    'in the tests',
    'test',
    'lint and test were cancelled',
    { line: 'waiting' },
    { vars: { LINT: 'sleep 600', TEST: waits }, ...SOON },
  ],
  ['before the build', 'build', 'at “Before the build”', { line: 'waiting' }, { vars: { BEFORE: waits }, ...SOON }],
  [
    'while it pushes',
    'build',
    'build · ecr-push',
    { job: 'build / push', step: 'Build and push', asking: ['registry', 'PUT manifest'] },
    {},
  ],
]

/** The job with that end of its key is over its `timeout-minutes` in no time; the others have all the time of the world. */
export function tooSlow(job: string): NonNullable<Delivery['timing']> {
  return { minute: key => (key.endsWith(job) ? 1 : 60_000) }
}

/** A web server that is never well, and rings when it is asked. */
export async function unwellServer(ring: () => void): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { port, close } = await http((_, answer) => {
    ring()
    answer.writeHead(503).end('not yet')
  })
  return { url: `http://127.0.0.1:${port}`, close }
}
