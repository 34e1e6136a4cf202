import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { git } from './git.ts'
import { type Rule, record, texts } from './rule.ts'

/** What nektos/act made of a rule: job → result, and what the job printed, the workspace named as the repository is. */
export interface ActRun {
  readonly results: Readonly<Record<string, string>>
  readonly lines: Readonly<Record<string, readonly string[]>>
}

/** Runs a rule's workflow with act on this machine, without containers. Keys are those of the rehearsal. */
export async function actRun({ fields }: Rule, folder: string): Promise<ActRun> {
  const own = join(folder, 'own')
  await git(own)
  const home = mkdtempSync(join(tmpdir(), 'act-'))
  // All that act knows of a pull request is what this says.
  const event = join(home, 'event.json')
  const pullRequest = { number: 1, head: { ref: 'feature' }, base: { ref: 'main' } }
  writeFileSync(event, JSON.stringify({ number: 1, pull_request: pullRequest }))
  const pairs = (option: string, name: string): string[] =>
    Object.entries(texts(fields[name])).flatMap(([key, value]) => [option, `${key}=${value}`])
  const words = [
    String(fields['event'] ?? 'push'),
    '--json',
    '--no-cache-server',
    ...['--platform', 'ubuntu-latest=-self-hosted'],
    ...['--workflows', '.github/workflows/rule.yml'],
    ...[
      '--artifact-server-path',
      join(home, 'artifacts'),
      '--artifact-server-addr',
      '127.0.0.1',
      '--artifact-server-port',
      '0',
    ],
    ...Object.keys(record(fields['repositories'] ?? {}, 'repositories')).flatMap(name => [
      '--local-repository',
      `someone/${name}@v1=${join(folder, name)}`,
    ]),
    ...(fields['event'] === 'pull_request' ? ['--eventpath', event] : []),
    ...pairs('--input', 'inputs'),
    ...pairs('--secret', 'secrets'),
    ...pairs('--var', 'vars'),
  ]
  try {
    const { stdout, stderr } = await promisify(execFile)('act', words, {
      cwd: own,
      env: {
        PATH: `${process.execPath.replace(/\/node$/, '')}:${process.env['PATH']}`,
        HOME: home,
        XDG_CACHE_HOME: home,
      },
      timeout: 30_000,
      maxBuffer: 1 << 28,
    }).catch((error: unknown) => record(error, 'a failed run'))
    return told(`${stdout}\n${stderr}`)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** Jobs by their id alone and their matrix in the order of the alphabet: act names called workflows by their file. */
export function plainKey(key: string): string {
  const [, id = '', values = ''] = /([^/]+?)(?: \((.*)\))?$/.exec(key.replace(/ #\d+$/, '')) ?? []
  return [id.trim(), ...values.split(', ').sort()].join(' ').trim()
}

function told(output: string): ActRun {
  const results: Record<string, string> = {}
  const lines: Record<string, string[]> = {}
  for (const line of output.split('\n').filter(line => line.startsWith('{'))) {
    const { jobID, matrix, jobResult, msg, raw_output: raw } = record(JSON.parse(line), 'a line of act')
    if (jobID === undefined) continue
    const values = Object.values(record(matrix ?? {}, 'matrix')).map(String)
    const key = plainKey(`${String(jobID)} (${values.join(', ')})`)
    if (jobResult !== undefined) results[key] = String(jobResult)
    if (raw === true)
      lines[key] = [...(lines[key] ?? []), ...String(msg).replaceAll('hostexecutor', 'own').trimEnd().split('\n')]
  }
  return { results, lines }
}
