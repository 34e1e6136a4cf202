import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InputError, InputReader, runnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Inputs, imageNames, readInputs } from '../src/inputs.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ecr-push-inputs-'))
  for (const name of ['app', 'web']) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'Dockerfile'), 'FROM scratch\n')
  }
  for (const name of ['image.tar', 'key.pem', 'policy.txt']) writeFileSync(join(folder, name), 'x')
  writeFileSync(join(folder, 'policy.json'), '{"rules":[]}')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Texts = Readonly<Record<string, string>>

/** As action.yml has them. */
const DEFAULTS: Texts = {
  registry: 'private',
  context: '.',
  pull: 'false',
  'no-cache': 'false',
  'max-parallel': '2',
  tags: '{sha}\nlatest',
  push: 'true',
  'create-repository': 'false',
  'immutable-tags': 'false',
  'scan-on-push': 'true',
  'skip-unchanged': 'false',
  cache: 'none',
  'scan-fail-on': 'none',
  'scan-timeout': '10m',
  'push-attempts': '3',
  timeout: '30m',
}

function read(inputs: Texts, environment: Texts = {}): { inputs: Inputs; problems: string[] } {
  const given = Object.entries({ ...DEFAULTS, ...inputs }).map(([name, value]) => [
    `INPUT_${name.toUpperCase()}`,
    value,
  ])
  const variables = {
    GITHUB_SHA: 'a'.repeat(40),
    AWS_REGION: 'eu-west-1',
    ...environment,
    ...Object.fromEntries(given),
  }
  const input = new InputReader(variables)
  const result = readInputs(input, runnerEnvironment(variables, folder))
  try {
    input.finish()
    return { inputs: result, problems: [] }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return { inputs: result, problems: error.problems.map(({ input: name, problem }) => `${name}: ${problem}`) }
  }
}

const app = { repository: 'team/app', context: 'app' }

test('what a build may say', () => {
  const { inputs, problems } = read(
    {
      ...app,
      target: 'prod',
      'build-args': 'A=1\nB=x=y ',
      'build-secrets': 'token= s p a c e \nid=key,src=key.pem\nid=env,env=MY',
      'build-contexts': 'web=web\nbase=docker-image://alpine:3',
      platforms: 'linux/amd64, linux/arm64\nlinux/arm/v7',
      labels: 'team=core',
      pull: 'true',
      'no-cache': 'TRUE',
      'protect-tags': 'prod\nstaging',
      'keep-tagged': '3',
      'create-repository': 'true',
      'lifecycle-policy': 'policy.json',
    },
    { MY: 'x' },
  )
  expect(problems).toEqual([])
  expect(inputs).toMatchObject({
    push: true,
    protectTags: ['prod', 'staging'],
    keepTagged: 3,
    create: { immutableTags: false, scanOnPush: true, lifecyclePolicy: '{"rules":[]}' },
    scanFailOn: undefined,
  })
  expect(inputs.images).toEqual([
    {
      repository: expect.objectContaining({ name: 'team/app', registry: 'private' }),
      source: {
        kind: 'build',
        context: 'app',
        file: undefined,
        target: 'prod',
        buildArgs: new Map([
          ['A', '1'],
          ['B', 'x=y '],
        ]),
        secrets: [
          { id: 'token', value: ' s p a c e ' },
          { id: 'key', from: 'src', name: 'key.pem' },
          { id: 'env', from: 'env', name: 'MY' },
        ],
        contexts: new Map([
          ['web', 'web'],
          ['base', 'docker-image://alpine:3'],
        ]),
        platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
        labels: new Map([['team', 'core']]),
        pull: true,
        noCache: true,
      },
    },
  ])
})

test('keep-tagged: 0 keeps only what was just pushed', () => {
  expect(read({ ...app, 'keep-tagged': '0' })).toMatchObject({ problems: [], inputs: { keepTagged: 0 } })
})

