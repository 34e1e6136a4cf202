import type { Repository, StoredImage } from './repositories.ts'

/** ScanStatus of the ECR API. */
export type ScanState =
  | 'IN_PROGRESS'
  | 'COMPLETE'
  | 'FAILED'
  | 'UNSUPPORTED_IMAGE'
  | 'ACTIVE'
  | 'PENDING'
  | 'SCAN_ELIGIBILITY_EXPIRED'
  | 'FINDINGS_UNAVAILABLE'
  | 'LIMIT_EXCEEDED'

export type FindingSeverity = 'CRITICAL' | 'HIGH' | 'MEDIUM' | 'LOW' | 'INFORMATIONAL' | 'UNDEFINED'

export interface ScriptedFinding {
  /** e.g. `CVE-2026-1234` */
  readonly name: string
  readonly severity: FindingSeverity
  readonly description?: string
  readonly uri?: string
  readonly package?: string
  readonly version?: string
}

/** What the scanner shall say of the images of a repository. */
export interface ScanScript {
  /** states in their order, each with how long it lasts in milliseconds of AWS's time; the last one stays */
  readonly states: readonly { readonly status: ScanState; readonly lastsMs?: number; readonly description?: string }[]
  /** shown from the first COMPLETE or ACTIVE state on */
  readonly findings: readonly ScriptedFinding[]
  /** ENHANCED shows `enhancedFindings` in place of `findings` (Amazon Inspector); default BASIC */
  readonly type?: 'BASIC' | 'ENHANCED'
}

export interface ScanView {
  readonly status: ScanState
  readonly description: string
  readonly type: 'BASIC' | 'ENHANCED'
  readonly startedAt: Date
  readonly completedAt: Date | undefined
  readonly findings: readonly ScriptedFinding[]
}

const dayMs = 24 * 60 * 60 * 1000

/** Basic scans take some seconds for small images. */
const unscripted: ScanScript = {
  states: [{ status: 'IN_PROGRESS', lastsMs: 5000 }, { status: 'COMPLETE' }],
  findings: [],
}

/**
 * Texts of COMPLETE, ACTIVE and FAILED: aws/aws-sdk issue 289, aws/aws-cli issue 6759, aws-observability/aws-otel-collector
 * issue 2193; the rest in their manner (a script may say otherwise).
 */
const descriptions: Readonly<Record<ScanState, string>> = {
  IN_PROGRESS: '',
  COMPLETE: 'The scan was completed successfully.',
  ACTIVE: 'Continuous scan is selected for image.',
  FAILED: 'UnsupportedImageError: The operating system and/or package manager are not supported.',
  UNSUPPORTED_IMAGE: 'UnsupportedImageError: The operating system and/or package manager are not supported.',
  PENDING: 'The image is awaiting its initial scan.',
  SCAN_ELIGIBILITY_EXPIRED: 'The image is no longer eligible for scanning.',
  FINDINGS_UNAVAILABLE: 'No scan findings are available for this image.',
  LIMIT_EXCEEDED: 'The scan quota per image has been exceeded. Wait and try again.',
}

/** Scans that never look at an image: their states pass with time, as scripted. */
export class Scans {
  readonly #scripts = new Map<string, ScanScript>()
  readonly #started = new Map<StoredImage, Date>()
  readonly #now: () => Date
  readonly #speed: number

  /** @param speed divides the durations of the script */
  constructor(now: () => Date, speed: number) {
    this.#now = now
    this.#speed = speed
  }

  /** @param repositoryName counts in every region; `*` is for all that have no script of their own */
  script(repositoryName: string, script: ScanScript): void {
    this.#scripts.set(repositoryName, script)
  }

  #scriptOf(repository: Repository): ScanScript {
    return this.#scripts.get(repository.name) ?? this.#scripts.get('*') ?? unscripted
  }

  /** scan on push, where the repository has it; enhanced scanning scans everything */
  imagePushed(repository: Repository, image: StoredImage): void {
    const enhanced = this.isEnhanced(repository)
    if (repository.scope.kind === 'public' || image.manifest.isIndex) return
    if (repository.settings.scanOnPush || enhanced) this.start(image)
  }

  isEnhanced(repository: Repository): boolean {
    return this.#scriptOf(repository).type === 'ENHANCED'
  }

  /** An image is scanned at most once in 24 hours (user guide, "Basic scanning"). */
  wasScannedToday(image: StoredImage): boolean {
    const startedAt = this.#started.get(image)
    return startedAt !== undefined && (this.#now().getTime() - startedAt.getTime()) * this.#speed < dayMs
  }

  start(image: StoredImage): void {
    this.#started.set(image, this.#now())
  }

  /** undefined as long as the image was never scanned */
  view(repository: Repository, image: StoredImage): ScanView | undefined {
    const startedAt = this.#started.get(image)
    if (startedAt === undefined) return undefined
    const script = this.#scriptOf(repository)
    let left = (this.#now().getTime() - startedAt.getTime()) * this.#speed
    let current = script.states.at(-1) ?? { status: 'COMPLETE' }
    let begunMs = 0
    for (const state of script.states.slice(0, -1)) {
      const lasts = state.lastsMs ?? 0
      if (left < lasts) {
        current = state
        break
      }
      left -= lasts
      begunMs += lasts
    }
    const done = current.status === 'COMPLETE' || current.status === 'ACTIVE'
    return {
      status: current.status,
      description: current.description ?? descriptions[current.status],
      type: script.type ?? 'BASIC',
      startedAt,
      completedAt: done ? new Date(startedAt.getTime() + begunMs / this.#speed) : undefined,
      findings: done ? script.findings : [],
    }
  }
}
