import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** The files, folders and links of a build context that .dockerignore lets through, as `a/b` paths, sorted. */
export function contextPaths(folder: string, dockerfile: string): string[] {
  const rules = ignoreRules(folder, dockerfile)
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(path => path.split('\\').join('/'))
    .filter(path => !isIgnored(path, rules))
    .sort()
}

interface IgnoreRule {
  readonly pattern: RegExp
  readonly keeps: boolean
}

// A Dockerfile's own ignore file wins over the context's (docker build reference, ".dockerignore files").
function ignoreRules(folder: string, dockerfile: string): IgnoreRule[] {
  const text = readOptional(`${dockerfile}.dockerignore`) ?? readOptional(join(folder, '.dockerignore')) ?? ''
  return text
    .split(/\r?\n/)
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
    .map(line => {
      const keeps = line.trim().startsWith('!')
      const path = posix.normalize(line.trim().replace(/^!/, '')).replace(/^\/+|\/+$/g, '')
      return { pattern: globPattern(path), keeps }
    })
}

/** The last rule that matches the path, or a folder above it, decides. */
function isIgnored(path: string, rules: readonly IgnoreRule[]): boolean {
  const parts = path.split('/')
  const above = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  let ignored = false
  for (const { pattern, keeps } of rules) {
    if (ignored === keeps && above.some(entry => pattern.test(entry))) ignored = !keeps
  }
  return ignored
}

/** Go's filepath.Match, with `**` for any number of folders, as docker has it. */
export function globPattern(glob: string): RegExp {
  let pattern = ''
  for (let index = 0; index < glob.length; index++) {
    const character = glob.charAt(index)
    if (glob.startsWith('**/', index)) {
      pattern += '(?:.*/)?'
      index += 2
    } else if (glob.startsWith('**', index)) {
      pattern += '.*'
      index += 1
    } else if (character === '*') pattern += '[^/]*'
    else if (character === '?') pattern += '[^/]'
    else if (character === '[') {
      const end = glob.indexOf(']', index + 2)
      if (end < 0) pattern += '\\['
      else {
        pattern += glob.slice(index, end + 1)
        index = end
      }
    } else pattern += character.replace(/[.+^${}()|\]\\]/g, '\\$&')
  }
  return new RegExp(`^${pattern}$`)
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
