/** What the run says that tags can be filled with. */
export interface TagFacts {
  readonly sha: string | undefined
  /** `refs/heads/…`, `refs/tags/…`, `refs/pull/…` */
  readonly ref: string | undefined
  /** head branch of a pull request */
  readonly headRef: string | undefined
  readonly runId: string | undefined
  readonly runNumber: string | undefined
  readonly at: Date
}

export interface FilledTags {
  /** each once, in the order given */
  readonly tags: readonly string[]
  /** why an entry was left out, one sentence each */
  readonly dropped: readonly string[]
  readonly problems: readonly { readonly entry: string; readonly problem: string }[]
}

const PLACEHOLDER = /\{([^{}]*)\}/g
/** Docker's and ECR's form of a tag (OCI distribution spec). */
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const LONGEST = 128

/** Fills in the placeholders; a filled-in value is made to fit, a literal must fit. */
export function filledTags(entries: readonly string[], facts: TagFacts): FilledTags {
  const values = placeholderValues(facts)
  const tags = new Set<string>()
  const dropped: string[] = []
  const problems: { entry: string; problem: string }[] = []
  for (const entry of entries) {
    const names = [...entry.matchAll(PLACEHOLDER)].map(match => match[1] ?? '')
    const unknown = names.find(name => !values.has(name))
    const missing = names.find(name => values.get(name) === undefined)
    const literal = entry.replace(PLACEHOLDER, '')
    if (unknown !== undefined) {
      problems.push({
        entry,
        problem: `{${unknown}} is unknown; allowed is ${[...values.keys()].map(name => `{${name}}`).join(', ')}`,
      })
    } else if (/[^A-Za-z0-9._-]/.test(literal) || (!entry.startsWith('{') && !TAG.test(literal.slice(0, LONGEST)))) {
      problems.push({
        entry,
        problem: 'allowed is a tag: letters, digits, "_", "." and "-", not first "." or "-", at most 128',
      })
    } else if (names.length === 0 && literal.length > LONGEST) {
      problems.push({ entry, problem: 'allowed are at most 128 characters' })
    } else if (missing !== undefined) {
      dropped.push(`The tag ${entry} is left out: this run has no ${missing}.`)
    } else {
      const tag = entry
        .replace(PLACEHOLDER, (_, name: string) => fitting(values.get(name) ?? ''))
        .replace(/^[.-]+/, '')
        .slice(0, LONGEST)
      if (tag === '') dropped.push(`The tag ${entry} is left out: nothing of its value can stand in a tag.`)
      else tags.add(tag)
    }
  }
  return { tags: [...tags], dropped, problems }
}

function fitting(value: string): string {
  return value.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[.-]+/, '')
}

function placeholderValues({ sha, ref, headRef, runId, runNumber, at }: TagFacts): Map<string, string | undefined> {
  const time = at.toISOString()
  const branch = headRef ?? /^refs\/heads\/(.+)$/.exec(ref ?? '')?.[1]
  return new Map([
    ['sha', sha],
    ['short-sha', sha?.slice(0, 7)],
    ['branch', branch],
    ['run', runId],
    ['run-number', runNumber],
    ['date', time.slice(0, 10).replaceAll('-', '')],
    ['time', time.slice(11, 19).replaceAll(':', '')],
    ['version', /^refs\/tags\/v(\d+\.\d+\.\d+(?:[-+].+)?)$/.exec(ref ?? '')?.[1]],
  ])
}
