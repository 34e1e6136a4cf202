import type { Cloud } from '../../cloud.ts'
import type { LogStore } from '../logs/store.ts'
import { commandDurations } from './durations.ts'

/*
 * How the agent sends a script's output to CloudWatch Logs; source: github.com/aws/amazon-ssm-agent,
 * agent/agentlogstocloudwatch/cloudwatchlogspublisher (`StreamData`, `getNextMessage`, `buildEventInfo`) and
 * iohandler.go: streams COMMAND-ID/INSTANCE-ID/PLUGIN-ID/stdout and /stderr, made with the first output; once a second
 * all complete lines since the last time become ONE event, up to 200,000 bytes; \r\n becomes \n; the very last newline
 * goes. The agent makes the group when it is not there. The command ends only when all is uploaded.
 */
const EVENT_BYTES = 200_000

export interface CommandOutput {
  write(stream: 'stdout' | 'stderr', bytes: Buffer): void
  /** settles when everything can be read */
  end(): Promise<void>
}

/** `prefix` is COMMAND-ID/INSTANCE-ID */
export function commandOutput(
  cloud: Pick<Cloud, 'pause'>,
  logs: LogStore,
  region: string,
  groupName: string,
  prefix: string,
): CommandOutput {
  const group = logs.groups(region).get(groupName) ?? logs.createGroup(region, groupName)
  const rest: Record<'stdout' | 'stderr', Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
  let isComplete = false
  let uploading: Promise<void> | undefined

  function upload(name: 'stdout' | 'stderr'): void {
    const end = isComplete ? rest[name].length : rest[name].lastIndexOf(10) + 1
    const waiting = rest[name].subarray(0, end)
    rest[name] = rest[name].subarray(end)
    for (const chunk of events(waiting)) {
      const text = chunk.toString('utf8').replaceAll('\r\n', '\n')
      const message = isComplete ? text.replace(/\n$/, '') : text
      const now = Date.now()
      // CloudWatch Logs takes no empty event
      if (message !== '') logs.stream(group, `${prefix}/aws-runShellScript/${name}`).add(now, message, now)
    }
  }

  async function uploadAfterPause(): Promise<void> {
    await cloud.pause(commandDurations.upload)
    uploading = undefined
    upload('stdout')
    upload('stderr')
  }

  return {
    write(name, bytes) {
      rest[name] = Buffer.concat([rest[name], bytes])
      uploading ??= uploadAfterPause()
      // rejects only when the cloud stops
      uploading.catch(() => undefined)
    },
    async end() {
      isComplete = true
      await uploading
      upload('stdout')
      upload('stderr')
    },
  }
}

/** Whole lines together, at most EVENT_BYTES; a longer line is cut. */
function* events(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; ) {
    const room = bytes.subarray(from, from + EVENT_BYTES)
    const lastLine = room.length < EVENT_BYTES ? room.length : room.lastIndexOf(10) + 1
    const length = lastLine === 0 ? room.length : lastLine
    yield room.subarray(0, length)
    from += length
  }
}
