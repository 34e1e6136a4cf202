import type { FoundFile } from './files.ts'
import { legible } from './legible.ts'
import { readXml, type XmlReader } from './xml.ts'

/** One test that failed, or could not run. */
export interface FailedCase {
  readonly name: string
  /** suite or class, and file where the report has it */
  readonly where: string
  readonly message: string
  /** stack or output of the failure */
  readonly details: string
}

/** What the tests of one file came to. */
export interface TestResults {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
  /** the first ones */
  readonly failures: readonly FailedCase[]
}

const MOST_FAILURES = 500
const MOST_DETAILS = 8000

interface Counting {
  passed: number
  failed: number
  skipped: number
  seconds: number
  readonly failures: FailedCase[]
}

/**
 * Test cases of a JUnit XML file, counted one by one: the totals that suites carry are often wrong.
 * @throws when it is not well-formed, or has another root than `testsuites` or `testsuite`
 */
export async function testResults({ path, name }: FoundFile): Promise<TestResults> {
  const counts: Counting = { passed: 0, failed: 0, skipped: 0, seconds: 0, failures: [] }
  const reader = new JUnitReader(counts)
  await readXml(path, reader)
  if (!reader.began) throw new Error('it is empty')
  return { file: name, ...counts }
}

class JUnitReader implements XmlReader {
  readonly #counts: Counting
  readonly #suites: string[] = []
  #root: string | undefined
  #case: { name: string; where: string; seconds: number; skipped: boolean; failure: FailedCase | undefined } | undefined
  #details: string | undefined
  #message = ''

  constructor(counts: Counting) {
    this.#counts = counts
  }

  get began(): boolean {
    return this.#root !== undefined
  }

  opened(name: string, attribute: (name: string) => string | undefined): void {
    if (this.#root === undefined) {
      this.#root = name
      if (name !== 'testsuites' && name !== 'testsuite')
        throw new Error(`it is no JUnit XML: its root is ${name}, not testsuites or testsuite`)
    }
    if (name === 'testsuite') this.#suites.push(attribute('name') ?? '')
    if (name === 'testcase') {
      const file = attribute('file')
      const line = attribute('line')
      const place = file === undefined ? undefined : line === undefined ? file : `${file}:${line}`
      this.#case = {
        name: attribute('name') ?? '',
        where: [attribute('classname') ?? this.#suites.at(-1), place].filter(Boolean).join(', '),
        seconds: Number(attribute('time')?.replaceAll(',', '')) || 0,
        skipped: false,
        failure: undefined,
      }
    }
    if (name === 'skipped' && this.#case !== undefined) this.#case.skipped = true
    if ((name === 'failure' || name === 'error') && this.#case !== undefined) {
      this.#details = ''
      this.#message = attribute('message') ?? attribute('type') ?? ''
    }
  }

  text(text: string): void {
    if (this.#details !== undefined && this.#details.length < MOST_DETAILS) this.#details += text
  }

  closed(name: string): void {
    if (name === 'testsuite') this.#suites.pop()
    const now = this.#case
    if ((name === 'failure' || name === 'error') && now !== undefined && this.#details !== undefined) {
      const details = this.#details.slice(0, MOST_DETAILS).trim()
      now.failure ??= {
        name: legible(now.name),
        where: legible(now.where),
        message: legible(this.#message.trim() || (details.split('\n')[0] ?? '')),
        details: legible(details),
      }
      this.#details = undefined
    }
    if (name === 'testcase' && now !== undefined) {
      this.#counts.seconds += now.seconds
      if (now.failure !== undefined) {
        this.#counts.failed++
        if (this.#counts.failures.length < MOST_FAILURES) this.#counts.failures.push(now.failure)
      } else if (now.skipped) this.#counts.skipped++
      else this.#counts.passed++
      this.#case = undefined
    }
  }
}
