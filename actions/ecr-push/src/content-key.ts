import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { RunnerEnvironment } from '@aws-deploy-actions/action-runtime'
import { ignoreRules } from './docker-ignore.ts'
import { gitTree } from './git-tree.ts'
import { type BuildSource, defaultFile, isFolderPath } from './image-inputs.ts'

/** What an image is built from, as a tag: the same content, the same tag. */
export interface ContentKey {
  readonly tag: string
  /** what was compared, for people */
  readonly compared: string
}

/** The form of {@link ContentKey}'s tag. */
export const KEY_TAG = /^key-[0-9a-f]{64}$/

/**
 * The key of a build: the context as git has it, the Dockerfile, build args, target, platforms, labels that were asked for,
 * build contexts and the names of secrets. Not in it: files outside the context, times, the commit, values of secrets, and
 * what base images are now.
 * @param builderPlatform what docker builds for where no platform is given; undefined when it does not tell
 * @returns half a sentence when there is no key: nobody can vouch for what would be built
 */
export async function contentKey(
  source: BuildSource,
  { signal, environment }: { readonly signal: AbortSignal; readonly environment: RunnerEnvironment },
  builderPlatform: () => Promise<string | undefined>,
): Promise<ContentKey | { readonly reason: string }> {
  const { workspace, variables } = environment
  if (!isFolderPath(source.context)) return { reason: `the context ${source.context} is not a folder of this checkout` }
  const folder = resolve(workspace, source.context)
  const file = source.file ?? defaultFile(source.context)
  const context = await gitTree(folder, signal, await rulesOf(folder, resolve(workspace, file)))
  if ('reason' in context) return { reason: `${context.reason}, in the context ${source.context}` }
  const contexts: [string, string][] = []
  for (const [name, place] of source.contexts) {
    if (namesItsContent(place)) contexts.push([name, place])
    else if (/^[\w+.-]+:|^git@/.test(place)) {
      return { reason: `what the build context ${name} holds is not known before the build` }
    } else {
      const tree = await gitTree(resolve(workspace, place), signal)
      if ('reason' in tree) return { reason: `${tree.reason}, in the build context ${name}` }
      contexts.push([name, tree.hash])
    }
  }
  const platforms = [...source.platforms].sort()
  if (platforms.length === 0) {
    // docker and buildx take it where there is no --platform (docker CLI reference, "Environment variables").
    const platform = variables['DOCKER_DEFAULT_PLATFORM'] || (await builderPlatform())
    if (platform === undefined)
      return { reason: 'docker does not tell what platform it builds for ("platforms" is empty)' }
    platforms.push(platform)
  }
  const content = {
    form: 1,
    context: context.hash,
    dockerfile: createHash('sha256')
      .update(await readFile(resolve(workspace, file)))
      .digest('hex'),
    buildArgs: sorted(source.buildArgs),
    target: source.target ?? '',
    platforms,
    labels: sorted(source.labels),
    contexts: contexts.sort(([a], [b]) => (a < b ? -1 : 1)),
    secrets: source.secrets.map(({ id }) => id).sort(),
  }
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  const compared = [
    `${context.files} ${context.files === 1 ? 'file' : 'files'} of ${source.context}`,
    'Dockerfile',
    ...(source.buildArgs.size === 0 ? [] : [`${source.buildArgs.size} build args`]),
    ...(source.target === undefined ? [] : [`target ${source.target}`]),
    platforms.join(' + '),
  ]
  return { tag: `key-${hash}`, compared: compared.join(', ') }
}

// BuildKit takes `<Dockerfile>.dockerignore` before the context's own, the classic builder does not know it: then nothing
// is taken for left out, which at worst builds in vain.
async function rulesOf(folder: string, dockerfile: string): Promise<ReturnType<typeof ignoreRules>> {
  if (existsSync(`${dockerfile}.dockerignore`)) return undefined
  const text = await readFile(`${folder}/.dockerignore`, 'utf8').catch(() => '')
  return ignoreRules(text)
}

function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** An image by its name, as base images are, or an OCI layout by digest. What a URL or a bare layout holds may change. */
function namesItsContent(place: string): boolean {
  return place.startsWith('docker-image://') || /^oci-layout:\/\/.+@sha256:[0-9a-f]{64}$/.test(place)
}
