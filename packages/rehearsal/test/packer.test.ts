import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { baseImageContext, packImage } from '@aws-deploy-actions/rehearsal'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { extract } from 'tar-stream'
import { describeWith } from '../../../test/support/parts.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'packer-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function context(files: Readonly<Record<string, string>>, name = 'context'): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name, path)), { recursive: true })
    writeFileSync(join(folder, name, path), text)
  }
  return join(folder, name)
}

interface Member {
  readonly type: string | null | undefined
  readonly mode: number | undefined
  readonly linkname: string | null | undefined
  readonly bytes: Buffer
}

async function tarMembers(bytes: Buffer): Promise<Map<string, Member>> {
  const members = new Map<string, Member>()
  const tar = extract()
  tar.end(bytes)
  for await (const entry of tar) {
    const chunks: Buffer[] = []
    for await (const chunk of entry) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
    const { name, type, mode, linkname } = entry.header
    members.set(name, { type, mode, linkname, bytes: Buffer.concat(chunks) })
  }
  return members
}

/** What a container of the image would see. */
async function imageAt(path: string) {
  const members = await tarMembers(readFileSync(path))
  const json = (name: string) => JSON.parse(members.get(name)?.bytes.toString() ?? 'null')
  const [saved] = json('manifest.json')
  const files = new Map<string, Member>()
  for (const layer of saved.Layers) {
    for (const [name, member] of await tarMembers(members.get(layer)?.bytes ?? Buffer.alloc(0))) files.set(name, member)
  }
  const texts = Object.fromEntries(
    [...files].filter(([, { type }]) => type === 'file').map(([name, { bytes }]) => [name, bytes.toString()]),
  )
  return { ...json(saved.Config), files, texts, layers: saved.Layers.length }
}

async function packed(
  files: Readonly<Record<string, string>>,
  options: { buildArgs?: Record<string, string>; target?: string } = {},
) {
  const output = join(folder, 'image.tar')
  await packImage({ contextDirectory: context(files), output, ...options })
  return imageAt(output)
}

test('copies files and keeps every setting', async () => {
  const image = await packed(
    {
      Dockerfile: `# syntax=docker/dockerfile:1
ARG BASE_IMAGE=node:24-slim
FROM \${BASE_IMAGE}
ARG VERSION=none
ENV NODE_ENV=production GREETING="hello  world" \\
    # a comment between
    VERSION=\${VERSION:-x}
ENV OLD form with blanks
LABEL org.example.name="the app" plain=yes
WORKDIR /srv
WORKDIR app
COPY --chown=node:node package.json *.js ./
COPY lib lib
COPY ["one file.txt", "/etc/renamed.txt"]
USER node
EXPOSE 3000 9000/udp
HEALTHCHECK --interval=5s --retries=2 CMD wget -q localhost:3000
ENTRYPOINT ["node"]
CMD ["server.js"]
`,
      'package.json': '{}',
      'server.js': 'serve',
      'other.js': 'other',
      'readme.md': 'not copied',
      'lib/a/b.js': 'deep',
      'one file.txt': 'one',
    },
    { buildArgs: { BASE_IMAGE: 'local-node', VERSION: '7' } },
  )
  expect(image.config).toEqual({
    Env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'NODE_ENV=production',
      'GREETING=hello  world',
      'VERSION=7',
      'OLD=form with blanks',
    ],
    Labels: { 'org.example.name': 'the app', plain: 'yes' },
    WorkingDir: '/srv/app',
    User: 'node',
    ExposedPorts: { '3000/tcp': {}, '9000/udp': {} },
    Healthcheck: { Test: ['CMD-SHELL', 'wget -q localhost:3000'], Interval: 5e9, Retries: 2 },
    Entrypoint: ['node'],
    Cmd: ['server.js'],
  })
  expect(image.texts).toEqual({
    'srv/app/package.json': '{}',
    'srv/app/server.js': 'serve',
    'srv/app/other.js': 'other',
    'srv/app/lib/a/b.js': 'deep',
    'etc/renamed.txt': 'one',
  })
  expect(image.layers).toBe(image.rootfs.diff_ids.length)
})

test('the same files give the same image, whatever their times', async () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY . /app\n', 'b.js': 'b', 'a/c.js': 'c' }
  const first = await packImage({ contextDirectory: context(files), output: join(folder, '1.tar') })
  const again = context(files, 'again')
  utimesSync(join(again, 'b.js'), 1000, 1000)
  const second = await packImage({ contextDirectory: again, output: join(folder, '2.tar') })
  expect(second.digest).toBe(first.digest)
  expect(readFileSync(join(folder, '2.tar')).equals(readFileSync(join(folder, '1.tar')))).toBe(true)
  writeFileSync(join(again, 'b.js'), 'changed')
  expect((await packImage({ contextDirectory: again, output: join(folder, '3.tar') })).digest).not.toBe(first.digest)
})

