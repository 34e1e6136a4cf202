import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { describe, expect, test } from '@jest/globals'

const ACTION = new URL('..', import.meta.url).pathname
// No endpoint: whoever asked AWS would not get this answer.
const run = (inputs: Readonly<Record<string, string>>, environment = { AWS_REGION: 'eu-west-1' }) =>
  runJavaScriptAction(ACTION, { inputs, environment })

describe('wrong inputs', () => {
  test('are one error that lists all of them, and nothing is touched', async () => {
    const { exitCode, annotations, outputs } = await run({
      'aws-region': 'Ireland',
      'instance-ids': 'web-1\ni-0123456789abcdef0',
      targets: 'Role=web\nNoValue=',
      directory: 'opt/shop',
      'compose-files': 'a\u0007.yml',
      services: 'web app',
      env: 'TAG\n1TAG=x\nA=1\nA=2',
      'env-from': 'PASSWORD=vault:x\nA=ssm:/a\nB=ssm:file:///etc/passwd',
      'git-ref': '--upload-pack=touch',
      'git-repository': 'https://user:hunter22@example.com/shop.git',
      'registry-login': 'docker',
      recreate: 'never',
      'health-url': 'ftp://localhost/',
      'health-timeout': '2 minutes',
      rollback: 'maybe',
      operation: 'undo',
      prune: '1',
      'keep-releases': '-1',
      timeout: '49h',
      'delivery-timeout': '5s',
      'max-concurrency': '0',
      'max-errors': 'none',
      'lock-timeout': 'x',
      'log-group': 'a b',
      'dry-run': 'please',
      summary: 'no',
    })
    expect(exitCode).toBe(1)
    expect(outputs).toEqual({})
    expect(annotations).toHaveLength(1)
    const { message = '' } = annotations[0] ?? {}
    for (const problem of [
      'aws-region: "Ireland": allowed is a region',
      'instance-ids: "web-1": allowed is an id such as i-0123456789abcdef0',
      'targets: "NoValue=": allowed is KEY=VALUE with a value',
      'targets: exclude instance-ids',
      'directory: "opt/shop": allowed is an absolute path',
      'compose-files:',
      'services: "web app": allowed are letters',
      'env: the line "TAG" has no "="',
      'env: the key "1TAG": allowed are letters',
      'env: the key "A" is given twice',
      'env-from: "PASSWORD=vault:x": allowed is KEY=ssm:/name',
      'env-from: "B=ssm:file:///etc/passwd"',
      'env-from: the key "A" is in env as well',
      'git-ref: "--upload-pack=touch"',
      'git-repository:',
      'registry-login: "docker": allowed is none, ecr, ecr-public',
      'recreate: "never": allowed is changed, always',
      'health-url: "ftp://localhost/": allowed is a URL with http or https',
      'health-timeout: "2 minutes": allowed is a duration',
      'rollback: "maybe": allowed is true or false',
      'operation: "undo": allowed is deploy, rollback',
      'prune: "1": allowed is true or false',
      'keep-releases: "-1": allowed is a whole number from 0',
      'timeout: "49h": allowed is at most 48h',
      'delivery-timeout: "5s": allowed is at least 30s',
      'max-concurrency: "0": allowed is a number from 1',
      'max-errors: "none": allowed is a number from 0',
      'lock-timeout: "x": allowed is a duration',
      'log-group: "a b"',
      'dry-run: "please": allowed is true or false',
      'summary: "no": allowed is true or false',
    ]) {
      expect(message).toContain(problem)
    }
  })

  test.each<[string, Record<string, string>, string]>([
    ['no host', { directory: '/opt/shop' }, 'instance-ids: are required and empty'],
    ['no directory', { targets: 'Role=web' }, 'directory: is required and empty'],
    ['a directory with ..', { targets: 'Role=web', directory: '/opt/../etc' }, 'directory: "/opt/../etc"'],
    ['the root', { targets: 'Role=web', directory: '/' }, 'directory: "/"'],
    ['six tags', { targets: 'A=1\nB=2\nC=3\nD=4\nE=5\nF=6', directory: '/opt/shop' }, 'targets: are 6 tags'],
    [
      'a password in the health URL',
      { targets: 'A=1', directory: '/opt/shop', 'health-url': 'http://me:hunter22@localhost/' },
      'without a password',
    ],
    [
      'more than a command can carry',
      { targets: 'A=1', directory: '/opt/shop', env: `A=${incompressible(70_000)}` },
      'Systems Manager takes 60000',
    ],
  ])('%s', async (_, inputs, problem) => {
    const { exitCode, annotations } = await run(inputs)
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain(problem)
  })
})

function incompressible(length: number): string {
  let text = ''
  let state = 1
  while (text.length < length) {
    state = (state * 48271) % 2147483647
    text += state.toString(36)
  }
  return text
}
