import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type ReportRecord, reportLine } from '@aws-deploy-actions/pipeline-report'
import { type JavaScriptActionResult, runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { Marked } from 'marked'
import type { GitHub } from './git-hub.ts'

export const FOLDER = new URL('..', import.meta.url).pathname

/** What a test gives beside inputs. */
export interface Surroundings {
  /** files below RUNNER_TEMP: texts as they are, records as JSON */
  readonly files?: Readonly<Record<string, ReportRecord | string>>
  /** files of the workspace */
  readonly workspace?: Readonly<Record<string, string>>
  readonly github?: GitHub
  readonly environment?: Readonly<Record<string, string>>
  /** the event that started the run */
  readonly event?: object
}

/** Runs the bundle; `needs` may be given as data. Without `github` there is no token. */
export async function summarize(
  inputs: Readonly<Record<string, string>> & { readonly needs: string },
  { files = {}, workspace = {}, github, environment = {}, event }: Surroundings = {},
): Promise<JavaScriptActionResult> {
  const folder = await mkdtemp(join(tmpdir(), 'summarize-'))
  try {
    for (const [name, content] of Object.entries(files))
      await put(join(folder, 'temp', name), typeof content === 'string' ? content : JSON.stringify(content))
    for (const [name, content] of Object.entries(workspace)) await put(join(folder, 'workspace', name), content)
    await put(join(folder, 'event.json'), JSON.stringify(event ?? {}))
    await mkdir(join(folder, 'workspace'), { recursive: true })
    const result = await runJavaScriptAction(FOLDER, {
      inputs: { 'github-token': github === undefined ? '' : TOKEN, ...inputs },
      workspace: join(folder, 'workspace'),
      temp: join(folder, 'temp'),
      environment: {
        GITHUB_REPOSITORY: 'acme/shop',
        GITHUB_SERVER_URL: 'https://github.com',
        GITHUB_RUN_ID: '4711',
        GITHUB_RUN_NUMBER: '12',
        GITHUB_RUN_ATTEMPT: '1',
        GITHUB_WORKFLOW: 'Deliver',
        GITHUB_JOB: 'summary',
        GITHUB_SHA: '7b42c5f0c3a1d2e4b5a697887766554433221100',
        GITHUB_REF_NAME: 'main',
        GITHUB_ACTOR: 'octocat',
        GITHUB_EVENT_PATH: join(folder, 'event.json'),
        RUNNER_NAME: 'the summary runs here',
        ...(github === undefined ? {} : { GITHUB_API_URL: github.url }),
        ...environment,
      },
    })
    return result
  } finally {
    await rm(folder, { recursive: true })
  }
}

export const TOKEN = 'ghs_0123456789abcdefghijklmnopqrstuvwxyz'

/** `toJSON(needs)`: each job with its result, or with result and outputs. */
export function needsJson(
  jobs: Readonly<Record<string, string | { result: string; outputs: Readonly<Record<string, string>> }>>,
): string {
  const entries = Object.entries(jobs).map(([id, job]) => [
    id,
    typeof job === 'string' ? { result: job, outputs: {} } : job,
  ])
  return JSON.stringify(Object.fromEntries(entries), null, 2)
}

let seconds = 0

/** A record; each one of another second, so that no two are the same. */
export function record(action: string, status: string, own: Partial<ReportRecord> = {}): ReportRecord {
  return {
    schema: 1,
    action,
    status,
    verdict: `${action} ${status}.`,
    startedAt: new Date(Date.parse('2026-11-20T09:00:00Z') + 1000 * seconds++).toISOString(),
    seconds: 12.5,
    run: { repository: 'acme/shop', id: '4711', attempt: '1', job: action },
    failures: [],
    ...own,
  }
}

export const line = reportLine

const renderer = new Marked({ gfm: true })

/** The page as HTML, by a GFM renderer. */
export function rendered(markdown: string): string {
  return String(renderer.parse(markdown, { async: false }))
}

/** What a reader sees of it: without tags and zero-width spaces, entities decoded. */
export function seen(markdown: string): string {
  return rendered(markdown)
    .replace(/<\/?(?:td|th|li|p|br|h\d|summary)\b[^>]*>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:#(\d+)|(lt|gt|quot|amp));/g, (_, number: string | undefined, name: string) =>
      number === undefined ? (NAMED[name] ?? '') : String.fromCodePoint(Number(number)),
    )
    .replaceAll('\u200b', '')
    .replace(/[ \t]+/g, ' ')
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' }

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}
