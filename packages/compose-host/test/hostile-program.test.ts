import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from '@jest/globals'
import { envValues, fileName, hostileValues, shellQuoted } from '../../../test/support/hostile-values.ts'
import { type ScriptProject, withProject } from '../../../test/support/script-project.ts'

const DEPLOYS = 25
const PARTS = 5
/** What the tools were called with, each argument ended by a NUL byte. */
const RECORDS = `for argument; do printf '%s\\0' "$argument" >>"$FAKE_DOCKER/NAME"; done`
const COMMIT = '1234567890'.repeat(4)

describe('500 values that mean something to a shell, through the whole program', () => {
  for (let part = 0; part < PARTS; part++) {
    withProject(`stay what they are: part ${part + 1} of ${PARTS}`, async project => {
      const canary = join(project.folder, 'canary')
      await recordingTools(project)
      const values = hostileValues(500, canary)
      const perDeploy = values.length / DEPLOYS
      for (let deploy = part; deploy < DEPLOYS; deploy += PARTS) {
        await stayWhatTheyAre(project, values.slice(deploy * perDeploy, (deploy + 1) * perDeploy), deploy)
      }
      expect(existsSync(canary)).toBe(false)
      expect(readdirSync(project.temporary)).toEqual([])
    })
  }

  withProject('names of services that are not there are shown as they are', async project => {
    const hostile = '-e $(canary) `canary` \'"; canary; \\ * {{ssm:x}} é && canary'
    await project.tool('canary', `#!/bin/sh\ntouch '${join(project.folder, 'canary')}'\n`)
    const absent = await project.deploy('2', { services: [hostile], composeFiles: [hostile] })
    expect(absent.reason).toContain(`The configuration has no service ${hostile}; it has: web.`)
    expect(existsSync(join(project.folder, 'canary'))).toBe(false)
  })
})

/** One deploy with all of them in `env`, and one of them in every other input. */
async function stayWhatTheyAre(project: ScriptProject, values: readonly string[], number: number): Promise<void> {
  // What an input cannot hold: a line break in a map or list, control characters in paths, blanks in a ref.
  const env = new Map(values.map((text, index) => [`KEY_${index}`, text.replaceAll('\n', '')]))
  const plain = values.map(text => text.replace(/[\u0000-\u001f\u007f]/g, ''))
  const at = (index: number): string => plain[index] ?? ''
  const directory = join(project.folder, fileName(`${number}${at(0)}`))
  const envFile = fileName(at(1))
  const composeFiles = [at(2), at(3)]
  const gitRef = `v${at(4).replace(/\s/g, '')}`
  const gitRepository = `r${at(5)}`
  const healthUrl = `http://localhost/?${at(6)}`
  const holder = at(7)
  const source = at(8).replaceAll('#', '')
  const region = at(9)
  const prints = (file: string, text: string): string => `printf '%s' ${shellQuoted(text)} >${file}`
  mkdirSync(join(directory, '.git'), { recursive: true })
  const result = await project.deploy(undefined, {
    directory,
    env,
    envFile,
    composeFiles,
    gitRef,
    gitRepository,
    healthUrl,
    holder,
    region,
    envFrom: new Map([['SECRET', `ssm:${source}`]]),
    before: prints('before.txt', values[10] ?? ''),
    after: prints('after.txt', values[11] ?? ''),
  })
  expect([result.status, result.reason]).toEqual(['deployed', ''])
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8')
  expect(envValues(read(envFile))).toEqual(new Map([...env, ['SECRET', 'secret']]))
  expect([read('before.txt'), read('after.txt')]).toEqual(values.slice(10, 12))
  const arguments_ = (name: string): string[] => project.docker(name).split('\0')
  expect(following(arguments_('docker-arguments'), '-f')).toEqual(expect.arrayContaining(composeFiles))
  expect(arguments_('git-arguments').join('\0')).toContain(['--', gitRepository, gitRef].join('\0'))
  expect(following(arguments_('git-arguments'), '-C')).toContain(directory)
  expect(arguments_('aws-arguments')).toContain(`--name=${source}`)
  expect(arguments_('regions')).toContain(region)
  expect(project.docker('urls')).toContain(`url = "${healthUrl.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`)
  const state = join(project.folder, `.${fileName(`${number}${at(0)}`)}.deploy`)
  expect(readFileSync(join(state, 'deploys.log'), 'utf8')).toContain(`deploy by ${holder}: deployed;`)
}

async function recordingTools(project: ScriptProject): Promise<void> {
  await project.tool('fake-docker', project.file('tools', 'docker'))
  const fake = join(project.folder, 'tools', 'fake-docker')
  const records = (name: string): string => RECORDS.replace('NAME', `${name}-arguments`)
  await project.tool('docker', `#!/bin/bash\nmkdir -p "$FAKE_DOCKER"\n${records('docker')}\nexec ${fake} "$@"\n`)
  await project.tool('git', `#!/bin/sh\n${records('git')}\ncase "$*" in *rev-parse*) echo ${COMMIT} ;; esac\n`)
  await project.tool('curl', '#!/bin/sh\ncat >>"$FAKE_DOCKER/urls"\n')
  await project.tool(
    'aws',
    `#!/bin/sh\n${records('aws')}\nprintf '%s\\0' "$AWS_DEFAULT_REGION" >>"$FAKE_DOCKER/regions"\necho '{}'\n`,
  )
  await project.tool('python3', '#!/bin/sh\ncat >/dev/null\nprintf secretx\n')
}

function following(words: readonly string[], flag: string): string[] {
  return words.filter((_, index) => words[index - 1] === flag)
}
