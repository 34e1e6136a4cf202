import { randomUUID } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** actions/runner, ScriptHandlerHelpers */
const BUILT_IN: Readonly<Record<string, { readonly args: string; readonly extension: string }>> = {
  bash: { args: '--noprofile --norc -e -o pipefail {0}', extension: '.sh' },
  sh: { args: '-e {0}', extension: '.sh' },
  python: { args: '{0}', extension: '.py' },
  pwsh: { args: `-command ". '{0}'"`, extension: '.ps1' },
}

export interface ScriptCommand {
  readonly command: string
  readonly args: readonly string[]
  /** as the log shows it */
  readonly shown: string
}

/**
 * How a script is run: without a shell `bash -e`, which does not have pipefail; with `shell: bash` it has
 * (actions/runner, ScriptHandler; github/docs, workflow syntax: exit codes and error action preference).
 * @param shell as the workflow names it; empty for none
 * @throws Error when the machine does not have the shell, or the shell has no place for the script
 */
export async function scriptCommand(shell: string, script: string, temp: string, path: string): Promise<ScriptCommand> {
  const [name = '', ...rest] = shell.split(' ')
  const known = BUILT_IN[name.toLowerCase()]
  const format = shell === '' ? '-e {0}' : rest.join(' ').trim() || known?.args || ''
  if (!format.includes('{0}'))
    throw new Error(
      "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string containing '{0}'",
    )
  const command = shell === '' ? (executable('bash', path) ?? executable('sh', path)) : executable(name, path)
  if (command === undefined) throw new Error(`${name || 'sh'}: command not found`)
  const file = join(temp, `${randomUUID()}${known?.extension ?? (shell === '' ? '.sh' : '')}`)
  const ps = name.toLowerCase() === 'pwsh'
  await writeFile(
    file,
    ps
      ? `$ErrorActionPreference = 'stop'\n${script}\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }`
      : script,
  )
  return { command, args: wordsOf(format).map(word => word.replaceAll('{0}', file)), shown: `${command} ${format}` }
}

/** The runner hands one text to .NET, which splits it at blanks outside double quotes. */
function wordsOf(format: string): string[] {
  return [...format.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''))
}

function executable(name: string, path: string): string | undefined {
  if (name.startsWith('/')) return name
  return path
    .split(':')
    .map(folder => join(folder, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
