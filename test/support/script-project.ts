import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostResult } from '@aws-deploy-actions/compose-host'
import { test } from '@jest/globals'
import { deployScript, fakeDockerTools, type ScriptDeploy, startDeployScript } from './deploy-script.ts'
import { until } from './task-cloud.ts'

/** A directory with a docker that only remembers (fake-docker.sh), and the program of the host run in it. */
export interface ScriptProject {
  readonly folder: string
  readonly directory: string
  /** where the program has its folders while it runs */
  readonly temporary: string
  deploy(tag: string | undefined, more?: Partial<ScriptDeploy>, environment?: Environment): Promise<HostResult>
  start(
    tag: string | undefined,
    more?: Partial<ScriptDeploy>,
    environment?: Environment,
  ): ReturnType<typeof startDeployScript>
  /** a command that the program finds first */
  tool(name: string, script: string): Promise<void>
  /** a file of the project's folder, of the program's or of docker's; `''` when it is not there */
  file(...path: readonly string[]): string
  state(name: string): string
  docker(name: string): string
  /** the tag that runs */
  running(): string | undefined
  /** waits until what was under way is over, whoever is left to see it */
  freed(audits: number): Promise<void>
}

type Environment = Readonly<Record<string, string>>

/** One test with a project of its own; those of a file run side by side. */
export function withProject(name: string, body: (project: ScriptProject) => Promise<void>): void {
  const run = async (): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'script-project-'))
    try {
      await body(await projectIn(folder))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  test.concurrent(name, run, 120_000)
}

/** A deploy of the tag 2 that a restart of the host cuts off once its containers run. */
export async function cutOff(project: ScriptProject): Promise<void> {
  const action = await project.start('2', { after: 'sleep 60' })
  await until('after runs', () => project.state('log').includes('running the commands of after'))
  process.kill(-Number(project.state('lock').split('\n')[2]), 'SIGKILL')
  await action.output
}

async function projectIn(folder: string): Promise<ScriptProject> {
  const directory = join(folder, 'shop')
  const temporary = join(folder, 'tmp')
  const tools = await fakeDockerTools(folder)
  await mkdir(directory)
  await mkdir(temporary)
  const file = (...path: readonly string[]): string => {
    const full = join(folder, ...path)
    return existsSync(full) ? readFileSync(full, 'utf8') : ''
  }
  const start: ScriptProject['start'] = (tag, more = {}, environment = {}) =>
    startDeployScript(deployOf(directory, tag, more), environmentOf(environment))
  const environmentOf = (more: Environment): Environment => ({
    FAKE_DOCKER: join(folder, 'docker'),
    PATH: `${tools}:${process.env.PATH}`,
    TMPDIR: temporary,
    ...more,
  })
  const state = (name: string): string => file('.shop.deploy', name)
  return {
    folder,
    directory,
    temporary,
    start,
    deploy: async (tag, more = {}, environment = {}) => {
      const result = await deployScript(deployOf(directory, tag, more), environmentOf(environment))
      if (result === undefined) throw new Error(`The program had no result.\n${state('log')}`)
      return result
    },
    tool: async (name, script) => {
      await writeFile(join(tools, name), script)
      await chmod(join(tools, name), 0o755)
    },
    file,
    state,
    docker: name => file('docker', name),
    running: () => file('docker', 'container').split(' ')[2],
    freed: audits =>
      until(
        'the lock is free',
        async () =>
          state('lock') === '' &&
          state('deploys.log').split('\n').length > audits &&
          (await readdir(temporary)).length === 0,
      ),
  }
}

function deployOf(directory: string, tag: string | undefined, more: Partial<ScriptDeploy>): ScriptDeploy {
  const env = new Map(tag === undefined ? [] : [['TAG', tag] as const])
  return { directory, env, healthTimeoutMs: 2000, ...more }
}
