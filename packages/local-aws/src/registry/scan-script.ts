import type { FindingSeverity, ScanScript, ScanState, ScriptedFinding } from './scans.ts'

const states: readonly string[] = [
  'IN_PROGRESS',
  'COMPLETE',
  'FAILED',
  'UNSUPPORTED_IMAGE',
  'ACTIVE',
  'PENDING',
  'SCAN_ELIGIBILITY_EXPIRED',
  'FINDINGS_UNAVAILABLE',
  'LIMIT_EXCEEDED',
] satisfies ScanState[]

const severities: readonly string[] = [
  'CRITICAL',
  'HIGH',
  'MEDIUM',
  'LOW',
  'INFORMATIONAL',
  'UNDEFINED',
] satisfies FindingSeverity[]

function isState(value: unknown): value is ScanState {
  return typeof value === 'string' && states.includes(value)
}

function isSeverity(value: unknown): value is FindingSeverity {
  return typeof value === 'string' && severities.includes(value)
}

function members(value: unknown, where: string, allowed: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} must be a map`)
  const unknown = Object.keys(value).filter(key => !allowed.includes(key))
  if (unknown.length > 0) throw new Error(`${where}: unknown ${unknown.join(', ')} (there are ${allowed.join(', ')})`)
  return Object.fromEntries(Object.entries(value))
}

function list(value: unknown, where: string): unknown[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new Error(`${where} must be a list`)
  return value
}

function parsedState(value: unknown, index: number): ScanScript['states'][number] {
  const where = `states[${index}]`
  const { status, lastsMs, description } = members(value, where, ['status', 'lastsMs', 'description'])
  if (!isState(status)) throw new Error(`${where}.status must be one of ${states.join(', ')}`)
  return {
    status,
    ...(typeof lastsMs === 'number' ? { lastsMs } : {}),
    ...(typeof description === 'string' ? { description } : {}),
  }
}

function parsedFinding(value: unknown, index: number): ScriptedFinding {
  const where = `findings[${index}]`
  const texts = ['description', 'uri', 'package', 'version']
  const finding = members(value, where, ['name', 'severity', ...texts])
  const { name, severity } = finding
  if (typeof name !== 'string') throw new Error(`${where}.name must be a text`)
  if (!isSeverity(severity)) throw new Error(`${where}.severity must be one of ${severities.join(', ')}`)
  const given = texts.flatMap(key => (typeof finding[key] === 'string' ? [[key, finding[key]]] : []))
  return { name, severity, ...Object.fromEntries(given) }
}

/**
 * A scan script as it stands in JSON or YAML: `states` (default: IN_PROGRESS for 5 s, then COMPLETE), `findings`,
 * `type` (BASIC or ENHANCED).
 * @throws Error naming what is wrong
 */
export function parsedScanScript(value: unknown): ScanScript {
  const { states: given, findings, type = 'BASIC' } = members(value, 'scan script', ['states', 'findings', 'type'])
  if (type !== 'BASIC' && type !== 'ENHANCED') throw new Error('type must be BASIC or ENHANCED')
  const unscripted = [{ status: 'IN_PROGRESS', lastsMs: 5000 }, { status: type === 'BASIC' ? 'COMPLETE' : 'ACTIVE' }]
  return {
    states: list(given ?? unscripted, 'states').map(parsedState),
    findings: list(findings, 'findings').map(parsedFinding),
    type,
  }
}
