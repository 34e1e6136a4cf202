import { validateHeaderName, validateHeaderValue } from 'node:http'
import { keyValueLines, shortened } from '@aws-deploy-actions/action-runtime'
import { shownAddress } from './shown.ts'

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** @throws Error that says what is allowed */
export function checkedMethod(text: string): string {
  const method = text.trim().toUpperCase()
  if (!METHODS.includes(method)) throw new Error(`"${shortened(text)}": allowed is ${METHODS.join(', ')}`)
  return method
}

const URL_ALLOWED = 'allowed is an http:// or https:// address'

/** @throws Error that quotes the text without its password, and says what is allowed */
export function checkedUrl(text: string): URL {
  const trimmed = text.trim()
  if (trimmed === '') throw new Error(`is required; ${URL_ALLOWED}`)
  const url = URL.parse(trimmed)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(`"${shortened(shownAddress(trimmed))}": ${URL_ALLOWED}`)
  return url
}

/** They say how the request is framed, which is ours to say. */
const OURS = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What is wrong with a header, without its value; undefined when nothing is. */
export function headerProblem(name: string, value: string): string | undefined {
  try {
    validateHeaderName(name)
  } catch {
    return 'is no name of a header; allowed are letters, digits and -'
  }
  if (OURS.has(name)) return 'is set by the action itself'
  try {
    validateHeaderValue(name, value)
  } catch {
    return 'its value holds characters that a header cannot hold'
  }
  return undefined
}

/** `NAME=VALUE` lines; names in lower case. A wrong line is quoted by its beginning only: the rest may be the value. */
export function headersFromLines(text: string): { headers: Map<string, string>; problems: string[] } {
  const headers = new Map<string, string>()
  const problems: string[] = []
  for (const line of text.split('\n')) {
    const { entries, problems: wrong } = keyValueLines(line)
    const start = /^\s*([\w-]*)/.exec(line)?.[1] ?? ''
    if (wrong.length > 0) problems.push(`the line that begins with "${start}": allowed is one NAME=VALUE per line`)
    for (const [key, value] of entries) {
      const name = key.toLowerCase()
      const problem = headers.has(name) ? 'is given twice; allowed is once' : headerProblem(name, value)
      if (problem === undefined) headers.set(name, value)
      else problems.push(`the header "${start}": ${problem}`)
    }
  }
  return { headers, problems }
}
