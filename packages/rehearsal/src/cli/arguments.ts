import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import type { RehearseOptions } from '../rehearse.ts'
import { EVENTS, type EventName } from '../run/trigger.ts'
import type { EnvironmentSettings } from '../run/workflow-run.ts'

export const USAGE = `Runs a workflow file on this machine, with a local AWS, as GitHub would.

  scripts/rehearse WORKFLOW [options]

  --event ${EVENTS.join('|')}
                         default: the first of workflow_dispatch, push, pull_request that the workflow has
  --input NAME=VALUE     of workflow_dispatch; may be repeated
  --secrets FILE         NAME=VALUE lines (as .env files have them); ENVIRONMENT/NAME=VALUE for one environment
  --vars FILE            the same for variables
  --approve ENVIRONMENT  approves its deployments; without this and --refuse a terminal is asked, else it is granted
  --refuse ENVIRONMENT   refuses them
  --ref REF              branch or tag, such as main or refs/tags/v1.2.3 (main)
  --repository FOLDER    default: the folder that has .github/workflows/WORKFLOW
  --name OWNER/NAME      of the repository (octo-org/FOLDER)
  --seed FILE            what the local AWS holds (rehearsal.yml of the repository)
  --engine process|docker|auto
                         where containers run (process: on this machine, not isolated)
  --page FILE            where the page goes (rehearsal.html)
  --log                  show every line of every step
`

export interface Arguments {
  readonly options: Pick<
    RehearseOptions,
    'repository' | 'workflow' | 'inputs' | 'secrets' | 'vars' | 'environments'
  > & {
    readonly event?: EventName
    readonly identity: { readonly ref: string; readonly repository?: string }
  }
  readonly approve: readonly string[]
  readonly refuse: readonly string[]
  /** undefined where there is none */
  readonly seed: string | undefined
  readonly engine: 'process' | 'docker' | 'auto'
  readonly page: string
  readonly log: boolean
}

/** @returns undefined when help is asked for; @throws Error naming the word that is wrong */
export function readArguments(words: readonly string[]): Arguments | undefined {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      event: { type: 'string' },
      input: { type: 'string', multiple: true, default: [] },
      secrets: { type: 'string' },
      vars: { type: 'string' },
      approve: { type: 'string', multiple: true, default: [] },
      refuse: { type: 'string', multiple: true, default: [] },
      ref: { type: 'string', default: 'main' },
      repository: { type: 'string' },
      name: { type: 'string' },
      seed: { type: 'string' },
      engine: { type: 'string', default: 'process' },
      page: { type: 'string', default: 'rehearsal.html' },
      log: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [workflow] = positionals
  if (values.help || workflow === undefined) return undefined
  if (!existsSync(workflow)) throw new Error(`there is no workflow file ${workflow}`)
  const { engine } = values
  if (engine !== 'process' && engine !== 'docker' && engine !== 'auto')
    throw new Error(`--engine must be process, docker or auto, not ${engine}`)
  const event = EVENTS.find(name => name === values.event)
  if (values.event !== undefined && event === undefined)
    throw new Error(`--event must be one of ${EVENTS.join(', ')}, not ${values.event}`)
  const repository = values.repository ?? repositoryOf(workflow)
  const secrets = settingsIn(values.secrets)
  const vars = settingsIn(values.vars)
  const environments = new Set([...Object.keys(secrets.environments), ...Object.keys(vars.environments)])
  // Put together without node:path, or the bundler would look for such files and bring them along.
  const seed = values.seed ?? `${repository}/rehearsal.yml`
  return {
    options: {
      repository,
      workflow: realpathSync(workflow),
      ...(event === undefined ? {} : { event }),
      inputs: Object.fromEntries(values.input.map(pairOf)),
      secrets: secrets.all,
      vars: vars.all,
      environments: Object.fromEntries(
        [...environments].map((name): [string, EnvironmentSettings] => [
          name,
          { secrets: secrets.environments[name] ?? {}, vars: vars.environments[name] ?? {} },
        ]),
      ),
      identity: {
        ref: values.ref.startsWith('refs/') ? values.ref : `refs/heads/${values.ref}`,
        ...(values.name === undefined ? {} : { repository: values.name }),
      },
    },
    approve: values.approve,
    refuse: values.refuse,
    seed: values.seed !== undefined || existsSync(seed) ? seed : undefined,
    engine,
    page: values.page,
    log: values.log,
  }
}

/** The folder above `.github/workflows`. */
function repositoryOf(workflow: string): string {
  const [, folder] = /^(.*)\/\.github\/workflows\/[^/]+$/.exec(realpathSync(workflow)) ?? []
  return folder ?? dirname(realpathSync(workflow))
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`--input must be NAME=VALUE, not ${text}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

interface Settings {
  readonly all: Record<string, string>
  readonly environments: Record<string, Record<string, string>>
}

function settingsIn(file: string | undefined): Settings {
  const settings: Settings = { all: {}, environments: {} }
  if (file === undefined) return settings
  for (const [name, value = ''] of Object.entries(parseEnv(readFileSync(file, 'utf8')))) {
    const at = name.indexOf('/')
    if (at < 0) settings.all[name] = value
    else {
      const environment = name.slice(0, at)
      settings.environments[environment] = { ...settings.environments[environment], [name.slice(at + 1)]: value }
    }
  }
  return settings
}
