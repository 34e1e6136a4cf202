import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsedRehearsalFile, rehearse, startSurroundings } from '@aws-deploy-actions/rehearsal'
import { describe, expect, test } from '@jest/globals'

const WORKFLOW = `
name: Deliver
on: push
permissions: { contents: read, id-token: write }
jobs:
  deliver:
    runs-on: ubuntu-latest
    outputs:
      images: \${{ steps.push.outputs.images }}
      uri: \${{ steps.push.outputs.image }}
      status: \${{ steps.push.outputs.status }}
    steps:
      - uses: actions/checkout@v7
      - uses: aws-actions/configure-aws-credentials@v6
        with: { role-to-assume: "\${{ vars.ROLE }}", aws-region: eu-west-1, mask-aws-account-id: true }
      - id: push
        uses: anybody/aws-deploy-actions/actions/ecr-push@v1
        with: { repository: app, build-args: VERSION=2 }
      - uses: anybody/aws-deploy-actions/actions/deploy-ecs-service@v1
        with: { cluster: shop, services: api, images: "\${{ steps.push.outputs.image }}" }
      - uses: anybody/aws-deploy-actions/actions/smoke-test@v1
        with: { urls: "\${{ vars.URL }}/", timeout: 30s }
      - run: '[ "$(curl -s "\${{ vars.URL }}/" || wget -qO- "\${{ vars.URL }}/")" = "version 2" ] && echo it answers'
      - run: docker run x || echo "no engine here"
`

describe('the local surroundings of a rehearsal', () => {
  test('a workflow builds without Docker, deploys behind the load balancer, and what was deployed answers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'surroundings-test-'))
    const put = (path: string, text: string): void => {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    put('.github/workflows/w.yml', WORKFLOW)
    put(
      'Dockerfile',
      'ARG BASE_IMAGE=node:24\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY server.js ./\nARG VERSION=1\nENV VERSION=${VERSION}\nCMD ["node", "server.js"]\n',
    )
    put(
      'server.js',
      "const server = require('http').createServer((_, answer) => answer.end('version ' + process.env.VERSION)).listen(process.env.PORT)\nprocess.on('SIGTERM', () => process.exit(0))\n",
    )
    const file = parsedRehearsalFile(`
speed: 40
aws: { clusters: [shop], repositories: [app] }
services: { api: { cluster: shop, health: / } }
vars: { URL: "\${url}", ROLE: "arn:aws:iam::123456789012:role/deploy" }
`)
    const surroundings = await startSurroundings(file)
    try {
      const run = await rehearse({ repository: folder, workflow: '.github/workflows/w.yml', ...surroundings.options })
      const job = run.jobs['deliver']
      expect(job?.annotations.filter(({ level }) => level === 'error')).toEqual([])
      expect(run.status).toBe('success')
      expect(job?.outputs['status']).toBe('built')
      expect(job?.outputs['images']).toContain('sha256:')
      // The account id is masked, so what holds it is no output of the job.
      expect(job?.outputs['uri'] ?? '').not.toContain('123456789012')
      expect(job?.log).toContain('it answers')
      expect(job?.log).toContain('no engine here')
      expect(job?.summary).toContain('app')
    } finally {
      await surroundings.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('a seed with an unknown key is refused by name', () => {
    expect(() => parsedRehearsalFile('servises: {}')).toThrow('unknown in the file: servises')
    expect(() => parsedRehearsalFile('services: { api: { prot: 1 } }')).toThrow('unknown in services.api: prot')
    expect(() => parsedRehearsalFile('speed: fast')).toThrow('speed must be a number over 0')
  })

  test('a host that is a clone fetches the commit of each run from its origin', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloned-'))
    mkdirSync(join(folder, '.github/workflows'), { recursive: true })
    writeFileSync(
      join(folder, '.github/workflows/w.yml'),
      'on: push\njobs: { a: { runs-on: x, steps: [{ run: "echo it is $GITHUB_SHA" }] } }\n',
    )
    writeFileSync(join(folder, 'compose.yml'), 'services: {}\n')
    const host = '{ tags: { Role: shop }, directory: /opt/shop, clone: true }'
    const surroundings = await startSurroundings(parsedRehearsalFile(`hosts: { i-0a1b2c3d4e5f60718: ${host} }`, folder))
    try {
      const [origin = ''] = surroundings.options.origins
      const tip = () => execFileSync('git', ['-C', origin, 'rev-parse', 'main'], { encoding: 'utf8' }).trim()
      const before = tip()
      writeFileSync(join(folder, 'compose.yml'), 'services: { web: { image: web } }\n')
      const run = await rehearse({ repository: folder, workflow: '.github/workflows/w.yml', ...surroundings.options })
      expect(tip()).not.toBe(before)
      expect(run.jobs['a']?.log).toContain(`it is ${tip()}`)
    } finally {
      await surroundings.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('a run leaves no folder behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'left-'))
    mkdirSync(join(folder, '.github/workflows'), { recursive: true })
    writeFileSync(
      join(folder, '.github/workflows/w.yml'),
      'on: push\njobs: { a: { runs-on: x, steps: [{ run: "echo $RUNNER_TEMP" }] } }\n',
    )
    const run = await rehearse({ repository: folder, workflow: '.github/workflows/w.yml' })
    const [, place = ''] = /(rehearsal-[^/\s]+)/.exec(run.jobs['a']?.log ?? '') ?? []
    expect(place).not.toBe('')
    expect(readdirSync(tmpdir())).not.toContain(place)
    rmSync(folder, { recursive: true, force: true })
  })
})
