import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import type { IgnoreRules } from './docker-ignore.ts'
import { kindOf } from './image-inputs.ts'

/** The content of a folder as git has it, or why git's word cannot be taken for it. */
export type GitTree =
  | { readonly hash: string; readonly files: number }
  /** half a sentence: `app/x.js is not as it was committed` */
  | { readonly reason: string }

const SUBMODULE = '160000'
const EVERYTHING: IgnoreRules = { ignored: () => false, hasExceptions: false }

/**
 * The tracked files of a folder by name, mode and content, submodules by their commit and, where they are checked out, by
 * their files. Times do not count, nor does what docker leaves out. A file that differs from what is committed, or that
 * git does not know (also an ignored one: a build would take it in), is a reason to say nothing.
 * @throws the reason of the signal
 */
export async function gitTree(folder: string, signal: AbortSignal, rules: IgnoreRules = EVERYTHING): Promise<GitTree> {
  const prefix = await git(folder, ['rev-parse', '--show-prefix'], signal)
  if ('problem' in prefix) return { reason: `git knows nothing of ${folder} (${prefix.problem})` }
  const start = prefix.output.replace(/\n$/, '')
  // By content where the time of a file changed; without taking a lock that another git may want.
  const words = ['--no-renames', '--untracked-files=all', '--ignored=matching', '--ignore-submodules=none', '--', '.']
  const status = await git(folder, ['status', '--porcelain=v1', '-z', ...words], signal)
  if ('problem' in status) return { reason: `git could not compare ${folder} (${status.problem})` }
  for (const entry of status.output.split('\0')) {
    if (entry === '') continue
    if (!entry.slice(3).startsWith(start)) return { reason: 'the folder is not in git' }
    const path = entry.slice(3 + start.length)
    // A submodule stands there without the slash that other folders end with.
    const isFolder = path.endsWith('/') || kindOf(resolve(folder, path)) === 'folder'
    if (rules.ignored(path.replace(/\/$/, '')) && !(isFolder && rules.hasExceptions)) continue
    return { reason: `${path} is ${/^(?:\?\?|!!)/.test(entry) ? 'not in git' : 'not as it was committed'}` }
  }
  return listedTree(folder, signal, rules)
}

async function listedTree(folder: string, signal: AbortSignal, rules: IgnoreRules): Promise<GitTree> {
  const list = await git(folder, ['ls-files', '--stage', '-v', '-z', '--', '.'], signal)
  if ('problem' in list) return { reason: `git could not list ${folder} (${list.problem})` }
  const hash = createHash('sha256')
  let files = 0
  for (const line of list.output
    .split('\0')
    .filter(Boolean)
    .sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1))) {
    const [, flag = '', mode = '', object = '', path = ''] = /^(\S) (\d+) ([0-9a-f]+) \d\t(.+)$/s.exec(line) ?? []
    if (rules.ignored(path) && !(mode === SUBMODULE && rules.hasExceptions)) continue
    // Not checked out (sparse), or told to be taken as unchanged: what is there may differ without a word.
    if (flag !== 'H') return { reason: `${path} is not as git has it (sparse checkout or a flag)` }
    files++
    hash.update(`${mode} ${object} ${path}\0`)
    if (mode !== SUBMODULE) continue
    const submodule = resolve(folder, path)
    if (!existsSync(`${submodule}/.git`)) {
      hash.update('not checked out\0')
      continue
    }
    const inside = await gitTree(submodule, signal, { ...rules, ignored: name => rules.ignored(`${path}/${name}`) })
    if ('reason' in inside) return { reason: `in submodule ${path}, ${inside.reason}` }
    files += inside.files
    hash.update(`${inside.hash}\0`)
  }
  return { hash: hash.digest('hex'), files }
}

function pathOf(line: string): string {
  return line.slice(line.indexOf('\t') + 1)
}

async function git(
  folder: string,
  words: readonly string[],
  signal: AbortSignal,
): Promise<{ output: string } | { problem: string }> {
  try {
    // The checkout may belong to another user than the step (containers), which git takes for an attack.
    const { stdout } = await promisify(execFile)('git', ['-c', 'safe.directory=*', ...words], {
      cwd: folder,
      timeout: 60_000,
      signal,
      killSignal: 'SIGKILL',
      maxBuffer: 256 * 1024 * 1024,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    })
    return { output: stdout }
  } catch (error) {
    signal.throwIfAborted()
    const text = error instanceof Error ? error.message : String(error)
    return {
      problem:
        text
          .split('\n')
          .findLast(line => line.trim() !== '')
          ?.trim() ?? text,
    }
  }
}
