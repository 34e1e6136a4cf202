import { posix } from 'node:path'
import { DockerfileError, execForm, filledIn, type Instruction, keyValues, words } from './dockerfile.ts'
import { copied, type Entry, FOLDER, type Tree, withParents } from './tree.ts'

/** The `config` object of an image (OCI image spec, "Image Configuration"). */
export interface ImageConfig {
  Env: string[]
  Cmd?: string[]
  Entrypoint?: string[]
  WorkingDir?: string
  User?: string
  ExposedPorts?: Record<string, object>
  Labels?: Record<string, string>
  Healthcheck?: { Test: string[]; Interval?: number; Timeout?: number; StartPeriod?: number; Retries?: number }
}

/** A stage as it grows. */
export interface Stage {
  readonly config: ImageConfig
  /** one map per layer that the Dockerfile adds */
  readonly layers: Tree[]
  /** all that COPY put into it, and into the stages under it */
  readonly tree: Map<string, Entry>
  /** ARGs in scope; ENV wins over them */
  readonly args: Map<string, string>
  ownCommand: boolean
}

/** What instructions look things up in. */
export interface Surroundings {
  readonly context: Tree
  readonly buildArgs: ReadonlyMap<string, string>
  readonly globalArgs: ReadonlyMap<string, string>
  /** the stage of a `COPY --from` */
  stage(name: string, line: number): Stage
}

const NEEDS_ENGINE = new Set(['RUN', 'ADD', 'ONBUILD', 'SHELL', 'VOLUME', 'STOPSIGNAL', 'MAINTAINER'])

/** Applies one instruction to a stage. @throws DockerfileError */
export function applyInstruction(stage: Stage, instruction: Instruction, surroundings: Surroundings): void {
  const { name, rest, line } = instruction
  const variables = new Map([...stage.args, ...stage.config.Env.map(splitPair)])
  const { config } = stage
  switch (name) {
    case 'ARG':
      for (const word of words(rest)) declareArg(stage, filledIn(word, variables), surroundings)
      return
    case 'ENV':
      for (const [key, value] of keyValues(instruction, variables)) {
        config.Env = [...config.Env.filter(entry => splitPair(entry)[0] !== key), `${key}=${value}`]
      }
      return
    case 'LABEL':
      config.Labels = { ...config.Labels, ...Object.fromEntries(keyValues(instruction, variables)) }
      return
    case 'WORKDIR': {
      config.WorkingDir = posix.resolve(config.WorkingDir ?? '/', filledIn(rest, variables))
      if (config.WorkingDir !== '/') addLayer(stage, withParents(new Map([[config.WorkingDir.slice(1), FOLDER]])))
      return
    }
    case 'COPY':
      addLayer(stage, copy(stage, instruction, variables, surroundings))
      return
    case 'CMD':
      config.Cmd = command(rest)
      stage.ownCommand = true
      return
    case 'ENTRYPOINT':
      config.Entrypoint = command(rest)
      // A base image's CMD would become arguments of an ENTRYPOINT that it was not made for (Dockerfile reference).
      if (!stage.ownCommand) delete config.Cmd
      return
    case 'EXPOSE':
      for (const port of words(filledIn(rest, variables))) {
        config.ExposedPorts = { ...config.ExposedPorts, [port.includes('/') ? port : `${port}/tcp`]: {} }
      }
      return
    case 'USER':
      config.User = filledIn(rest, variables)
      return
    case 'HEALTHCHECK':
      config.Healthcheck = healthCheck(instruction)
      return
    default:
      if (NEEDS_ENGINE.has(name)) {
        throw new DockerfileError(
          line,
          `${name} needs a Docker Engine; without one only files can be copied into an image`,
        )
      }
      throw new DockerfileError(line, `unknown instruction ${name}`)
  }
}

function addLayer(stage: Stage, layer: Map<string, Entry>): void {
  const isNew = [...layer].some(([path, entry]) => entry.kind !== 'folder' || !stage.tree.has(path))
  for (const [path, entry] of layer) stage.tree.set(path, entry)
  if (isNew) stage.layers.push(layer)
}

function declareArg(stage: Stage, word: string, { buildArgs, globalArgs }: Surroundings): void {
  const [key, fallback] = word.includes('=') ? splitPair(word) : [word, undefined]
  const value = buildArgs.get(key) ?? fallback ?? globalArgs.get(key)
  if (value !== undefined) stage.args.set(key, value)
}

function copy(
  stage: Stage,
  { flags, rest, line }: Instruction,
  variables: ReadonlyMap<string, string>,
  { context, stage: stageNamed }: Surroundings,
): Map<string, Entry> {
  const unknown = [...flags.keys()].find(flag => !['from', 'chown', 'chmod', 'link'].includes(flag))
  if (unknown !== undefined || rest.startsWith('<<')) {
    throw new DockerfileError(
      line,
      `COPY ${unknown === undefined ? 'of a here-document' : `--${unknown}`} needs a Docker Engine`,
    )
  }
  const paths = (execForm(rest) ?? words(rest)).map(path => filledIn(path, variables))
  const target = paths.pop()
  if (target === undefined || paths.length === 0) throw new DockerfileError(line, 'COPY wants a source and a target')
  const chmod = flags.get('chmod')
  if (chmod !== undefined && !/^[0-7]{3,4}$/.test(chmod))
    throw new DockerfileError(line, `--chmod=${chmod} is not an octal mode`)
  const from = flags.get('from')
  const tree = from === undefined ? context : stageNamed(filledIn(from, variables), line).tree
  const absolute = posix.resolve(stage.config.WorkingDir ?? '/', target)
  const isFolder =
    /(?:^|\/)\.?\/?$/.test(target) || stage.tree.get(absolute.slice(1))?.kind === 'folder' || paths.length > 1
  try {
    return copied(
      tree,
      paths,
      isFolder ? `${absolute}/` : absolute,
      chmod === undefined ? undefined : Number.parseInt(chmod, 8),
    )
  } catch (error) {
    throw new DockerfileError(line, error instanceof Error ? error.message : String(error))
  }
}

function command(rest: string): string[] {
  return execForm(rest) ?? ['/bin/sh', '-c', rest]
}

function healthCheck({ flags, rest, line }: Instruction): NonNullable<ImageConfig['Healthcheck']> {
  if (/^none$/i.test(rest)) return { Test: ['NONE'] }
  const check = /^cmd\s+(.*)$/is.exec(rest)?.[1]
  if (check === undefined) throw new DockerfileError(line, 'HEALTHCHECK wants CMD or NONE')
  const exec = execForm(check)
  const interval = nanoseconds(flags.get('interval'))
  const timeout = nanoseconds(flags.get('timeout'))
  const startPeriod = nanoseconds(flags.get('start-period'))
  const retries = flags.get('retries')
  return {
    Test: exec === undefined ? ['CMD-SHELL', check] : ['CMD', ...exec],
    ...(interval === undefined ? {} : { Interval: interval }),
    ...(timeout === undefined ? {} : { Timeout: timeout }),
    ...(startPeriod === undefined ? {} : { StartPeriod: startPeriod }),
    ...(retries === undefined ? {} : { Retries: Number(retries) }),
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

function nanoseconds(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined
  let total = 0
  for (const [, amount = '', unit = ''] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * (UNITS[unit] ?? 0)
  return total
}

function splitPair(text: string): [string, string] {
  const split = text.indexOf('=')
  return split < 0 ? [text, ''] : [text.slice(0, split), text.slice(split + 1)]
}