test('tags of our own are not the user’s', () => {
  const key = `key-${'0'.repeat(64)}`
  const { problems } = read({ ...app, cache: 'registry', tags: `cache\n${key}\nkey-1` })
  expect(problems).toEqual([
    expect.stringMatching(/^tags: "cache": this tag is the cache/),
    expect.stringMatching(/^tags: "key-0+": such tags are the keys of "skip-unchanged"/),
  ])
  expect(read({ ...app, tags: 'cache' }).problems).toEqual([])
  const branch = read({ ...app, cache: 'registry', tags: '{branch}' }, { GITHUB_REF: 'refs/heads/cache' })
  expect(branch.problems).toHaveLength(1)
})

test('which tags name the commit', () => {
  const { inputs } = read({ ...app, tags: '{sha}\nv-{short-sha}\n{date}\nlatest' })
  expect([...inputs.commitTags]).toEqual(['a'.repeat(40), 'v-aaaaaaa'])
})

test('push: false needs no region', () => {
  const nowhere = { AWS_REGION: '' }
  expect(read({ ...app, push: 'false' }, nowhere).problems).toEqual([])
  expect(read(app, nowhere).problems).toEqual([expect.stringMatching(/^aws-region: is not set/)])
  const promotion = { repository: 'open', registry: 'public', 'source-image': 'ecr:staging:v1' }
  expect(read(promotion, nowhere).problems).toEqual([expect.stringMatching(/^aws-region: is not set/)])
})

describe('what excludes each other', () => {
  test.each<[string, Texts, string[]]>([
    [
      'archive and source-image',
      { repository: 'a1', archive: 'image.tar', 'source-image': 'ecr:a1:b' },
      ['source-image'],
    ],
    ['archive and images', { images: '- { repository: a1, context: app }', archive: 'image.tar' }, ['archive']],
    [
      'archive and what builds',
      {
        ...app,
        archive: 'image.tar',
        target: 't',
        file: 'f',
        labels: 'a=b',
        pull: 'true',
        'no-cache': 'true',
        platforms: 'linux/amd64',
        'build-secrets': 'a=b',
        'build-args': 'a=b',
        'build-contexts': 'web=web',
      },
      [
        'context',
        'file',
        'target',
        'build-args',
        'build-secrets',
        'build-contexts',
        'platforms',
        'labels',
        'pull',
        'no-cache',
      ],
    ],
    ['source-image and what builds', { ...app, 'source-image': 'ecr:a1:b', target: 't' }, ['context', 'target']],
    ['images and one image', { ...app, images: '- { repository: a1, context: app }' }, ['context', 'repository']],
    ['push: false and archive', { repository: 'a1', archive: 'image.tar', push: 'false' }, ['push']],
    ['push: false and source-image', { repository: 'a1', 'source-image': 'ecr:a1:b', push: 'false' }, ['push']],
    [
      'public and what it does not have',
      {
        repository: 'public.ecr.aws/x/app',
        context: 'app',
        'immutable-tags': 'true',
        'lifecycle-policy': 'policy.json',
        'scan-fail-on': 'high',
      },
      ['immutable-tags', 'lifecycle-policy', 'scan-fail-on'],
    ],
    [
      'one of several that is public',
      {
        images: '- { repository: app, context: app }\n- { repository: app, registry: public, context: web }',
        'scan-fail-on': 'low',
      },
      ['scan-fail-on'],
    ],
  ])('%s', (_, inputs, names) => {
    expect(
      read(inputs)
        .problems.map(problem => problem.split(':')[0])
        .sort(),
    ).toEqual([...names].sort())
  })
})

