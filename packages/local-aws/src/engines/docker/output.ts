import type { Readable } from 'node:stream'

/** A frame of an attached stream: one byte for stdout or stderr, three unused, four for the length. */
const headerLength = 8

/**
 * Takes the frames of an attached container apart and hands their content on in order, stdout and stderr together, as
 * awslogs gets them. Settles when the container's output has ended.
 * Source: Docker Engine API, "Attach to a container", "Stream format".
 */
export async function forwardOutput(stream: Readable, onOutput: (bytes: Buffer) => void): Promise<void> {
  let header = Buffer.alloc(0)
  let left = 0
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) continue
    let rest = chunk
    while (rest.length > 0) {
      if (left === 0) {
        const missing = headerLength - header.length
        header = Buffer.concat([header, rest.subarray(0, missing)])
        rest = rest.subarray(missing)
        if (header.length < headerLength) break
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const content = rest.subarray(0, left)
      left -= content.length
      rest = rest.subarray(content.length)
      onOutput(content)
    }
  }
}
