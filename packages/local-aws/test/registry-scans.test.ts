import { beforeEach, describe, expect, test } from '@jest/globals'
import { putImage } from '../src/registry/images.ts'
import { Repositories, type Repository, type StoredImage } from '../src/registry/repositories.ts'
import { parsedScanScript } from '../src/registry/scan-script.ts'
import { Scans, type ScanView } from '../src/registry/scans.ts'

const scope = { kind: 'private', registryId: '123456789012', region: 'eu-west-1' } as const
const critical = { name: 'CVE-2026-1', severity: 'CRITICAL' } as const
let clock = 0
let scans: Scans
let repository: Repository
let image: StoredImage

beforeEach(() => {
  clock = 1_000_000
  const now = (): Date => new Date(clock)
  scans = new Scans(now, 10)
  repository = new Repositories(() => 'host', now).create(scope, 'app', { scanOnPush: true })
  const bytes = Buffer.from('{"schemaVersion":2,"config":{"digest":"sha256:x","size":1},"layers":[]}')
  image = putImage(repository, { bytes }, now(), true)
})

function after(ms: number): ScanView | undefined {
  clock = 1_000_000 + ms
  return scans.view(repository, image)
}

describe('a scripted scan', () => {
  test('passes through its states, at the speed of the cloud', () => {
    scans.script('app', {
      states: [{ status: 'PENDING', lastsMs: 1000 }, { status: 'IN_PROGRESS', lastsMs: 2000 }, { status: 'COMPLETE' }],
      findings: [critical],
    })
    expect(after(0)).toBeUndefined()
    scans.imagePushed(repository, image)
    expect(after(0)).toMatchObject({ status: 'PENDING', findings: [] })
    expect(after(99)).toMatchObject({ status: 'PENDING' })
    expect(after(100)).toMatchObject({ status: 'IN_PROGRESS', completedAt: undefined, findings: [] })
    expect(after(299)).toMatchObject({ status: 'IN_PROGRESS' })
    expect(after(300)).toMatchObject({
      status: 'COMPLETE',
      description: 'The scan was completed successfully.',
      completedAt: new Date(1_000_300),
      findings: [critical],
    })
    expect(after(1e9)).toMatchObject({ status: 'COMPLETE' })
  })

  test('that fails has no findings', () => {
    scans.script('*', { states: [{ status: 'UNSUPPORTED_IMAGE' }], findings: [critical] })
    scans.imagePushed(repository, image)
    expect(after(1000)).toMatchObject({ status: 'UNSUPPORTED_IMAGE', findings: [], completedAt: undefined })
  })

  test('starts by itself only where scan on push is set, or scanning is enhanced', () => {
    repository.settings.scanOnPush = false
    scans.imagePushed(repository, image)
    expect(after(0)).toBeUndefined()
    scans.script('app', parsedScanScript({ type: 'ENHANCED' }))
    scans.imagePushed(repository, image)
    expect(after(1000)).toMatchObject({ status: 'ACTIVE', type: 'ENHANCED' })
  })
})

describe('a script in JSON', () => {
  test('is taken as it is', () => {
    const script = { states: [{ status: 'COMPLETE', lastsMs: 5 }], findings: [critical], type: 'BASIC' }
    expect(parsedScanScript(script)).toEqual(script)
  })

  test.each([
    [[], 'scan script must be a map'],
    [{ finding: [] }, 'unknown finding'],
    [{ states: [{ status: 'DONE' }] }, 'states[0].status must be one of'],
    [{ findings: [{ name: 'x', severity: 'critical' }] }, 'findings[0].severity must be one of'],
    [{ findings: [{ severity: 'LOW' }] }, 'findings[0].name must be a text'],
    [{ findings: {} }, 'findings must be a list'],
    [{ type: 'FULL' }, 'type must be BASIC or ENHANCED'],
  ])('%j is wrong: %s', (script, message) => {
    expect(() => parsedScanScript(script)).toThrow(message)
  })
})
