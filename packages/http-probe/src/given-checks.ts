import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { shortened } from '@aws-deploy-actions/action-runtime'
import type { Check } from './check.ts'
import { type CheckDefaults, checksFrom } from './checks-document.ts'

/**
 * The checks that an input gives: a YAML list, or the path of a file that holds one. An empty text is none.
 * @param folder that a path is relative to
 * @returns each problem in one sentence, none of which holds the value of a header or a password
 */
export function givenChecks(
  given: string,
  folder: string,
  defaults: CheckDefaults,
): { checks: Check[]; problems: string[] } {
  if (!isPath(given)) return given.trim() === '' ? { checks: [], problems: [] } : checksFrom(given, defaults)
  const path = given.trim()
  const { text, problem } = contentOf(resolve(folder, path))
  if (text === undefined) return { checks: [], problems: [`"${shortened(path)}": ${problem}`] }
  return checksFrom(text, defaults)
}

function contentOf(file: string): { text?: string; problem?: string } {
  if (!existsSync(file))
    return { problem: 'there is no such file; allowed is a path in the workspace, or a YAML list of checks' }
  try {
    return { text: readFileSync(file, 'utf8') }
  } catch (error) {
    return { problem: `cannot be read (${error instanceof Error ? error.message : error})` }
  }
}

/** One line that cannot be a list or a map. */
function isPath(text: string): boolean {
  return /^[^\n]+$/.test(text.trim()) && !/^(?:[-[{#&]|\S*:\s)/.test(text.trim())
}
