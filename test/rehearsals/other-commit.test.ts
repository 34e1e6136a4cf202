import { execFileSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import './patience.ts'
import { type Called, type Caller, startCaller } from './calls.ts'
import { addDockerHost } from './docker-host.ts'
import { labelsOf } from './registry-contents.ts'
import { APPLICATION, SURROUNDINGS } from './small-application.ts'

let caller: Caller
/** the commit that `ref` names, and the one of the run upon it */
let earlier = ''
let later = ''

function git(...args: readonly string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  return execFileSync('git', ['-C', caller.repository.folder, ...identity, ...args], { encoding: 'utf8' }).trim()
}

beforeAll(async () => {
  caller = await startCaller(APPLICATION, SURROUNDINGS)
  git('init', '--quiet')
  git('add', '--all')
  git('commit', '--quiet', '--message', 'the release')
  git('tag', 'v1.2.3')
  earlier = git('rev-parse', 'HEAD')
  await writeFile(join(caller.repository.folder, 'later'), 'not released yet\n')
  git('add', '--all')
  git('commit', '--quiet', '--message', 'work in progress')
  later = git('rev-parse', 'HEAD')
})
afterAll(() => caller?.stop())

const TAGS = '{sha}\n{short-sha}\n{branch}\n{version}'
/** What the image, the build's workflow and the pipeline are given. */
const images = () => `- repository: shop\n  build-args: { VERSION: "${earlier}" }`

/** Tags and digest of the only image. */
function builtBy({ outputs }: Called): { tags: unknown; digest: string } {
  const { shop }: { shop?: { tags: unknown; digest: string } } = JSON.parse(outputs['images'] ?? '{}')
  return shop ?? { tags: undefined, digest: 'none' }
}

// One after the other: what one leaves is what the next finds.
describe('another commit than the one of the run', () => {
  test('build: its image has its tags and label; those of the branch of the run are left out, and said', async () => {
    const called = await caller.call('build', {
      images: images(),
      tags: TAGS,
      ref: 'v1.2.3',
      'aws-region': 'eu-west-1',
      before: 'test ! -e later',
    })
    expect(called.outputs['status']).toBe('success')
    const { tags, digest } = builtBy(called)
    expect(tags).toEqual([earlier, earlier.slice(0, 7)])
    const labels = await labelsOf(caller.cloud().aws, 'shop', digest)
    expect(labels['org.opencontainers.image.revision']).toBe(earlier)
    expect(Object.keys(labels)).toContain('org.opencontainers.image.created')
    expect(called.messages.join('\n')).toContain('The tag {branch} is left out')
    expect(called.messages.join('\n')).toContain('The tag {version} is left out')
  })

  test('build: a ref that names the commit of the run changes nothing', async () => {
    await rm(join(caller.repository.folder, '.github'), { recursive: true, force: true })
    const called = await caller.call('build', {
      images: '- repository: shop',
      tags: '{branch}\n{run}',
      ref: '${{ github.ref }}',
      'aws-region': 'eu-west-1',
    })
    expect(builtBy(called).tags).toEqual(['main', '1'])
  })

  test('pipeline: every stage has the commit that ref named at the begin, though it moves on meanwhile', async () => {
    const origin = '"$GITHUB_WORKSPACE/../../../../repository"'
    const called = await caller.call('pipeline-ecs', {
      ref: 'v1.2.3',
      tags: TAGS,
      images: images(),
      'aws-region': 'eu-west-1',
      'lint-commands': `test ! -e later\ngit -C ${origin} tag --force v1.2.3 HEAD`,
      'test-commands': 'test ! -e later',
      'build-before': 'test ! -e later',
      cluster: 'shop',
      services: 'api=deploy/api.yml',
      'template-values': 'image={shop}',
      'migrate-task-definition': 'deploy/migrate.yml',
      'migrate-command': 'node migrate.js none',
      'network-from-service': 'api',
      'smoke-timeout': '5s',
      'smoke-checks': `- url: ${caller.cloud().options.vars['SHOP_URL']}/health\n  expect: { version: "{version}" }`,
    })
    expect(called.messages.filter(message => !/left out/.test(message))).toEqual([])
    expect(Object.entries(called.jobs).filter(([, result]) => result === 'failure')).toEqual([])
    expect(called.outputs['status']).toBe('success')
    const { tags, digest } = builtBy(called)
    expect(tags).toEqual([earlier, earlier.slice(0, 7)])
    expect(called.outputs['services']).toContain(digest)
    const page = called.run.jobs['call / summary']?.summary ?? ''
    expect(page).toContain(`/commit/${earlier}`)
    expect(page).not.toContain(later.slice(0, 7))
    const shown = called.run.jobs['call / deploy / deploy']?.log ?? ''
    expect(shown).toContain(earlier)
  })

  test('pipeline for EC2: the host runs the image of that commit, by its tag', async () => {
    const web = await addDockerHost(caller.cloud().aws)
    try {
      const called = await caller.call('pipeline-ec2', {
        ref: 'v1.2.3',
        tags: '{sha}',
        images: images(),
        'aws-region': 'eu-west-1',
        'test-commands': 'test ! -e later',
        targets: 'Role=web',
        directory: web.directory,
        env: 'TAG={version}\nIMAGE={shop}',
        'health-timeout': '20s',
        'smoke-timeout': '2s',
        'smoke-checks': `- url: ${web.url}\n  expect: { version: "{version}" }`,
      })
      expect(called.messages).toEqual([])
      expect(called.outputs['status']).toBe('success')
      expect(builtBy(called).tags).toEqual([earlier])
      expect(web.running()).toBe(earlier)
      expect(called.run.jobs['call / summary']?.summary).toContain(`/commit/${earlier}`)
    } finally {
      await web.stop()
    }
  })

  test('deploy: {version} is the commit that was checked out', async () => {
    const called = await caller.call('deploy-ecs', {
      ref: earlier,
      'aws-region': 'eu-west-1',
      cluster: 'shop',
      services: 'api',
      'smoke-timeout': '5s',
      'smoke-checks': `- url: ${caller.cloud().options.vars['SHOP_URL']}/health\n  expect: { version: "{version}" }`,
      'stable-tag': '',
    })
    expect(called.outputs['status']).toBe('success')
  })
})
