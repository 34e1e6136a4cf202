import { open, readFile } from 'node:fs/promises'
import { type CoverageMapData, createCoverageMap } from 'istanbul-lib-coverage'
import type { FoundFile } from './files.ts'
import { readXml } from './xml.ts'

/** How many of how many were run. */
export interface Covered {
  readonly covered: number
  readonly total: number
}

/** What one coverage file says of everything in it; what it does not tell is undefined. */
export interface Coverage {
  readonly file: string
  readonly format: 'Cobertura' | 'LCOV' | 'Istanbul'
  readonly lines: Covered | undefined
  readonly branches: Covered | undefined
  readonly functions: Covered | undefined
}

/** @throws when it is none of the known forms, or broken */
export async function coverageOf({ path, name }: FoundFile): Promise<Coverage> {
  if (/^\ufeff?\s*</.test(await startOf(path))) return { file: name, format: 'Cobertura', ...(await cobertura(path)) }
  const text = (await readFile(path, 'utf8')).replace(/^\ufeff/, '')
  if (/^\s*\{/.test(text)) return { file: name, format: 'Istanbul', ...istanbul(JSON.parse(text)) }
  return { file: name, format: 'LCOV', ...lcov(text) }
}

async function startOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

type Totals = Pick<Coverage, 'lines' | 'branches' | 'functions'>

// Source: cobertura's coverage-04.dtd. gcovr, coverage.py, .NET and PHPUnit all write these attributes of the root.
async function cobertura(path: string): Promise<Totals> {
  let totals: Totals | undefined
  await readXml(path, {
    opened: (name, attribute) => {
      if (totals !== undefined) return
      if (name !== 'coverage') throw new Error(`it is no Cobertura report: its root is ${name}, not coverage`)
      totals = {
        lines: covered(attribute('lines-covered'), attribute('lines-valid')),
        branches: covered(attribute('branches-covered'), attribute('branches-valid')),
        functions: undefined,
      }
    },
  })
  if (totals === undefined) throw new Error('it is no Cobertura report')
  if (totals.lines === undefined) throw new Error('its root lacks lines-covered and lines-valid')
  return totals
}

// Source: geninfo(1), section FILES: per source file LF, LH (lines found, hit), BRF, BRH, FNF, FNH.
function lcov(text: string): Totals {
  const sums = new Map<string, number>()
  for (const [, key = '', amount = ''] of text.matchAll(/^(LF|LH|BRF|BRH|FNF|FNH):(\d+)\s*$/gm))
    sums.set(key, (sums.get(key) ?? 0) + Number(amount))
  if (!/^SF:/m.test(text) || !/^end_of_record\s*$/m.test(text))
    throw new Error('it is no coverage report of a known form (Cobertura, LCOV, Istanbul JSON)')
  const pair = (hit: string, found: string): Covered | undefined =>
    sums.has(found) ? { covered: sums.get(hit) ?? 0, total: sums.get(found) ?? 0 } : undefined
  return { lines: pair('LH', 'LF'), branches: pair('BRH', 'BRF'), functions: pair('FNH', 'FNF') }
}

function istanbul(data: unknown): Totals {
  if (!isMap(data)) throw new Error('it is no Istanbul report')
  const summary = data['total']
  if (isMap(summary) && isMap(summary['lines'])) {
    return {
      lines: counts(summary['lines']),
      branches: counts(summary['branches']),
      functions: counts(summary['functions']),
    }
  }
  if (!isCoverageMap(data)) throw new Error('it is neither coverage-final.json nor coverage-summary.json')
  const totals = createCoverageMap(data).getCoverageSummary()
  return { lines: counts(totals.lines), branches: counts(totals.branches), functions: counts(totals.functions) }
}

// What istanbul-lib-coverage counts with; it writes nothing but fresh objects of its own.
function isCoverageMap(data: Record<string, unknown>): data is CoverageMapData {
  const files = Object.values(data)
  const parts = ['statementMap', 'fnMap', 'branchMap', 's', 'f', 'b']
  return files.length > 0 && files.every(file => isMap(file) && parts.every(part => isMap(file[part])))
}

function counts(value: unknown): Covered | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return covered(Reflect.get(value, 'covered'), Reflect.get(value, 'total'))
}

function covered(hit: unknown, found: unknown): Covered | undefined {
  if (hit === undefined || hit === '' || found === undefined || found === '') return undefined
  const pair = { covered: Number(hit), total: Number(found) }
  return Number.isFinite(pair.covered) && Number.isFinite(pair.total) ? pair : undefined
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
