import { durationText } from '@aws-deploy-actions/action-runtime'
import type { Coverage, Covered } from '../coverage.ts'
import type { TestResults } from '../junit.ts'
import { type Limits, lastLines, shown, shownCode, shownTable } from './limits.ts'

/** Totals of the tests, and those that failed. */
export function testsSection(results: readonly TestResults[], limits: Limits): string {
  if (results.length === 0) return ''
  const sum = (count: (result: TestResults) => number): number =>
    results.reduce((all, result) => all + count(result), 0)
  const failed = sum(result => result.failed)
  const total = [
    `${failed > 0 ? '❌' : '✅'} **${sum(({ passed }) => passed)} passed, ${failed} failed, ${sum(({ skipped }) => skipped)} skipped**`,
    `in ${durationText(sum(({ seconds }) => seconds) * 1000)}`,
  ].join(' ')
  const byFile =
    results.length === 1
      ? ''
      : shownTable(
          ['File', 'Passed', 'Failed', 'Skipped', 'Took'],
          results
            .toSorted((a, b) => b.failed - a.failed)
            .map(result => [
              shownCode(result.file, limits),
              String(result.passed),
              String(result.failed),
              String(result.skipped),
              durationText(result.seconds * 1000),
            ]),
          limits,
        )
  return ['### Tests', total, ...failedCases(results, failed, limits), byFile].filter(part => part !== '').join('\n\n')
}

function failedCases(results: readonly TestResults[], failed: number, limits: Limits): string[] {
  const cases = results.flatMap(({ failures }) => failures).slice(0, limits.rows)
  const parts = cases.map(({ name, where, message, details }) => {
    const title = `❌ ${shown(name, limits)}${where === '' ? '' : ` · ${shown(where, limits)}`}`
    const lines = details.split('\n')[0]?.includes(message) ? [details] : [message, details]
    return lastLines(title, firstLines(lines.join('\n'), limits.lines), limits, false)
  })
  const more = failed - cases.length
  return more > 0 ? [...parts, `… and ${more} more that failed`] : parts
}

/** Of a stack the beginning matters. */
function firstLines(text: string, most: number): string[] {
  const lines = text.split('\n')
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `… ${lines.length - most + 1} lines more`]
}

export function coverageSection(files: readonly Coverage[], limits: Limits): string {
  if (files.length === 0) return ''
  const rows = files.map(({ file, format, lines, branches, functions }) => [
    shownCode(file, limits),
    format,
    percent(lines),
    percent(branches),
    percent(functions),
  ])
  return `### Coverage\n\n${shownTable(['File', 'Format', 'Lines', 'Branches', 'Functions'], rows, limits)}`
}

function percent(pair: Covered | undefined): string {
  if (pair === undefined) return '–'
  const { covered, total } = pair
  if (total === 0) return 'none'
  // Rounded down: 100 % is said of nothing less.
  return `${(Math.floor((covered / total) * 1000) / 10).toFixed(1)} % (${covered} of ${total})`
}
