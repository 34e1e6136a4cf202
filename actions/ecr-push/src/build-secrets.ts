import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { InputReader, RunnerEnvironment } from '@aws-deploy-actions/action-runtime'
import type { BuildSecret } from '@aws-deploy-actions/container-registry'

const DOCKERS_FORM = /^id=([^,=]+),(src|source|env)=([^,]+)$/
const ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/

/**
 * `ID=VALUE` lines, or docker's own `id=ID,src=PATH` and `id=ID,env=NAME`. Problems name lines by number: a value must not
 * show, and a line that is wrong may be part of one.
 */
export function readSecrets(
  input: InputReader,
  variables: Readonly<Record<string, string | undefined>>,
  isFile: (path: string) => boolean,
): BuildSecret[] {
  const secrets = new Map<string, BuildSecret>()
  for (const [index, line] of input.lines('build-secrets').entries()) {
    const problem = (text: string): void => input.conflict('build-secrets', `entry ${index + 1} ${text}`)
    const secret = parsedSecret(line)
    if (secret === undefined) {
      problem(
        'has no ID before a "="; allowed is ID=VALUE, id=ID,src=PATH or id=ID,env=NAME (values of several lines by src or env)',
      )
    } else if (secrets.has(secret.id)) {
      problem(`gives "${secret.id}" a second time; allowed is once`)
    } else {
      if ('from' in secret && secret.from === 'src' && !isFile(secret.name))
        problem(`names the file ${secret.name}, which is not there`)
      if ('from' in secret && secret.from === 'env' && variables[secret.name] === undefined) {
        problem(`names the variable ${secret.name}, which is not set`)
      }
      secrets.set(secret.id, secret)
    }
  }
  return [...secrets.values()]
}

function parsedSecret(line: string): BuildSecret | undefined {
  const [, id, from, name] = DOCKERS_FORM.exec(line.trim()) ?? []
  if (id !== undefined && name !== undefined && ID.test(id)) return { id, from: from === 'env' ? 'env' : 'src', name }
  const split = line.indexOf('=')
  const key = line.slice(0, Math.max(split, 0)).trim()
  return ID.test(key) ? { id: key, value: line.slice(split + 1) } : undefined
}

/** The values themselves, wherever they come from: a build may print them, and the log must not show them. */
export async function secretValues(
  secrets: readonly BuildSecret[],
  { variables, workspace }: RunnerEnvironment,
): Promise<string[]> {
  const values = await Promise.all(
    secrets.map(secret => {
      if ('value' in secret) return secret.value
      return secret.from === 'env' ? variables[secret.name] : readFile(resolve(workspace, secret.name), 'utf8')
    }),
  )
  return values.filter(value => value !== undefined)
}
