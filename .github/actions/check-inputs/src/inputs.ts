import type { InputReader } from '@aws-deploy-actions/action-runtime'
import { givenChecks, jsonPath } from '@aws-deploy-actions/http-probe'
import { projectProblems } from './projects.ts'

/**
 * Reads the inputs of a workflow that several of its stages need, so that none of them is refused when others have run
 * for minutes. An input that is empty is not there.
 * @param folder of the repository, for paths
 * @throws InputError with all that is wrong
 */
export function readInputs(input: InputReader, folder: string): void {
  if (input.optional('version') !== undefined && input.optional('rollback-to') !== undefined)
    input.conflict('version', 'is filled in, and so is rollback-to: which of them is meant?')
  readImages(input)
  input.choice('registry', ['private', 'public'])
  input.choice('scan-fail-on', ['none', 'critical', 'high', 'medium', 'low'])
  input.choice('setup', ['node', 'python', 'none'])
  readProjects(input)
  readDatabases(input)
  input.duration('migrate-timeout', 0, 1000)
  input.duration('smoke-timeout', 0, 100)
  readChecks(input, folder)
  input.finish()
}

/** Only what every stage needs of it: the rest is for ecr-push to read. */
function readImages(input: InputReader): void {
  const images = input.yaml('images')
  if (images === undefined) return
  // ecr-push reads every scalar as a text.
  const named = (entry: unknown): boolean => /^(?:string|number|boolean)$/.test(typeof member(entry, 'repository'))
  if (!Array.isArray(images) || images.length === 0 || !images.every(named))
    input.conflict('images', 'is no YAML list of images, each with its repository')
}

function readProjects(input: InputReader): void {
  const projects = json(input, 'projects')
  if (projects === undefined) return
  const lint = input.lines('lint-commands').length > 0
  const test = input.lines('test-commands').length > 0
  for (const problem of projectProblems(projects, { lint, test })) input.conflict('projects', problem)
}

function readDatabases(input: InputReader): void {
  const databases = json(input, 'databases')
  if (databases === undefined) return
  const isName = (entry: unknown): boolean => typeof entry === 'string' && entry.trim() !== ''
  if (!Array.isArray(databases) || databases.length === 0 || !databases.every(isName))
    input.conflict('databases', 'is not a JSON list of names, such as ["north", "south"]')
  // migrate.yml has a step for each.
  else if (databases.length > 10)
    input.conflict('databases', 'there are more than 10; call this workflow once for every 10')
}

function readChecks(input: InputReader, folder: string): void {
  // Filled in later; whatever it is filled with is a text without braces.
  const given = input.verbatim('smoke-checks').replaceAll(/(?<!\$)\{version\}/g, 'version')
  const defaults = { headers: new Map<string, string>(), versionFrom: { json: jsonPath('version') } }
  for (const problem of givenChecks(given, folder, defaults).problems) input.conflict('smoke-checks', problem)
}

/** As `fromJSON` reads it: JSON, and not YAML. */
function json(input: InputReader, name: string): unknown {
  return input.parsed(name, (text): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      throw new Error('is not valid JSON')
    }
  })
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
