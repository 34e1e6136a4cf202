/** What lint.yml and test.yml read of a project. */
const KEYS = [
  'directory',
  'setup',
  'version',
  'install',
  'before',
  'commands',
  'lint',
  'test',
  'postgres-version',
  'junit',
  'coverage',
]

/**
 * What is wrong with the list of projects, one sentence each.
 * @param commands which stages have commands for projects without their own
 */
export function projectProblems(
  projects: unknown,
  commands: { readonly lint: boolean; readonly test: boolean },
): string[] {
  if (!Array.isArray(projects) || projects.length === 0)
    return ['is no JSON list of directories or objects, such as ["web", {"directory": "api"}]']
  const entries: readonly unknown[] = projects
  const problems = entries.flatMap((entry, index) => entryProblems(entry, `entry ${index + 1}`))
  if (problems.length > 0) return problems
  if (!commands.lint && !commands.test) {
    const without = entries.flatMap((entry, index) =>
      ['lint', 'test', 'commands'].some(key => isFilled(own(entry, key)))
        ? []
        : [`entry ${index + 1} has commands for neither lint nor tests, and there are none for all`],
    )
    if (without.length > 0) return without
  }
  return [
    ...withoutStage(entries, 'lint', 'test', commands.lint),
    ...withoutStage(entries, 'test', 'lint', commands.test),
  ]
}

/** A stage runs for all projects or none: one that has nothing to do in it says so by commands of the other stage only. */
function withoutStage(entries: readonly unknown[], stage: string, other: string, forAll: boolean): string[] {
  if (forAll || !entries.some(entry => isFilled(own(entry, stage)))) return []
  return entries.flatMap((entry, index) =>
    [stage, other, 'commands'].some(key => isFilled(own(entry, key)))
      ? []
      : [`entry ${index + 1} has no commands of ${stage}, which others have; give it some, or only ${other}`],
  )
}

function entryProblems(entry: unknown, name: string): string[] {
  if (isFilled(entry) && typeof entry === 'string') return []
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    return [`${name}: allowed is a directory, or an object with directory`]
  const unknown = Object.keys(entry).filter(key => !KEYS.includes(key))
  return [
    ...(typeof own(entry, 'directory') === 'string' && isFilled(own(entry, 'directory'))
      ? []
      : [`${name} has no directory`]),
    ...unknown.map(key => `${name}: the key ${key} is unknown; there are ${KEYS.join(', ')}`),
  ]
}

function own(entry: unknown, key: string): unknown {
  return typeof entry === 'object' && entry !== null ? Reflect.get(entry, key) : undefined
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : typeof value === 'string' && value.trim() !== ''
}
