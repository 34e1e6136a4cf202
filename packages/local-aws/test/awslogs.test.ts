import { describe, expect, test } from '@jest/globals'
import { awslogsPipe, messagesOf } from '../src/services/logs/awslogs.ts'
import { pageOf } from '../src/services/logs/page.ts'
import { LogStream } from '../src/services/logs/store.ts'

const LIMIT = 262_144 - 26

function piped(chunks: readonly Buffer[]): Promise<string[]> {
  const stream = new LogStream('s', 'arn')
  const pipe = awslogsPipe({ pause: () => Promise.resolve() }, stream)
  for (const chunk of chunks) pipe.write(chunk)
  return pipe.end().then(() => Array.from({ length: stream.length }, (_, index) => stream.at(index)?.message ?? ''))
}

describe('output becomes events', () => {
  test.each<[string, (string | Buffer)[], string[]]>([
    ['lines', ['a\nb\n'], ['a', 'b']],
    ['the last line needs no newline', ['a\nb'], ['a', 'b']],
    ['a line in pieces', ['hel', 'lo\nwo', 'rld'], ['hello', 'world']],
    ['empty lines make no event', ['\n\na\n\nb\n\n'], ['a', 'b']],
    ['a carriage return stays', ['a\r\nb\r'], ['a\r', 'b\r']],
    ['a NUL stays', ['a\0b\n'], ['a\0b']],
    ['a character in pieces', [Buffer.from([0xe2, 0x82]), Buffer.from([0xac, 10])], ['€']],
    ['each invalid byte is one U+FFFD', [Buffer.from([0x61, 0xff, 0xfe, 0x62, 10])], ['a\uFFFD\uFFFDb']],
    ['a cut character is one U+FFFD a byte', [Buffer.from([0xe2, 0x82, 10])], ['\uFFFD\uFFFD']],
    ['a surrogate is invalid', [Buffer.from([0xed, 0xa0, 0x80, 10])], ['\uFFFD\uFFFD\uFFFD']],
  ])('%s', async (_name, chunks, expected) => {
    expect(await piped(chunks.map(chunk => Buffer.from(chunk)))).toEqual(expected)
  })

  test('a line over the limit becomes several events', async () => {
    const messages = await piped([Buffer.from(`${'x'.repeat(1_000_000)}\nend\n`)])
    expect(messages.map(({ length }) => length)).toEqual([LIMIT, LIMIT, LIMIT, 1_000_000 - 3 * LIMIT, 3])
  })

  test('a megabyte without newline in small pieces', async () => {
    const messages = await piped(Array.from({ length: 1_000 }, () => Buffer.alloc(1_000, 'y')))
    expect(messages.join('')).toBe('y'.repeat(1_000_000))
    expect(messages.every(({ length }) => length <= LIMIT)).toBe(true)
  })

  test('a split never cuts a character', () => {
    const messages = messagesOf(Buffer.from('€'.repeat(100_000)))
    expect(messages.join('')).toBe('€'.repeat(100_000))
    expect(messages.every(message => Buffer.byteLength(message) <= LIMIT)).toBe(true)
  })

  test('invalid bytes count three each', () => {
    const messages = messagesOf(Buffer.alloc(200_000, 0xff))
    expect(messages.join('')).toBe('\uFFFD'.repeat(200_000))
    expect(messages.every(message => Buffer.byteLength(message) <= LIMIT)).toBe(true)
  })
})

function stream(count: number, size = 1): LogStream {
  const made = new LogStream('s', 'arn')
  for (let n = 0; n < count; n++) made.add(n, String(n).padEnd(size, '.'), n)
  return made
}

describe('pages of GetLogEvents', () => {
  test('forward from the head until the token repeats', () => {
    const events = stream(25_000)
    let page = pageOf(events, { startFromHead: true })
    const sizes = [page.events.length]
    for (;;) {
      const next = pageOf(events, { nextToken: page.nextForwardToken })
      if (next.nextForwardToken === page.nextForwardToken) break
      sizes.push(next.events.length)
      page = next
    }
    // an empty page in between is not the end
    expect(sizes).toEqual([10_000, 0, 10_000, 0, 5_000])
  })

  test('at the end: an empty page with the token that was passed; later events follow it', () => {
    const events = stream(3)
    const { nextForwardToken } = pageOf(events, { startFromHead: true })
    expect(pageOf(events, { nextToken: nextForwardToken })).toMatchObject({ events: [], nextForwardToken })
    events.add(9, 'late', 9)
    expect(pageOf(events, { nextToken: nextForwardToken }).events.map(({ message }) => message)).toEqual(['late'])
  })

  test('an empty stream', () => {
    const page = pageOf(stream(0), { startFromHead: true })
    expect(page.events).toEqual([])
    expect(pageOf(stream(0), { nextToken: page.nextForwardToken }).nextForwardToken).toBe(page.nextForwardToken)
  })

  test('a page holds at most 1 MiB, each event counting 26 bytes more', () => {
    expect(pageOf(stream(100, 100_000), { startFromHead: true }).events).toHaveLength(10)
  })

  test('without startFromHead the latest come first, backward to the beginning', () => {
    const events = stream(10)
    const latest = pageOf(events, { limit: 4 })
    expect(latest.events.map(({ message }) => message)).toEqual(['6', '7', '8', '9'])
    const before = pageOf(events, { limit: 4, nextToken: latest.nextBackwardToken })
    expect(before.events.map(({ message }) => message)).toEqual(['2', '3', '4', '5'])
    const first = pageOf(events, { nextToken: before.nextBackwardToken })
    expect(first.events.map(({ message }) => message)).toEqual(['0', '1'])
    expect(pageOf(events, { nextToken: first.nextBackwardToken }).nextBackwardToken).toBe(first.nextBackwardToken)
  })

  test('startTime is inclusive, endTime exclusive', () => {
    const page = pageOf(stream(10), { startFromHead: true, startTime: 3, endTime: 6 })
    expect(page.events.map(({ timestamp }) => timestamp)).toEqual([3, 4, 5])
  })

  test('a token that is none is refused', () => {
    expect(() => pageOf(stream(1), { nextToken: 'x' })).toThrow('The specified nextToken is invalid.')
  })

  test('events of an earlier time take their place', () => {
    const made = stream(2)
    made.add(0, 'early', 5)
    expect(pageOf(made, { startFromHead: true }).events.map(({ message }) => message)).toEqual(['0', 'early', '1'])
  })
})
