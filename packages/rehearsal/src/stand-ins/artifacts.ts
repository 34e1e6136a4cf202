import { globSync, statSync } from 'node:fs'
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, matchesGlob, relative, resolve } from 'node:path'
import type { JobState } from '../job/job-state.ts'
import type { StandIn } from './stand-in.ts'

/** actions/upload-artifact, of version 4 and later. */
export const uploadArtifact: StandIn = {
  instead: 'keeps the files in the folder of this run',
  run: async ({ input, job, log, output }) => {
    const name = input('name') || 'artifact'
    const { files, root } = filesOf(input('path'), job, input('include-hidden-files') === 'true')
    if (files.length === 0) {
      const message = `No files were found with the provided path: ${input('path')}. No artifacts will be uploaded.`
      const wanted = input('if-no-files-found') || 'warn'
      if (wanted === 'error') throw new Error(message)
      if (wanted === 'warn') log.annotate('warning', message)
      return
    }
    const target = join(artifactsOf(job), name)
    const taken = await readdir(target).catch(() => undefined)
    // Artifacts do not change (actions/upload-artifact, README: not uploading to the same artifact).
    if (taken !== undefined && input('overwrite') !== 'true')
      throw new Error(
        'Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists on the workflow run',
      )
    await rm(target, { recursive: true, force: true })
    for (const file of files) {
      const path = join(target, relative(root, file))
      await mkdir(dirname(path), { recursive: true })
      await cp(file, path)
    }
    output('artifact-id', String([...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7)))
    log.write(`${files.length} files are the artifact ${name}`)
  },
}

/** actions/download-artifact, of version 4 and later. */
export const downloadArtifact: StandIn = {
  instead: 'takes them from the folder of this run',
  run: async ({ input, job, log, output }) => {
    const all: string[] = await readdir(artifactsOf(job)).catch(() => [])
    const folder = resolve(job.folders.workspace, input('path'))
    const name = input('name')
    const pattern = input('pattern')
    if (name !== '' && !all.includes(name))
      throw new Error(`Unable to download artifact(s): Artifact not found for name: ${name}`)
    const chosen = name === '' ? all.filter(artifact => pattern === '' || matchesGlob(artifact, pattern)) : [name]
    // One that is asked for by name lies flat, several lie in folders of their names (actions/download-artifact, README).
    const flat = name !== '' || input('merge-multiple') === 'true'
    await mkdir(folder, { recursive: true })
    for (const artifact of chosen.sort())
      await cp(join(artifactsOf(job), artifact), flat ? folder : join(folder, artifact), { recursive: true })
    output('download-path', folder)
    log.write(`${chosen.length} artifacts: ${chosen.join(', ')}`)
  },
}

function artifactsOf(job: JobState): string {
  return join(job.settings.folder, 'artifacts')
}

/** What the lines of `path` mean, and the folder that the files keep their places in: their least common one. */
function filesOf(lines: string, job: JobState, hidden: boolean): { files: string[]; root: string } {
  const patterns = lines
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(job.folders.workspace, path))
  const exclude = patterns.filter(path => path.startsWith('!')).map(path => absolute(path.slice(1)))
  const wanted = patterns.filter(path => !path.startsWith('!')).map(absolute)
  const found = wanted.flatMap(path => globSync(path)).flatMap(below)
  const files = [...new Set(found)].filter(
    path =>
      !exclude.some(pattern => matchesGlob(path, pattern)) &&
      (hidden ||
        !relative(job.folders.workspace, path)
          .split('/')
          .some(part => /^\.[^.]/.test(part))),
  )
  const only = wanted.length === 1 ? wanted[0] : undefined
  const roots = only !== undefined && isFolder(only) ? [only] : files.map(dirname)
  return { files: files.sort(), root: roots.reduce(commonFolder, roots[0] ?? '/') }
}

function below(path: string): string[] {
  return isFolder(path)
    ? globSync('**', { cwd: path })
        .map(name => join(path, name))
        .filter(name => !isFolder(name))
    : [path]
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function commonFolder(one: string, other: string): string {
  const parts = other.split('/')
  const shared = one.split('/').findIndex((part, index) => part !== parts[index])
  return shared < 0 ? one : one.split('/').slice(0, shared).join('/')
}
