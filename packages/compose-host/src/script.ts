import { gzipSync } from 'node:zlib'
import { PROGRAM, START } from './program-text.ts'
import { type ComposeDeploy, hostValues } from './values.ts'

/**
 * What SendCommand's `commands` may hold (characters). An SSM document has at most 64 KB (AWS General Reference, "Systems
 * Manager service quotas"), and the parameters are put into it before it is sent to the agent.
 */
export const MOST_CHARACTERS = 60_000

/**
 * The script for AWS-RunShellScript. Program and values are gzip in base64, so that no character of an input can mean
 * anything to a shell, nor `{{ssm:…}}` to Systems Manager. A value is ended by a NUL byte, the one that none can hold.
 */
export function hostScript(deploy: ComposeDeploy): string {
  const values = hostValues(deploy)
    .flat()
    .map(text => `${text}\0`)
    .join('')
  return `program='${packed(PROGRAM)}'\nvalues='${packed(values)}'\n${START}`
}

/** The same for people: the program as it is, the values by name. */
export function readableScript(deploy: ComposeDeploy): {
  readonly program: string
  readonly values: readonly string[]
} {
  return { program: PROGRAM, values: hostValues(deploy).map(([name, value]) => `${name}: ${value}`) }
}

// No time stamp, one system byte: the same input is the same script.
function packed(text: string): string {
  return gzipSync(text, { level: 9 }).toString('base64')
}
