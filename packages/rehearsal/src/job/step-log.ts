import type { Annotation } from '../file-commands.ts'
import { commandIn, isKnownCommand, type LogCommand } from './log-command.ts'
import type { Masks } from './masks.ts'

/** What a step's commands change outside its log. */
export interface CommandEffects {
  output(name: string, value: string): void
  state(name: string, value: string): void
}

/** The log of one step, as GitHub shows it: `##[group]…`, `##[error]…` and plain lines, secrets masked. */
export interface StepLog {
  readonly lines: readonly string[]
  readonly annotations: readonly Annotation[]
  /** how many commands could not be carried out: each fails its step */
  readonly failedCommands: number
  /** a line of the runner's own */
  write(line: string): void
  annotate(level: Annotation['level'], message: string, title?: string): void
  /** a line that a process printed, which may be a command */
  read(line: string, effects: CommandEffects): void
  /** between two processes of a step no `stop-commands` and no `echo` lasts */
  nextProcess(): void
  failCommand(): void
}

const DISABLED =
  'command is disabled. Please upgrade to using Environment Files or opt into unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`.'

export function createStepLog(masks: Masks, onLine: (line: string) => void): StepLog {
  const lines: string[] = []
  const annotations: Annotation[] = []
  let failed = 0
  let stopToken: string | undefined
  let echo = false

  const write = (line: string): void => {
    // Masked line by line, and a line of ours may have several.
    for (const part of line.split('\n')) {
      const shown = masks.masked(part)
      lines.push(shown)
      onLine(shown)
    }
  }
  const annotate: StepLog['annotate'] = (level, message, title = '') => {
    annotations.push({ level, message: masks.masked(message), title: masks.masked(title) })
    write(`##[${level}]${message}`)
  }
  const carryOut = ({ name, properties, data }: LogCommand, effects: CommandEffects): void => {
    const named = (): string => {
      if (!properties['name']) throw new Error(`Required field 'name' is missing in ##[${name}] command.`)
      return properties['name']
    }
    if (name === 'error' || name === 'warning' || name === 'notice') annotate(name, data, properties['title'])
    else if (name === 'group' || name === 'endgroup') write(`##[${name}]${name === 'group' ? data : ''}`)
    else if (name === 'add-mask') {
      if (data.trim() === '') annotate('warning', "Can't add secret mask for empty string in ##[add-mask] command.")
      else masks.add(data)
    } else if (name === 'echo') echo = onOrOff(data)
    else if (name === 'set-output' || name === 'save-state') {
      annotate(
        'warning',
        `The \`${name}\` command is deprecated and will be disabled soon. Please upgrade to using Environment Files.`,
      )
      if (name === 'set-output') effects.output(named(), data)
      else effects.state(named(), data)
    } else if (name === 'set-env' || name === 'add-path') throw new Error(`The \`${name}\` ${DISABLED}`)
    // debug is shown only when somebody asked for it, and matchers only find annotations in tools' output.
  }
  return {
    lines,
    annotations,
    get failedCommands() {
      return failed
    },
    write,
    annotate,
    failCommand: () => {
      failed++
    },
    nextProcess: () => {
      stopToken = undefined
      echo = false
    },
    read: (line, effects) => {
      const found = commandIn(line, stopToken)
      const command = found && { ...found, name: found.name === stopToken ? found.name : found.name.toLowerCase() }
      if (command === undefined || (stopToken !== undefined && command.name !== stopToken)) return write(line)
      if (command.name === stopToken) {
        stopToken = undefined
        return write(line)
      }
      try {
        if (command.name === 'stop-commands') {
          stopToken = checkedStopToken(command.data)
          if (stopToken.length > 6) masks.add(stopToken)
          return write(line)
        }
        const silent = ['debug', 'error', 'warning', 'notice', 'add-mask'].includes(command.name)
        if (echo && !silent) write(line)
        carryOut(command, effects)
      } catch (error) {
        annotate('error', `Unable to process command '${line}' successfully.`)
        annotate('error', error instanceof Error ? error.message : String(error))
        failed++
      }
    },
  }
}

function onOrOff(text: string): boolean {
  const value = text.trim().toUpperCase()
  if (value !== 'ON' && value !== 'OFF')
    throw new Error(`Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '${text}'.`)
  return value === 'ON'
}

function checkedStopToken(token: string): string {
  if (token === '' || token.toLowerCase() === 'pause-logging' || isKnownCommand(token))
    throw new Error(
      "You cannot use a endToken that is an empty string, the string 'pause-logging', or another workflow command.",
    )
  return token
}
