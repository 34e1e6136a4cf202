import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { archivedBase, type BaseImage, emptyBase, LOCAL_NODE } from './packer/base-image.ts'
import { contextPaths } from './packer/context-files.ts'
import { DockerfileError, filledIn, type Instruction, parseDockerfile } from './packer/dockerfile.ts'
import { writeImageArchive } from './packer/image-archive.ts'
import { applyInstruction, type Stage, type Surroundings } from './packer/stage.ts'
import { entryAt } from './packer/tree.ts'

export interface PackOptions {
  readonly contextDirectory: string
  /** path; default: `Dockerfile` in the context */
  readonly dockerfile?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  /** image reference → path of its archive; `scratch` and `local-node` are always there */
  readonly baseImages?: Readonly<Record<string, string>>
  /** stage to build; default: the last */
  readonly target?: string
  /** path of the archive that is written */
  readonly output: string
}

/**
 * Makes an image archive from a Dockerfile that only copies files and sets configuration: for machines without Docker.
 * Only the stages that the wanted one needs are looked at.
 *
 * @returns the digest of the image's manifest; the same files and Dockerfile give the same one
 * @throws DockerfileError that names the line, e.g. for RUN, which needs a Docker Engine
 */
export async function packImage(options: PackOptions): Promise<{ digest: string }> {
  const dockerfile = options.dockerfile ?? join(options.contextDirectory, 'Dockerfile')
  const { stages, globalArgs } = stagesOf(parseDockerfile(readFileSync(dockerfile, 'utf8')), options)
  const wanted =
    options.target === undefined ? stages.at(-1) : stages.find(({ name }) => name === options.target?.toLowerCase())
  if (wanted === undefined) {
    throw new Error(
      options.target === undefined ? `${dockerfile} has no FROM` : `${dockerfile} has no stage ${options.target}`,
    )
  }
  const bases = await basesOf(wanted, stages, options.baseImages ?? {})
  try {
    const context = new Map(
      contextPaths(options.contextDirectory, dockerfile).map(path => [
        path,
        entryAt(join(options.contextDirectory, path)),
      ]),
    )
    const surroundings = (stage: StagePlan): Surroundings => ({
      context,
      buildArgs: new Map(Object.entries(options.buildArgs ?? {})),
      globalArgs,
      stage: (name, line) => built(earlierStage(stages, stage, name, line)),
    })
    const finished = new Map<StagePlan, Stage>()
    const built = (plan: StagePlan): Stage => {
      const done = finished.get(plan)
      if (done !== undefined) return done
      const below = stageBelow(plan, stages)
      const stage = below === undefined ? freshStage(bases.get(plan.from)) : stageUpon(built(below))
      for (const instruction of plan.instructions) applyInstruction(stage, instruction, surroundings(plan))
      finished.set(plan, stage)
      return stage
    }
    const stage = built(wanted)
    const base = bases.get(chain(wanted, stages).at(-1)?.from ?? '')
    return { digest: await writeImageArchive(options.output, stage.config, base?.layers ?? [], stage.layers) }
  } finally {
    for (const base of bases.values()) await base.close()
  }
}

interface StagePlan {
  readonly index: number
  /** in small letters; '' without AS */
  readonly name: string
  /** an image or an earlier stage */
  readonly from: string
  readonly line: number
  readonly instructions: Instruction[]
}

function stagesOf(
  instructions: readonly Instruction[],
  { buildArgs = {} }: PackOptions,
): { stages: StagePlan[]; globalArgs: Map<string, string> } {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const globalArgs = new Map([
    ['TARGETOS', 'linux'],
    ['TARGETARCH', architecture],
    ['TARGETPLATFORM', `linux/${architecture}`],
    ['BUILDPLATFORM', `linux/${architecture}`],
  ])
  const stages: StagePlan[] = []
  for (const instruction of instructions) {
    const { name, rest, line } = instruction
    const stage = stages.at(-1)
    if (name === 'FROM') {
      const [from = '', as, alias = ''] = filledIn(rest, globalArgs).split(/\s+/)
      if (from === '' || (as !== undefined && as.toLowerCase() !== 'as'))
        throw new DockerfileError(line, `FROM ${rest} names no image`)
      stages.push({ index: stages.length, name: alias.toLowerCase(), from, line, instructions: [] })
    } else if (stage !== undefined) stage.instructions.push(instruction)
    else if (name === 'ARG') {
      const [key = '', ...fallback] = filledIn(rest, globalArgs).split('=')
      const value =
        buildArgs[key] ?? (fallback.length === 0 ? undefined : fallback.join('=').replace(/^(["'])(.*)\1$/, '$2'))
      if (value !== undefined) globalArgs.set(key, value)
    } else throw new DockerfileError(line, `${name} before FROM`)
  }
  return { stages, globalArgs }
}

function earlierStage(stages: readonly StagePlan[], stage: StagePlan, name: string, line: number): StagePlan {
  const earlier = stages.slice(0, stage.index)
  const found =
    earlier.find(plan => plan.name === name.toLowerCase()) ?? (/^\d+$/.test(name) ? earlier[Number(name)] : undefined)
  if (found === undefined)
    throw new DockerfileError(
      line,
      `COPY --from=${name} is no earlier stage; copying from an image needs a Docker Engine`,
    )
  return found
}

/** A stage and those that it builds upon, down to the one whose FROM names an image. */
function chain(plan: StagePlan, stages: readonly StagePlan[]): StagePlan[] {
  const below = stageBelow(plan, stages)
  return below === undefined ? [plan] : [plan, ...chain(below, stages)]
}

function stageBelow({ index, from }: StagePlan, stages: readonly StagePlan[]): StagePlan | undefined {
  return stages.slice(0, index).find(({ name }) => name === from.toLowerCase())
}

/** The base images of the wanted stage and of those that it copies from. */
async function basesOf(
  wanted: StagePlan,
  stages: readonly StagePlan[],
  archives: Readonly<Record<string, string>>,
): Promise<Map<string, BaseImage>> {
  const bases = new Map<string, BaseImage>()
  const visit = async (plan: StagePlan): Promise<void> => {
    for (const stage of chain(plan, stages)) {
      if (stageBelow(stage, stages) === undefined && !bases.has(stage.from)) {
        bases.set(stage.from, await baseImage(stage, archives))
      }
      for (const { name, flags, line } of stage.instructions) {
        const source = flags.get('from')
        if (name === 'COPY' && source !== undefined) await visit(earlierStage(stages, stage, source, line))
      }
    }
  }
  await visit(wanted)
  return bases
}

async function baseImage({ from, line }: StagePlan, archives: Readonly<Record<string, string>>): Promise<BaseImage> {
  const archive = archives[from]
  if (archive !== undefined) return archivedBase(archive)
  if (from === 'scratch' || from === LOCAL_NODE) return emptyBase(from)
  const known = ['scratch', LOCAL_NODE, ...Object.keys(archives)].join(', ')
  throw new DockerfileError(line, `the base image ${from} is not on this machine; there are ${known}`)
}

function freshStage(base: BaseImage | undefined): Stage {
  return {
    config: structuredClone(base?.config ?? { Env: [] }),
    layers: [],
    tree: new Map(),
    args: new Map(),
    ownCommand: false,
  }
}

function stageUpon({ config, layers, tree }: Stage): Stage {
  return {
    config: structuredClone(config),
    layers: [...layers],
    tree: new Map(tree),
    args: new Map(),
    ownCommand: false,
  }
}
