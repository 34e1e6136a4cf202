import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { content, isAlive, isGone, pause, type StartedHosts, startedHosts, web1 } from './support/hosts.ts'

let cloud: StartedHosts
let folder: string
beforeAll(async () => {
  cloud = await startedHosts([{ instanceId: web1, tools: { df: '#!/bin/sh\necho full\n' } }])
  folder = await mkdtemp(join(tmpdir(), 'ssm-scripts-'))
})
afterAll(async () => {
  await cloud.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('a script runs as the agent runs it', () => {
  test('Success, both streams, times', async () => {
    const result = await cloud.ran(['echo out', 'echo err >&2'], { Comment: 'hello' })
    expect(result).toMatchObject({
      Comment: 'hello',
      DocumentName: 'AWS-RunShellScript',
      PluginName: 'aws:runShellScript',
      ResponseCode: 0,
      Status: 'Success',
      StatusDetails: 'Success',
      StandardOutputContent: 'out\n',
      StandardErrorContent: 'err\n',
    })
    expect(result.ExecutionElapsedTime).toMatch(/^PT\d+(\.\d+)?S$/)
    expect(Date.parse(result.ExecutionStartDateTime ?? '')).toBeLessThanOrEqual(
      Date.parse(result.ExecutionEndDateTime ?? ''),
    )
  })

  test('the last command counts, as in any shell script', async () => {
    expect(await cloud.ran(['false', 'echo on'])).toMatchObject({ Status: 'Success', StandardOutputContent: 'on\n' })
    expect(await cloud.ran(['true', 'exit 3'])).toMatchObject({
      Status: 'Failed',
      StatusDetails: 'Failed',
      ResponseCode: 3,
      StandardErrorContent: 'failed to run commands: exit status 3',
    })
  })

  test('no HOME, stdin is empty, agent’s folder, agent’s variables, the host’s own tools', async () => {
    const { StandardOutputContent, CommandId } = await cloud.ran([
      'echo "home=${HOME-none} $PWD $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME $SSM_COMMAND_ID"',
      'wc -c',
      'df',
    ])
    expect(StandardOutputContent).toBe(`home=none /usr/bin ${web1} eu-west-1 ${CommandId}\n0\nfull\n`)
  })

  test('sh is what /bin/sh is; a #! line counts at the first byte only', async () => {
    const shell = 'readlink /proc/$$/exe'
    const [plain, first, later] = await Promise.all([
      cloud.ran([shell]),
      cloud.ran(['#!/bin/bash', shell]),
      cloud.ran(['', '#!/bin/bash', shell]),
    ])
    expect(first.StandardOutputContent).toMatch(/\/bash\n$/)
    expect(plain.StandardOutputContent).toBe(later.StandardOutputContent)
  })

  test('workingDirectory, and one that is not there', async () => {
    expect(await cloud.ran(['pwd'], {}, { workingDirectory: [folder] })).toMatchObject({
      StandardOutputContent: `${folder}\n`,
    })
    expect(await cloud.ran(['pwd'], {}, { workingDirectory: ['/nowhere'] })).toMatchObject({
      Status: 'Failed',
      ResponseCode: 1,
      StandardErrorContent: 'failed to run commands: chdir /nowhere: no such file or directory',
    })
  })

  test('a shell that a signal ends is -1', async () => {
    expect(await cloud.ran(['kill -TERM $PPID'])).toMatchObject({
      StatusDetails: 'Failed',
      ResponseCode: -1,
      StandardErrorContent: 'failed to run commands: signal: terminated',
    })
  })

  test('exit code 137 counts as a time-out, also without one', async () => {
    expect(await cloud.ran(['echo seen', 'exit 137'])).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'ExecutionTimedOut',
      ResponseCode: 137,
      StandardOutputContent: '',
    })
  })

  test('exit code 194 reboots the host and runs the script again', async () => {
    const file = join(folder, 'runs')
    const result = await cloud.ran([`echo run >> ${file}`, `[ $(wc -l < ${file}) -ge 3 ] || exit 194`, 'echo done'])
    expect(result).toMatchObject({ Status: 'Success', StandardOutputContent: 'done\n' })
    expect(await readFile(file, 'utf8')).toBe('run\n'.repeat(3))
  })

  test('what holds stdout open keeps the command going', async () => {
    const go = join(folder, 'go')
    const commandId = await cloud.send([`(until [ -e ${go} ]; do sleep 0.01; done) & echo started`])
    await cloud.running(commandId)
    await pause(50)
    expect((await cloud.get(commandId)).Status).toBe('InProgress')
    await writeFile(go, '')
    expect((await cloud.ended(commandId)).Status).toBe('Success')
  })

  test('the script stays a file of this host', async () => {
    const { StandardOutputContent = '' } = await cloud.ran(['echo "$0"', "cat <<'EOF'", "it's $(here)", 'EOF'])
    const [file = '', text] = StandardOutputContent.split('\n')
    expect(text).toBe("it's $(here)")
    expect(await readFile(file, 'utf8')).toBe("echo \"$0\"\ncat <<'EOF'\nit's $(here)\nEOF\n")
    expect(file).toContain(cloud.host().directory.split('/').at(-1))
  })

  test('AWS on the host is this one, under the host’s own role', async () => {
    const { StandardOutputContent = '' } = await cloud.ran(['env'])
    const environment = new Map(StandardOutputContent.split('\n').map(line => [line.split('=')[0], line]))
    expect(environment.get('AWS_ENDPOINT_URL')).toBe(`AWS_ENDPOINT_URL=${cloud.aws.endpoint}`)
    expect(environment.get('AWS_ACCESS_KEY_ID')).toMatch(/=ASIAHOST\w{12}$/)
    // no region, as on a host that nobody has configured
    expect(environment.has('AWS_REGION')).toBe(false)
    expect(environment.has('AWS_DEFAULT_REGION')).toBe(false)
  })
})