test.each<[string, Texts, RegExp]>([
  ['max-parallel', { ...app, 'max-parallel': '0' }, /^max-parallel: "0": allowed is a whole number from 1 to 100/],
  ['keep-tagged', { ...app, 'keep-tagged': 'all' }, /^keep-tagged: "all": allowed is a whole number/],
  [
    'scan-fail-on',
    { ...app, 'scan-fail-on': 'bad' },
    /^scan-fail-on: "bad": allowed is none, critical, high, medium, low/,
  ],
  ['scan-timeout', { ...app, 'scan-timeout': '0s' }, /^scan-timeout: "0s": allowed is at least 1s/],
  ['cache', { ...app, cache: 'disk' }, /^cache: "disk": allowed is none, registry, gha/],
  ['push', { ...app, push: 'yes' }, /^push: "yes": allowed is true or false/],
  ['platforms', { ...app, platforms: 'arm64' }, /^platforms: "arm64": allowed is OS\/ARCHITECTURE/],
  ['source-image', { repository: 'a1', 'source-image': 'ecr:a1' }, /^source-image: "ecr:a1": allowed/],
  [
    'lifecycle-policy, not there',
    { ...app, 'lifecycle-policy': 'none.json' },
    /^lifecycle-policy: "none.json": there is no such file/,
  ],
  [
    'lifecycle-policy, no JSON',
    { ...app, 'lifecycle-policy': 'policy.txt' },
    /^lifecycle-policy: "policy.txt": the file is not valid JSON/,
  ],
  [
    'build-contexts',
    { ...app, 'build-contexts': 'x=nowhere' },
    /^build-contexts: "x=nowhere": there is no such folder/,
  ],
  ['a secret without id', { ...app, 'build-secrets': 'hunter2' }, /^build-secrets: entry 1 has no ID before a "="/],
  ['a secret twice', { ...app, 'build-secrets': 'a=1\na=2' }, /^build-secrets: entry 2 gives "a" a second time/],
  [
    'a secret file',
    { ...app, 'build-secrets': 'id=a,src=none' },
    /^build-secrets: entry 1 names the file none, which is not there/,
  ],
  [
    'a secret variable',
    { ...app, 'build-secrets': 'id=a,env=NONE' },
    /^build-secrets: entry 1 names the variable NONE, which is not set/,
  ],
])('%s is a wrong input', (_, inputs, problem) => {
  const { problems } = read(inputs)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(problem)
  expect(problems[0]).not.toContain('hunter2')
})

test('an input that a workflow passes on unset arrives empty and means its default', () => {
  const empty = Object.fromEntries(Object.keys(DEFAULTS).map(key => [key, '']))
  const { inputs: given, problems } = read({ ...empty, ...app })
  expect(problems).toEqual([])
  expect(given).toEqual(read(app).inputs)
  expect([given.maxParallel, given.pushAttempts, given.tags]).toEqual([2, 3, ['a'.repeat(40), 'latest']])
  // also where immutable tags are concerned
  expect([...given.optionalTags]).toEqual(['latest'])
  // as a block of YAML
  expect(read({ ...app, tags: '\n' }).inputs.tags).toEqual(given.tags)
})

