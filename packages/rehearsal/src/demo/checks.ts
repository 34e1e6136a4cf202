import { bold, green, red } from '../terminal.ts'

/** What the demo has to show, and whether it did. */
export interface Checks {
  check(what: string, passed: boolean): void
  /** prints all of them; @returns the demo's exit code: 0 only when so many were made and all passed */
  verdict(expected: number): number
}

export function startedChecks(): Checks {
  const began = performance.now()
  const made: { readonly what: string; readonly passed: boolean }[] = []
  return {
    check: (what, passed) => {
      made.push({ what, passed })
    },
    verdict: expected => {
      console.log(`\n${bold('What was shown')}`)
      for (const { what, passed } of made) console.log(`  ${passed ? green('✓') : red('✗')} ${what}`)
      const failed = made.filter(({ passed }) => !passed).length
      const missing = failed === 0 && made.length < expected ? `, ${expected - made.length} not reached` : ''
      const took = ((performance.now() - began) / 1000).toFixed(0)
      console.log(`\n${made.length - failed} passed, ${failed} failed${missing}, in ${took} s`)
      return failed === 0 && made.length === expected ? 0 : 1
    },
  }
}
