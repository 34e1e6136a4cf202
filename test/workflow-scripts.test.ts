import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { readReports } from '@aws-deploy-actions/pipeline-report'
import { describe, expect, test } from '@jest/globals'
import { root } from './support/module-graph.ts'

/** Runs a script of `.github/actions` as its step does. */
function run(script: string, env: Readonly<Record<string, string>>, cwd = root) {
  const folder = mkdtempSync(join(tmpdir(), 'script-'))
  try {
    const file = join(folder, 'output')
    writeFileSync(file, '')
    const { status, stdout, stderr } = spawnSync(join(root, '.github/actions', script), {
      cwd,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', RUNNER_TEMP: folder, GITHUB_OUTPUT: file, ...env },
    })
    const reports = join(folder, 'deploy-reports')
    const records = (existsSync(reports) ? readdirSync(reports) : []).flatMap(name => {
      const read = readReports(readFileSync(join(reports, name), 'utf8'))
      if (read.problems.length > 0) throw new Error(read.problems.join('\n'))
      return read.records
    })
    return { status, text: stdout + stderr, outputs: outputsIn(readFileSync(file, 'utf8')), records }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function outputsIn(text: string): Record<string, string> {
  const outputs: Record<string, string> = {}
  const lines = text.split('\n')
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name, delimiter] = /^([\w-]+)<<(\w+)$/.exec(line) ?? []
    if (name !== undefined)
      outputs[name] = lines
        .splice(0, lines.indexOf(delimiter ?? '') + 1)
        .slice(0, -1)
        .join('\n')
    else if (line.includes('=')) outputs[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1)
  }
  return outputs
}

describe('run-commands', () => {
  const commands = (env: Readonly<Record<string, string>>) =>
    run('run-commands/run-commands.sh', {
      COMMANDS_INSTALL: '',
      COMMANDS_BEFORE: '',
      COMMANDS_CHECKED: '',
      COMMANDS_ENVIRONMENT: '',
      COMMANDS_POSTGRES_PORT: '',
      COMMANDS_OPTIONAL: 'false',
      ...env,
    })

  test('runs every command, and fails when one does', () => {
    const { status, text } = commands({ COMMANDS_CHECKED: '# a comment\nexit 3\n\necho second; echo $((1 + 1))\r\n' })
    expect(status).toBe(1)
    expect(text).toContain('::error::exit 3 ended with exit code 3.')
    expect(text).toMatch(/second\n2\n/)
    expect(text.match(/::group::/g)).toHaveLength(2)
  })

  test('a failure in a pipe is one', () => {
    expect(commands({ COMMANDS_CHECKED: 'false | cat' }).status).toBe(1)
    expect(commands({ COMMANDS_CHECKED: 'true | cat' }).status).toBe(0)
  })

  test('leaves a record of what failed, and none when nothing did', () => {
    const { records } = commands({
      COMMANDS_CHECKED: 'true\nexit 3 # "\\n" \t%0A\nfalse',
      GITHUB_WORKSPACE: join(root, '..'),
      GITHUB_JOB: 'lint',
    })
    expect(records.map(({ status, run, failures }) => ({ status, job: run.job, failures }))).toEqual(
      expect.arrayContaining(
        ['exit 3 # "\\n"  %0A ended with exit code 3.', 'false ended with exit code 1.'].map(what => ({
          status: 'failed',
          job: 'lint',
          failures: [{ what, resource: basename(root) }],
        })),
      ),
    )
    expect(records).toHaveLength(2)
    expect(commands({ COMMANDS_CHECKED: 'true' }).records).toEqual([])
  })

  test('ends when what comes before fails', () => {
    const { status, text } = commands({
      COMMANDS_INSTALL: 'false',
      COMMANDS_BEFORE: 'echo B',
      COMMANDS_CHECKED: 'echo C',
    })
    expect(status).toBe(1)
    expect(text).not.toMatch(/^[BC]$/m)
  })

  test('a command that reads its input takes none of the others', () => {
    expect(commands({ COMMANDS_CHECKED: 'cat\necho after' }).text).toMatch(/^after$/m)
  })

  test('a project of the other stage has nothing to run, and installs nothing', () => {
    const none = { COMMANDS_OPTIONAL: 'true', COMMANDS_INSTALL: 'exit 9' }
    expect(commands(none).status).toBe(0)
    expect(commands({ ...none, COMMANDS_CHECKED: 'true' }).status).toBe(1)
  })

  test('nothing to run is a failure', () => {
    expect(commands({ COMMANDS_CHECKED: '# later' }).status).toBe(1)
  })

  test('hands on the environment, masked, and not its own variables', () => {
    const { text } = commands({
      COMMANDS_ENVIRONMENT: 'TOKEN=a=b c%\n# no\nEMPTY=\n',
      COMMANDS_POSTGRES_PORT: '5433',
      COMMANDS_CHECKED: 'echo "<$TOKEN|$EMPTY|$PGPORT|${COMMANDS_ENVIRONMENT-none}>"',
    })
    expect(text).toContain('::add-mask::a=b c%25')
    expect(text).toContain('<a=b c%||5433|none>')
  })

  test('an environment that is none is refused without showing it', () => {
    const { status, text } = commands({ COMMANDS_ENVIRONMENT: 'hunter2', COMMANDS_CHECKED: 'echo ran' })
    expect(status).toBe(1)
    expect(text).not.toContain('hunter2')
    expect(text).not.toMatch(/^ran$/m)
  })
})

