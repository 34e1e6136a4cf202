import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { type ScriptProject, withProject } from '../../../test/support/script-project.ts'

const PASSWORD = 'eyJwYXlsb2FkIjoi secret'
const TOKEN = Buffer.from(`AWS:${PASSWORD}`).toString('base64')

describe('registry-login', () => {
  withProject('ecr-public: once for public.ecr.aws, in us-east-1, for this deploy only', async project => {
    await loginTools(project, `echo ${TOKEN}`)
    const result = await project.deploy('1', { registryLogin: 'ecr-public' })
    expect([result.status, result.reason]).toEqual(['deployed', ''])
    expect(project.docker('aws')).toBe(
      'ecr-public get-authorization-token --region us-east-1 --query authorizationData.authorizationToken --output text\n',
    )
    expect(project.docker('logins')).toBe(`login --username AWS --password-stdin public.ecr.aws: ${PASSWORD}\n`)
    // What pulls has the login, what somebody does on the host has not.
    const pulled = project
      .docker('configs')
      .split('\n')
      .find(line => line.startsWith('pull '))
    expect(pulled).toMatch(new RegExp(`^pull ${project.temporary}/ssm-pull-deploy\\.\\w+/docker$`))
    expect(project.state('log')).not.toContain(PASSWORD)
    expect(project.state('log')).not.toContain(TOKEN)
  })

  withProject('a role that may not is named with AWS’s words, before anything stops', async project => {
    await loginTools(
      project,
      'echo "An error occurred (AccessDeniedException): not authorized to perform: sts:GetServiceBearerToken" >&2; exit 254',
    )
    const result = await project.deploy('1', { registryLogin: 'ecr-public' })
    expect(result.status).toBe('failed')
    expect(result.reason).toContain('The login to ecr-public failed with the role of this host')
    expect(result.reason).toContain('sts:GetServiceBearerToken')
    expect(project.docker('calls')).not.toContain('pull ')
  })
})

/** `aws` that answers so, and a `docker` that notes its logins and with which configuration it pulls. */
async function loginTools(project: ScriptProject, answer: string): Promise<void> {
  await project.tool('aws', `#!/bin/sh\nmkdir -p "$FAKE_DOCKER"\necho "$*" >>"$FAKE_DOCKER/aws"\n${answer}\n`)
  await project.tool('python3', '#!/bin/sh\nexit 1\n')
  await project.tool('fake-docker', project.file('tools', 'docker'))
  await project.tool(
    'docker',
    `#!/bin/bash
mkdir -p "$FAKE_DOCKER"
echo "$1 \${DOCKER_CONFIG-}" >>"$FAKE_DOCKER/configs"
if [[ $1 == login ]]; then echo "$*: $(cat)" >>"$FAKE_DOCKER/logins"; fi
exec ${join(project.folder, 'tools', 'fake-docker')} "$@"
`,
  )
}

describe('health-url without curl', () => {
  withProject('neither curl nor wget: told before anything stops', async project => {
    const environment = await hostWithout(project, 'curl|wget')
    expect((await project.deploy('1', {}, environment)).status).toBe('deployed')
    const result = await project.deploy('2', { healthUrl: 'http://localhost/' }, environment)
    expect([result.status, result.takeBack, project.running()]).toEqual(['failed', '', '1'])
    expect(result.reason).toBe('This host has neither curl nor wget to ask health-url.')
  })
})

describeWith(['wget'], 'health-url with wget', () => {
  withProject('is asked until it answers well; an error is told', async project => {
    const environment = await hostWithout(project, 'curl')
    const asked: string[] = []
    const server = createServer(({ url = '' }, response) => {
      asked.push(url)
      response.writeHead(url.startsWith('/well') && asked.length > 2 ? 200 : 503).end()
    })
    await new Promise<void>(settle => server.listen(0, '127.0.0.1', settle))
    try {
      const address = server.address()
      const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
      const well = await project.deploy(
        '1',
        { healthUrl: `${url}/well?a=b&c=$(id)`, healthTimeoutMs: 30_000 },
        environment,
      )
      expect([well.status, well.reason]).toEqual(['deployed', ''])
      expect([asked.length > 2, asked[0]]).toEqual([true, '/well?a=b&c=$(id)'])
      const ill = await project.deploy('2', { healthUrl: `${url}/ill` }, environment)
      expect([ill.status, project.running()]).toEqual(['rolled-back', '1'])
      expect(ill.reason).toMatch(/does not answer well: .*503/)
    } finally {
      server.close()
    }
  })
})

/** The environment of a host on which the program does not find these. */
async function hostWithout(project: ScriptProject, names: string): Promise<Record<string, string>> {
  const file = join(project.folder, 'without.bash')
  const body = `case "$*" in "-v "@(${names})) return 1 ;; esac\n  builtin command "$@"`
  await writeFile(file, `shopt -s extglob\ncommand() {\n  ${body}\n}\n`)
  return { BASH_ENV: file }
}

describeWith(['root'], 'a directory that belongs to somebody else', () => {
  for (const [name, user] of [
    ['a user without a name', 12_345],
    ['nobody', 65_534],
  ] as const) {
    withProject(`git runs as its owner: ${name}`, async project => {
      chmodSync(project.folder, 0o755)
      const origin = join(project.folder, 'origin')
      mkdirSync(origin)
      chown(origin, user)
      const git = (...args: string[]): string =>
        execFileSync('git', ['-C', origin, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
          uid: user,
          gid: user,
          env: { PATH: process.env.PATH, HOME: '/' },
        })
      const commit = (content: string): void => {
        writeFileSync(join(origin, 'config'), content)
        chown(origin, user)
        git('add', '.')
        git('commit', '-m', content)
      }
      git('init', '--initial-branch=main')
      commit('one')
      const directory = join(project.folder, 'cloned')
      mkdirSync(directory)
      chown(directory, user)
      execFileSync('git', ['clone', '--quiet', origin, directory], {
        uid: user,
        gid: user,
        env: { PATH: process.env.PATH, HOME: '/' },
        cwd: '/',
        stdio: 'ignore',
      })
      commit('two')
      const result = await project.deploy('1', { directory, gitRef: 'main' })
      expect([result.status, result.reason]).toEqual(['deployed', ''])
      expect(project.file('cloned', 'config')).toBe('two')
      const owners = ['config', '.git/HEAD', '.git/FETCH_HEAD', '.env'].map(file => statSync(join(directory, file)).uid)
      expect(owners).toEqual([user, user, user, user])
    })
  }
})

function chown(folder: string, user: number): void {
  execFileSync('chown', ['-R', `${user}:${user}`, folder])
}