test.each([
  ['FROM scratch\n\n# two\nRUN npm ci \\\n  --omit=dev\n', /line 4: RUN needs a Docker Engine/],
  ['FROM node:24\n', /line 1: the base image node:24 is not on this machine; there are scratch, local-node/],
  ['FROM scratch\nCOPY missing.js .\n', /line 2: missing.js is not there/],
  ['FROM scratch\nCOPY ../up.js .\n', /line 2: .*outside the build context/],
  ['FROM scratch\nCOPY --from=nginx:1 /a /b\n', /line 2: COPY --from=nginx:1 is no earlier stage/],
  ['FROM scratch\nCOPPY a b\n', /line 2: unknown instruction COPPY/],
  ['ENV A=b\nFROM scratch\n', /line 1: ENV before FROM/],
  ['# nothing\n', /has no FROM/],
])('%j is refused', async (Dockerfile, message) => {
  await expect(packed({ Dockerfile })).rejects.toThrow(message)
})

test('.dockerignore leaves out, and lets back in', async () => {
  const { texts } = await packed({
    Dockerfile: 'FROM scratch\nCOPY . /\n',
    '.dockerignore':
      '# comment\nnode_modules\n**/*.log\n!keep.log\n/Dockerfile\n.dockerignore\ntest/*\n!test/fixtures\n',
    'node_modules/x/index.js': 'x',
    'a/b/c.log': 'log',
    'keep.log': 'kept',
    'test/unit.js': 'unit',
    'test/fixtures/f.txt': 'fixture',
    'src/index.js': 'source',
  })
  expect(Object.keys(texts).sort()).toEqual(['keep.log', 'src/index.js', 'test/fixtures/f.txt'])
})

test('stages: only those that are needed count, and files come from earlier ones', async () => {
  const files = {
    Dockerfile: `FROM scratch AS files
WORKDIR /out
COPY a.txt b.txt ./
FROM scratch AS compiled
RUN make
FROM files AS base
ENV BASE=1
FROM base AS final
COPY --from=files /out/a.txt /copied/
COPY --from=0 /out /all
`,
    'a.txt': 'a',
    'b.txt': 'b',
  }
  const { texts, config } = await packed(files, { target: 'final' })
  expect(texts).toEqual({ 'out/a.txt': 'a', 'out/b.txt': 'b', 'copied/a.txt': 'a', 'all/a.txt': 'a', 'all/b.txt': 'b' })
  expect(config).toMatchObject({ Env: ['BASE=1'], WorkingDir: '/out' })
  await expect(packed(files, { target: 'compiled' })).rejects.toThrow(/line 5: RUN needs a Docker Engine/)
})

test('an archive can be the base', async () => {
  const base = join(folder, 'base.tar')
  await packImage({
    contextDirectory: context(
      { Dockerfile: 'FROM scratch\nCOPY base.txt /\nENV A=1\nCMD ["base"]\n', 'base.txt': 'base' },
      'base',
    ),
    output: base,
  })
  const output = join(folder, 'image.tar')
  await packImage({
    contextDirectory: context({ Dockerfile: 'FROM my/base:1\nCOPY own.txt /\nENTRYPOINT ["own"]\n', 'own.txt': 'own' }),
    baseImages: { 'my/base:1': base },
    output,
  })
  const image = await imageAt(output)
  expect(image.texts).toEqual({ 'base.txt': 'base', 'own.txt': 'own' })
  expect(image.config).toEqual({ Env: ['A=1'], Entrypoint: ['own'] })
})

test('links stay links, executable files executable', async () => {
  const directory = context({
    Dockerfile: 'FROM scratch\nCOPY . /\n',
    '.dockerignore': 'Dockerfile\n.dockerignore',
    'run.sh': '#!/bin/sh',
  })
  symlinkSync('run.sh', join(directory, 'link'))
  execFileSync('chmod', ['700', join(directory, 'run.sh')])
  await packImage({ contextDirectory: directory, output: join(folder, 'image.tar') })
  const { files } = await imageAt(join(folder, 'image.tar'))
  expect(files.get('link')).toMatchObject({ type: 'symlink', linkname: 'run.sh' })
  expect(files.get('run.sh')?.mode).toBe(0o755)
})

describeWith(['Docker Engine', 'busybox-static'], 'images that containers run from', () => {
  const docker = (...words: string[]): string =>
    execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

  test('the base image runs Node and a shell, and docker loads what was packed', async () => {
    const build = join(folder, 'base')
    await baseImageContext(build)
    // a label of its own, so that removing the image touches nobody else's
    const base = docker('build', '-q', '--label', `test=${folder}`, build).trim()
    let loaded = ''
    try {
      const said = docker('run', '--rm', '--network', 'none', base, 'sh', '-c', 'node -p "6*7"; whoami; ls -d /tmp')
      expect(said.trim().split('\n')).toEqual(['42', 'root', '/tmp'])
      docker('save', '-o', join(folder, 'base.tar'), base)
      await packImage({
        contextDirectory: context({
          Dockerfile: 'FROM base\nWORKDIR /app\nCOPY main.js .\nUSER node\nCMD ["node", "main.js"]\n',
          'main.js': 'console.log(process.getuid())',
        }),
        baseImages: { base: join(folder, 'base.tar') },
        output: join(folder, 'image.tar'),
      })
      loaded = /sha256:\w+/.exec(docker('load', '-i', join(folder, 'image.tar')))?.[0] ?? ''
      expect(docker('run', '--rm', '--network', 'none', loaded)).toBe('1000\n')
    } finally {
      docker('rmi', '-f', ...[loaded, base].filter(image => image !== ''))
    }
  })
})