describe('fill-in', () => {
  const fill = (env: Readonly<Record<string, string>>) =>
    run('fill-in/fill-in.sh', {
      FILL_REPOSITORIES: '',
      FILL_REFERENCES: '',
      FILL_IMAGE_TAG: '',
      FILL_IMAGE_LIST: '',
      FILL_PLACEHOLDER: '',
      FILL_REGISTRY: 'private',
      FILL_ACCOUNT: '111122223333',
      FILL_REGION: 'eu-west-1',
      FILL_VERSION: '1.2.3',
      FILL_IN_IMAGES: '',
      FILL_IN_IMAGE: '',
      FILL_IN_TEMPLATE_VALUES: '',
      FILL_IN_ENV: '',
      FILL_IN_CHECKS: '',
      FILL_IN_SERVICES: '',
      FILL_ROLLBACK_TO: '',
      ...env,
    })
  const BUILT = {
    FILL_REPOSITORIES: 'team/api web',
    FILL_REFERENCES: 'ecr:team/api@sha256:aa ecr-public:alias/web@sha256:bb',
  }

  test('checks in a file, and a text of one line that is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'checks-'))
    try {
      const file = join(folder, 'smoke checks.yml')
      writeFileSync(file, '- url: https://a.example\n  expect: { version: "{version}" }\n')
      for (const given of [file, `${file}\n`])
        expect(fill({ FILL_IN_CHECKS: given }).outputs['checks']).toContain('version: "1.2.3"')
      const line = '- { url: "https://a.example/{version}" }'
      expect(fill({ FILL_IN_CHECKS: line }).outputs['checks']).toBe('- { url: "https://a.example/1.2.3" }')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('images are references, values are addresses', () => {
    const { outputs } = fill({
      ...BUILT,
      FILL_IN_IMAGES: 'api={team/api}\nweb={web}',
      FILL_IN_TEMPLATE_VALUES: 'api={team/api}\nweb={web}\nversion={version}',
    })
    expect(outputs['images']).toBe('api=ecr:team/api@sha256:aa\nweb=ecr-public:alias/web@sha256:bb')
    expect(outputs['template-values']).toBe(
      'api=111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/api@sha256:aa\nweb=public.ecr.aws/alias/web@sha256:bb\nversion=1.2.3',
    )
  })

  test('other braces stay', () => {
    const text = 'a=${web} {"x": {"y": 1}} } { {web}'
    expect(fill({ ...BUILT, FILL_IN_IMAGES: text }).outputs['images']).toBe(
      text.replace(/\{web\}$/, 'ecr-public:alias/web@sha256:bb'),
    )
    expect(fill({ FILL_IN_CHECKS: '{ value: "{version}", body: {ok} }' }).outputs['checks']).toBe(
      '{ value: "1.2.3", body: {ok} }',
    )
  })

  test('an existing tag, of the repositories in any form of YAML', () => {
    const list = '- repository: team/api\n- { repository: "web" }\n- {"repository":"public.ecr.aws/alias/site"}'
    const { outputs } = fill({
      FILL_IMAGE_TAG: 'v9',
      FILL_IMAGE_LIST: list,
      FILL_IN_IMAGES: '{team/api} {web} {site}',
    })
    expect(outputs['images']).toBe('ecr:team/api:v9 ecr:web:v9 ecr-public:alias/site:v9')
    expect(outputs['repositories']?.split(' ').toSorted()).toEqual(['site', 'team/api', 'web'])
    expect(outputs['references']?.split(' ').toSorted()).toEqual([
      'ecr-public:alias/site:v9',
      'ecr:team/api:v9',
      'ecr:web:v9',
    ])
  })

  test.each(['{web}', '{image}'])(
    'an existing tag in ECR Public whose alias is not known is not taken for a private one: %s',
    text => {
      const PUBLIC = { FILL_REGISTRY: 'public', FILL_IMAGE_TAG: 'v9', FILL_IMAGE_LIST: '- repository: web' }
      const { status, text: said } = fill({ ...PUBLIC, FILL_IN_ENV: `IMAGE=${text}` })
      expect(status).toBe(1)
      expect(said).toContain('public.ecr.aws/ALIAS/NAME')
      const { status: unused, outputs } = fill({ ...PUBLIC, FILL_IN_ENV: 'TAG={version}' })
      expect(unused).toBe(0)
      expect(outputs).toMatchObject({ env: 'TAG=1.2.3', references: '' })
      const known = fill({ ...PUBLIC, FILL_IMAGE_LIST: '- repository: public.ecr.aws/alias/web', FILL_IN_ENV: text })
      expect(known.outputs['env']).toBe('public.ecr.aws/alias/web:v9')
    },
  )

  test('{image} is the only image there is', () => {
    expect(
      fill({ FILL_IMAGE_TAG: 'v9', FILL_IMAGE_LIST: '- repository: web', FILL_IN_IMAGE: '{image}' }).outputs['image'],
    ).toBe('ecr:web:v9')
    expect(fill({ ...BUILT, FILL_IN_IMAGE: '{image}' }).status).toBe(1)
  })

  test('a service that goes back needs no task definition', () => {
    const FILL_IN_SERVICES = 'api=deploy/api.yml\nweb\n# none=x\nworker = shop-worker:3'
    expect(fill({ FILL_IN_SERVICES }).outputs['services']).toBe(FILL_IN_SERVICES)
    const { outputs } = fill({ FILL_IN_SERVICES, FILL_ROLLBACK_TO: 'previous' })
    expect(outputs['services']).toBe('api\nweb\n# none\nworker ')
  })

  test('a name that stands for no image is an error that names those there are', () => {
    const { status, text } = fill({ ...BUILT, FILL_IN_TEMPLATE_VALUES: 'x={wbe}' })
    expect(status).toBe(1)
    expect(text).toMatch(/::error::\{wbe\} .*team\/api/)
  })
})

describe('deployed-images', () => {
  const find = (images: string, digests: string, only = '') =>
    run('deployed-images/find.sh', { DEPLOYED_IMAGES: images, DEPLOYED_DIGESTS: digests, DEPLOYED_ONLY: only })

  test('lists those of this account once, by digest', () => {
    const { outputs } = find(
      'ecr:a/b@sha256:1 ecr:a/b@sha256:1 docker.io/x:1 ecr-public:al/web:t',
      'sha256:1 sha256:1 sha256:2 sha256:3',
    )
    expect(JSON.parse(outputs['images'] ?? '')).toEqual([
      { name: 'a/b', registry: 'private', reference: 'ecr:a/b@sha256:1' },
      { name: 'public.ecr.aws/al/web', registry: 'public', reference: 'ecr-public:al/web@sha256:3' },
    ])
  })

  test('leaves out what the delivery did not bring', () => {
    const { outputs } = find(
      'ecr:app@sha256:1 ecr:sidecar:2 ecr-public:al/web:t',
      'sha256:1 sha256:2 sha256:3',
      'app web',
    )
    expect(outputs['images']).toMatch(/"app".*"public.ecr.aws\/al\/web"/)
    expect(outputs['images']).not.toContain('sidecar')
  })

  test('without digests the references are what is meant', () => {
    const { outputs } = find('ecr:a/b:2.0 ecr-public:al/web:2.0', '')
    expect(JSON.parse(outputs['images'] ?? '')).toEqual([
      { name: 'a/b', registry: 'private', reference: 'ecr:a/b:2.0' },
      { name: 'public.ecr.aws/al/web', registry: 'public', reference: 'ecr-public:al/web:2.0' },
    ])
  })

  test('an unknown digest is a failure', () => {
    expect(find('ecr:a ecr:b', 'sha256:1').status).toBe(1)
  })
})