describe('images', () => {
  test("the step's build args are every image's, unless it sets them itself", () => {
    const { inputs, problems } = read({
      'build-args': 'VERSION=1.0\nMODE=release',
      images: `
- { repository: api, context: app }
- { repository: web, context: web, build-args: { MODE: debug } }
`,
    })
    expect(problems).toEqual([])
    expect(inputs.images.map(({ source }) => source)).toMatchObject([
      {
        buildArgs: new Map([
          ['VERSION', '1.0'],
          ['MODE', 'release'],
        ]),
      },
      {
        buildArgs: new Map([
          ['VERSION', '1.0'],
          ['MODE', 'debug'],
        ]),
      },
    ])
  })

  const ireland = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/web'
  const virginia = '123456789012.dkr.ecr.us-east-1.amazonaws.com/web'
  const others = '210987654321.dkr.ecr.eu-west-1.amazonaws.com/web'
  const readAll = (repositories: readonly string[]) =>
    read({ images: repositories.map(repository => `- { repository: "${repository}", context: app }\n`).join('') })

  test.each([
    ['two regions', [ireland, virginia], ['web in eu-west-1', 'web in us-east-1']],
    ['a name and another region', ['web', virginia], ['web in eu-west-1', 'web in us-east-1']],
    ['two accounts', [ireland, others], ['web (1)', 'web (2)']],
    ['a region twice and another', [ireland, others, virginia], ['web (1)', 'web (2)', 'web in us-east-1']],
    ['two galleries', ['public.ecr.aws/one/web', 'public.ecr.aws/two/web'], ['web (1)', 'web (2)']],
    ['a gallery', ['web', 'public.ecr.aws/one/web'], ['web in eu-west-1', 'web in ECR Public']],
  ])('one name in %s is told apart, without account ids', (_, repositories, names) => {
    const { inputs, problems } = readAll(repositories)
    expect(problems).toEqual([])
    expect(imageNames(inputs)).toEqual(names)
  })

  test.each([
    ['a name and an address that may be the same', ['web', ireland]],
    ['one address twice', [ireland, ireland]],
  ])('%s: a wrong input', (_, repositories) => {
    expect(readAll(repositories).problems).toEqual([
      expect.stringMatching(/^images: entry 2 .*: repository: is that of entry 1 too/),
    ])
  })

  test('entries in all forms of YAML; scalars stay as they are written', () => {
    const { inputs, problems } = read({
      registry: 'public',
      images: `
- repository: team/api
  registry: private
  context: app
  build-args:
    NODE: 1.10
    EMPTY:
    FLAG: yes
  platforms: [linux/amd64, linux/arm64]
  pull: true
- repository: web
  context: web
  build-args: |
    A=1
    # a comment
    B=2
  build-secrets: { token: abc }
`,
    })
    expect(problems).toEqual([])
    expect(inputs.images.map(({ repository }) => [repository.registry, repository.name])).toEqual([
      ['private', 'team/api'],
      ['public', 'web'],
    ])
    expect(inputs.images.map(({ source }) => source)).toMatchObject([
      {
        buildArgs: new Map([
          ['NODE', '1.10'],
          ['EMPTY', ''],
          ['FLAG', 'yes'],
        ]),
        platforms: ['linux/amd64', 'linux/arm64'],
        pull: true,
        noCache: false,
      },
      {
        buildArgs: new Map([
          ['A', '1'],
          ['B', '2'],
        ]),
        secrets: [{ id: 'token', value: 'abc' }],
      },
    ])
  })

  test.each<[string, string, RegExp[]]>([
    ['no YAML', '- [', [/^images: is not valid YAML/]],
    ['no list', 'repository: a1', [/^images: is no list/]],
    ['an empty list', '[]', [/^images: is no list/]],
    ['a key twice', '- { repository: a1, repository: b1 }', [/^images: is not valid YAML .*unique/]],
    ['an entry that is no map', '- app', [/^images: entry 1: is no map/]],
    [
      'all problems of all entries, by number and name',
      '- { repository: A, context: app }\n- { repository: web, context: nowhere, tag: x, pull: maybe }\n- { context: app }',
      [
        /^images: entry 1 \(A\): repository: "A"/,
        /^images: entry 2 \(web\): tag: is unknown; allowed are repository, registry,/,
        /^images: entry 2 \(web\): context: "nowhere": there is no such folder/,
        /^images: entry 2 \(web\): pull: "maybe": allowed is true or false/,
        /^images: entry 3: repository: is required/,
      ],
    ],
    [
      'a repository twice',
      '- { repository: web, context: app }\n- { repository: web, context: web }',
      [/^images: entry 2 \(web\): repository: is that of entry 1 too/],
    ],
    [
      'a value with line breaks in a map',
      '- { repository: web, context: app, build-secrets: { key: "hunter2\\nhunter2" } }',
      [/^images: entry 1 \(web\): build-secrets: allowed is a text, a list/],
    ],
  ])('%s', (_, images, problems) => {
    const found = read({ images }).problems.filter(problem => !problem.startsWith('aws-region'))
    expect(found).toEqual(problems.map(problem => expect.stringMatching(problem)))
    expect(found.join('\n')).not.toContain('hunter2')
  })
})
