import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Rehearsal, rehearse, STAND_INS, type StandIn } from '@aws-deploy-actions/rehearsal'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { root } from './support/module-graph.ts'

// release.yml itself, in a small repository of the same shape: its origin is a bare repository, and `gh` writes down what it
// was asked for. `.ci/run` is one check of the real one, that of the bundles.
const WORKFLOW = '.github/workflows/release.yml'
const BUNDLE = 'actions/greet/dist/index.js'
const GH = `#!/bin/sh
echo "$*" >>"$GH_LOG"
draft="$GH_LOG.$3"
case "$1 $2" in
  'release view')
    case $* in
      *assets*) LC_ALL=C ls "$GH_ASSETS" | tr '\\n' ' ' | sed 's/ $//' ;;
      *) exec cat "$draft" ;;
    esac ;;
  'release create') echo true >"$draft" ;;
  'release edit') echo false >"$draft" ;;
  'release upload')
    if [ -f "$GH_LOG.refused" ]; then rm "$GH_LOG.refused"; exit 1; fi
    for word; do if [ -f "$word" ]; then cp "$word" "$GH_ASSETS"; fi; done ;;
esac
`
const BUILD = `#!/bin/sh
set -eu
cd "$(dirname "$0")/.."
mkdir -p actions/greet/dist
{ echo '// built'; cat actions/greet/index.ts; } >actions/greet/dist/index.js
`