describe('time-outs', () => {
  test('executionTimeout kills the process group, without traps; what left it lives on until the host goes', async () => {
    const own = await startedHosts([{ instanceId: web1, executionSpeed: 20 }])
    try {
      const [shell, child, gone] = ['shell', 'child', 'gone'].map(name => join(folder, name))
      const result = await own.ran(
        [
          `trap 'echo trapped' TERM EXIT`,
          `echo $$ > ${shell}; sleep 60 & echo $! > ${child}`,
          `setsid sh -c 'echo $$ > ${gone}; exec sleep 60' >/dev/null 2>&1 &`,
          'echo before; echo problem >&2',
          'wait',
        ],
        {},
        { executionTimeout: ['10'] },
      )
      expect(result).toMatchObject({
        Status: 'TimedOut',
        StatusDetails: 'ExecutionTimedOut',
        ResponseCode: 137,
        StandardOutputContent: '',
        StandardErrorContent: 'problem\n',
      })
      const pid = async (file = '') => Number(await content(file))
      for (const file of [shell, child]) expect(await isGone(await pid(file))).toBe(true)
      expect(await isAlive(await pid(gone))).toBe(true)
    } finally {
      await own.stop()
    }
    expect(await isGone(Number(await content(join(folder, 'gone'))))).toBe(true)
  })
})

describe('output', () => {
  test('24,000 bytes of stdout with the mark, 8,000 characters of stderr, 2,500 bytes in the list', async () => {
    const commandId = await cloud.send([
      'head -c 30000 /dev/zero | tr "\\0" a',
      'head -c 30000 /dev/zero | tr "\\0" b >&2',
    ])
    const [listed] = await cloud.until(commandId, ([first]) => first?.Status === 'Success')
    const { StandardOutputContent = '', StandardErrorContent } = await cloud.get(commandId)
    expect(StandardOutputContent).toBe(`${'a'.repeat(24_000 - 20)}--output truncated--`)
    expect(StandardErrorContent).toBe('b'.repeat(8_000))
    const output = listed?.CommandPlugins?.[0]?.Output ?? ''
    expect(output).toMatch(/^a+\n---Output truncated---\n----------ERROR-------\nb+\n---Error truncated----$/)
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(2_500)
  })

  test('in CloudWatch Logs: streams of AWS’s names, many lines in one event', async () => {
    const output = { CloudWatchOutputEnabled: true, CloudWatchLogGroupName: '/ssm/deploys' }
    const commandId = await cloud.send(['echo one', 'echo two', 'echo bad >&2'], { CloudWatchOutputConfig: output })
    await cloud.until(commandId, ([first]) => first?.Status === 'Success')
    const logs = new CloudWatchLogsClient(cloud.settings)
    const messages = async (stream: string) => {
      const { events = [] } = await logs.send(
        new GetLogEventsCommand({
          logGroupName: '/ssm/deploys',
          logStreamName: `${commandId}/${web1}/aws-runShellScript/${stream}`,
          startFromHead: true,
        }),
      )
      return events.map(({ message }) => message)
    }
    expect((await messages('stdout')).join('')).toMatch(/^one\ntwo\n?$/)
    expect(await messages('stderr')).toHaveLength(1)
    expect(await cloud.get(commandId)).toMatchObject({ CloudWatchOutputConfig: output })
    logs.destroy()
  })
})
