import { describe, expect } from '@jest/globals'
import { inCloud } from '../../../test/support/in-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

/** Lines of one container in what was printed, without the prefix. */
function linesOf(container: string, stdout: string): string[] {
  const prefix = `${container} | `
  return stdout
    .split('\n')
    .filter(line => line.startsWith(prefix))
    .map(line => line.slice(prefix.length))
}

const count = (many: number): string =>
  `exec node -e 'let text = ""; for (let i = 1; i <= ${many}; i++) text += "line " + i + " of the log of this container, padded to some length\\n"; process.stdout.write(text)'`

describe('lines', () => {
  inCloud('100,000 from three containers: none lost, none twice, in order', async cloud => {
    const many = 33_334
    await cloud.register('chatty', {
      one: { essential: false, entryPoint: ['sh', '-c'], command: [count(many)] },
      two: { essential: false, entryPoint: ['sh', '-c'], command: [count(many)] },
      app: { entryPoint: ['sh', '-c'], command: [`sleep 2; ${count(many)}`] },
    })
    const { exitCode, stdout, annotations } = await cloud.run({ 'task-definition': 'chatty', container: 'app' })
    expect(annotations).toEqual([])
    expect(exitCode).toBe(0)
    for (const container of ['one', 'two', 'app']) {
      const numbers = linesOf(container, stdout).map(line => Number(/^line (\d+) /.exec(line)?.[1]))
      expect(numbers).toHaveLength(many)
      expect(numbers.every((number, index) => number === index + 1)).toBe(true)
    }
  })

  inCloud('logs: after prints everything at the end; none prints nothing and asks for nothing', async cloud => {
    await cloud.register('chatty', { app: count(12_000) })
    const after = await cloud.run({ 'task-definition': 'chatty', logs: 'after' })
    expect(linesOf('app', after.stdout)).toHaveLength(12_000)
    const asked = cloud.calls('GetLogEvents').length
    const none = await cloud.run({ 'task-definition': 'chatty', logs: 'none' })
    expect(linesOf('app', none.stdout)).toEqual([])
    expect(cloud.calls('GetLogEvents')).toHaveLength(asked)
    expect([after.exitCode, none.exitCode]).toEqual([0, 0])
  })

  inCloud('the tail after the exit is read, whole', async cloud => {
    await cloud.register('burst', { app: `sleep 1; ${count(25_000)}` })
    const { stdout } = await cloud.run({ 'task-definition': 'burst' })
    const lines = linesOf('app', stdout)
    expect(lines).toHaveLength(25_000)
    expect(lines.at(-1)).toContain('line 25000 ')
  })

  inCloud('last lines that CloudWatch shows seconds after the exit are read', async cloud => {
    await cloud.register('late', { app: 'echo the reason; exit 3' })
    // The start of the stream, again and again: nothing there yet.
    const nextForwardToken = `f/30${'0'.repeat(54)}/s`
    cloud.aws.addFault({ operation: 'GetLogEvents', kind: 'answer', body: { events: [], nextForwardToken } })
    const action = await cloud.start({ 'task-definition': 'late' })
    await until('the exit was seen', () => action.output().includes('exited with 3'))
    await new Promise(resolve => setTimeout(resolve, 1500))
    cloud.aws.clearFaults()
    const { stdout, annotations } = await action.result
    expect(linesOf('app', stdout)).toEqual(['the reason'])
    expect(annotations[0]?.message).toContain('the reason')
  })

  inCloud('a container without awslogs is named once', async cloud => {
    await cloud.register('quiet', { app: { entryPoint: ['true'], logConfiguration: undefined } })
    const { exitCode, stdout } = await cloud.run({ 'task-definition': 'quiet' })
    expect(exitCode).toBe(0)
    expect(stdout.match(/app has no awslogs configuration/g)).toHaveLength(1)
  })
})

describe('hostile lines do no harm', () => {
  inCloud('commands, ANSI, a megabyte without newline, bytes that are no UTF-8', async cloud => {
    const hostile = [
      '::error::taken over',
      '  ::set-output name=status::succeeded',
      '::add-mask::a',
      '::stop-commands::x',
      'text ##[error]old form',
      '##[command]rm -rf /',
      '\u001b[31mred\u001b[0m',
      'first\r::error::after a carriage return',
      'std::vector<int>::at 100% fe80::1',
      '${{ secrets.TOKEN }} $(id) `id`',
    ]
    const script = `
      process.stdout.write(${JSON.stringify(`${hostile.join('\n')}\n`)})
      process.stdout.write('x'.repeat(1024 * 1024) + '\\n')
      process.stdout.write(Buffer.from([0x66, 0xff, 0xfe, 0x80, 0x6f, 0x0a]))
      console.log('the end')
    `
    await cloud.register('hostile', { app: { entryPoint: ['node', '-e'], command: [script] } })
    const { exitCode, outputs, annotations, stdout } = await cloud.run({ 'task-definition': 'hostile' })
    expect(exitCode).toBe(0)
    expect(outputs['status']).toBe('succeeded')
    expect(annotations).toEqual([])
    const own = /^::(?:group::|endgroup::)/
    for (const line of stdout.split(/\r\n|\r|\n/)) {
      if (own.test(line)) continue
      expect(line.trimStart().startsWith('::')).toBe(false)
      expect(line).not.toContain('##[')
    }
    const lines = linesOf('app', stdout).map(line => line.replaceAll('\u200b', ''))
    expect(lines).toEqual(expect.arrayContaining(hostile.flatMap(line => line.split('\r'))))
    expect(lines.filter(line => /^x+$/.test(line)).join('')).toHaveLength(1024 * 1024)
    expect(lines.at(-1)).toBe('the end')
    expect(lines.find(line => line.startsWith('f') && line.endsWith('o'))).toMatch(/^f\ufffd+o$/)
  })

  inCloud('a reason that tries to be a command stays text, in the log and on the summary', async cloud => {
    await cloud.register('long', { app: 'sleep 1; exit 4' })
    const body = {
      tasks: [],
      failures: [
        {
          reason: 'MISSING\n::error::taken over <img src=x onerror=alert(1)> | [a](https://evil.example) @octocat',
          arn: 'x',
        },
      ],
    }
    cloud.aws.addFault({ service: 'ecs', operation: 'RunTask', kind: 'answer', body })
    const { annotations, summary, stdout } = await cloud.run({ 'task-definition': 'long' })
    expect(annotations).toHaveLength(1)
    expect(stdout.split('\n').filter(line => line.startsWith('::error'))).toHaveLength(1)
    for (const markup of ['<img', '[a](https://', '@octocat', '\n::error::']) expect(summary).not.toContain(markup)
  })
})