let folder: string
let work: string
let origin: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'release-'))
  work = join(folder, 'work')
  origin = join(folder, 'origin.git')
  git(folder, 'init', '--quiet', '--bare', origin)
  git(folder, 'init', '--quiet', work)
  git(work, 'remote', 'add', 'origin', origin)
  for (const path of [WORKFLOW, 'scripts/check-dist']) put(path, readFileSync(join(root, path), 'utf8'))
  put('scripts/bundle', BUILD)
  put('.github/actions/fill-in/action.yml', 'name: fill in\n')
  put('.ci/run', 'scripts/check-dist\n')
  put('../bin/gh', GH)
  for (const path of ['scripts/check-dist', 'scripts/bundle', '../bin/gh']) chmodSync(join(work, path), 0o755)
  mkdirSync(join(folder, 'assets'))
  written('1.0.0')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function git(cwd: string, ...args: readonly string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  const { status, stdout, stderr } = spawnSync('git', [...identity, ...args], { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

function put(path: string, text: string): void {
  const file = join(work, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Commits a version with its bundle, and pushes main. */
function written(version: string): string {
  put('package.json', JSON.stringify({ version }))
  put('actions/greet/index.ts', `console.log('${version}')\n`)
  spawnSync(join(work, 'scripts/bundle'))
  return committed(version)
}

function committed(message: string): string {
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '--message', message)
  git(work, 'push', '--quiet', 'origin', 'HEAD:refs/heads/main')
  return git(work, 'rev-parse', 'HEAD')
}

/** As actions/checkout does with `fetch-depth: 0`: every branch and tag of the origin, and the tag that was pushed. */
function checkoutOf(tag: string): StandIn {
  return {
    instead: 'clones the origin of the test',
    run: ({ job }) => {
      const { workspace } = job.folders
      git(folder, 'clone', '--quiet', '--no-checkout', origin, workspace)
      git(workspace, 'checkout', '--quiet', '--detach', tag)
    },
  }
}

/** Pushes a tag, and runs what that starts. */
function released(tag: string, commit = 'HEAD', approve = true): Promise<Rehearsal> {
  git(work, 'tag', tag, commit)
  git(work, 'push', '--quiet', 'origin', tag)
  return runFor(tag, approve)
}

function runFor(tag: string, approve = true): Promise<Rehearsal> {
  return rehearse({
    repository: work,
    workflow: WORKFLOW,
    event: 'push',
    identity: { ref: `refs/tags/${tag}` },
    standIns: new Map([...STAND_INS, ['actions/checkout', checkoutOf(tag)]]),
    path: [join(folder, 'bin')],
    environment: { GH_LOG: join(folder, 'gh.log'), GH_ASSETS: join(folder, 'assets') },
    approve: () => approve,
  })
}

const VIEW = 'release view v1.0.0 --json isDraft --jq .isDraft'
const ASSETS = 'release view v1.0.0 --json assets --jq [.assets[].name] | sort | join(" ")'
const UPLOAD = 'release upload v1.0.0 --clobber bundles.tar.gz SHA256SUMS'
const PUBLISH = 'release edit v1.0.0 --draft=false'

/** What `gh` was asked for, in order. */
function asked(): string[] {
  const file = join(folder, 'gh.log')
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .trim()
    .replaceAll(/\S*\/release\//g, '')
    .split('\n')
}

function branch(name: string): string | undefined {
  return git(work, 'ls-remote', origin, `refs/heads/${name}`).split('\t')[0] || undefined
}

function errors({ jobs }: Rehearsal): string {
  return Object.values(jobs)
    .flatMap(({ annotations, steps }) => [
      ...annotations.map(({ message }) => message),
      ...steps.flatMap(({ log }) => log),
    ])
    .join('\n')
}

/** Nothing was published, signed or moved. */
function nothingHappened(run: Rehearsal, reason: RegExp): void {
  expect(errors(run)).toMatch(reason)
  expect(run.status).not.toBe('success')
  expect(run.jobs['publish']?.result).not.toBe('success')
  expect(asked()).toEqual([])
  expect(branch('v1')).toBeUndefined()
}

test('a release: verified, its bundles attested, a draft until everything is in it, then the branch of the major version', async () => {
  const commit = git(work, 'rev-parse', 'HEAD')
  const run = await released('v1.0.0')
  expect(run.problems).toEqual([])
  expect(errors(run)).not.toMatch(/##\[error\]/)
  expect(run.status).toBe('success')

  expect(asked()).toEqual([VIEW, 'release create v1.0.0 --verify-tag --draft --generate-notes', UPLOAD, PUBLISH])
  expect(branch('v1')).toBe(commit)

  const sum = createHash('sha256')
    .update(readFileSync(join(work, BUNDLE)))
    .digest('hex')
  expect(readFileSync(join(folder, 'assets/SHA256SUMS'), 'utf8')).toBe(`${sum}  ${BUNDLE}\n`)
  const listed = spawnSync('tar', ['-tzf', join(folder, 'assets/bundles.tar.gz')], { encoding: 'utf8' }).stdout
  expect(listed.split('\n')).toContain(BUNDLE)

  const steps = run.jobs['publish']?.steps ?? []
  const at = (name: string): number => steps.findIndex(step => step.name === name)
  expect(steps[at('Attest the bundles')]?.log.join('\n')).toContain(`would be attested: ${sum}  ${BUNDLE}`)
  expect(steps[at('Attest the archive')]?.log.join('\n')).toMatch(/would be attested: .*bundles\.tar\.gz/)
  expect(at('Attest the bundles')).toBeLessThan(at('Publish the release'))
  expect(at('Attest the archive')).toBeLessThan(at('Publish the release'))
  expect(at('Publish the release')).toBeLessThan(at('Move the branch of the major version'))
})

test('the branch moves forward only, and each major version has its own', async () => {
  const earlier = written('1.0.1')
  const later = written('1.1.0')
  expect((await released('v1.1.0', later)).status).toBe('success')
  expect(branch('v1')).toBe(later)

  const older = await released('v1.0.1', earlier)
  expect(older.status).toBe('success')
  expect(errors(older)).toContain('v1 has v1.0.1 already, and stays where it is.')
  expect(branch('v1')).toBe(later)

  const next = written('2.0.0')
  expect((await released('v2.0.0', next)).status).toBe('success')
  expect([branch('v1'), branch('v2')]).toEqual([later, next])
})

test('run again after a failure it goes on where it was, and what is published stays as it is', async () => {
  put('../gh.log.refused', '')
  expect((await released('v1.0.0')).status).toBe('failure')
  expect(branch('v1')).toBeUndefined()
  const first = asked().length
  expect((await runFor('v1.0.0')).status).toBe('success')
  expect(asked().slice(first)).toEqual([VIEW, UPLOAD, PUBLISH])
  expect(branch('v1')).toBe(git(work, 'rev-parse', 'HEAD'))
  const again = await runFor('v1.0.0')
  expect(again.status).toBe('success')
  expect(errors(again)).toContain('v1.0.0 is published already.')
  expect(asked().slice(first + 3)).toEqual([VIEW, ASSETS])
})

test('a release that somebody published by hand has no bundles: it fails, and the branch stays', async () => {
  put('../gh.log.v1.0.0', 'false\n')
  const run = await released('v1.0.0')
  expect(run.status).toBe('failure')
  expect(errors(run)).toContain('v1.0.0 was published without its attested bundles (it has: no files).')
  expect(asked()).toEqual([VIEW, ASSETS])
  expect(branch('v1')).toBeUndefined()
})

describe('nothing is published, and nothing moves,', () => {
  test('when the tag is not the version of package.json', async () => {
    nothingHappened(await released('v1.0.1'), /The tag is v1\.0\.1, but package\.json says 1\.0\.0\./)
  })

  test('when the tag is not on main', async () => {
    put('package.json', JSON.stringify({ version: '1.2.0' }))
    git(work, 'checkout', '--quiet', '-b', 'side')
    git(work, 'commit', '--quiet', '--all', '--message', 'beside main')
    nothingHappened(await released('v1.2.0'), /v1\.2\.0 is not on main\./)
  })

  test('when a bundle is not what its sources give', async () => {
    put('actions/greet/index.ts', "console.log('changed, and not built')\n")
    committed('no bundle')
    nothingHappened(
      await released('v1.0.0'),
      /These bundles are not what the sources give:\s+.*actions\/greet\/dist\/index\.js/,
    )
  })

  test('when a file lies beside the bundles that no source gives', async () => {
    put('.gitignore', '')
    put('scripts/bundle', `${BUILD}echo '// new' >actions/greet/dist/chunk.js\n`)
    committed('a chunk that is not committed')
    nothingHappened(await released('v1.0.0'), /\?\? actions\/greet\/dist\/chunk\.js/)
  })

  test('when the job may not attest', async () => {
    put(WORKFLOW, readFileSync(join(root, WORKFLOW), 'utf8').replace(/\n *attestations: write.*/, ''))
    committed('no permission')
    nothingHappened(await released('v1.0.0'), /missing "attestations" permission/)
  })

  test('when nobody approves it', async () => {
    nothingHappened(await released('v1.0.0', 'HEAD', false), /release/)
  })
})

test('a tag that is no version starts nothing', async () => {
  const run = await released('v1.0.0-rc.1')
  expect(run.status).toBe('not-triggered')
})
