/** What the program on the host says about one deploy: its one line of JSON. */
export interface HostResult {
  readonly status: string
  readonly reason: string
  /** in which phase it failed */
  readonly phase: string
  /** what became of the way back: `done`, `failed`, `off`, `nothing-before`, or empty where none was needed */
  readonly takeBack: string
  /** digests */
  readonly services: readonly {
    readonly name: string
    readonly before: string | undefined
    readonly after: string | undefined
  }[]
  readonly lockHolder: string | undefined
  readonly commitBefore: string | undefined
  readonly commitAfter: string | undefined
  readonly seconds: number | undefined
  /** path of the log on the host */
  readonly log: string
  /** the last words of containers that are not well */
  readonly evidence: readonly string[]
}

const MARK = '{"ssm-pull-deploy":1,'

/** The result in a command's output; undefined where it is missing or was cut. */
export function hostResult(output: string): HostResult | undefined {
  const line = output.split('\n').find(text => text.startsWith(MARK))
  if (line === undefined) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!isObject(parsed)) return undefined
  const services = Array.isArray(parsed['services']) ? parsed['services'].filter(isObject) : []
  const evidence = Array.isArray(parsed['evidence']) ? parsed['evidence'] : []
  return {
    status: textAt(parsed, 'status') ?? '',
    reason: textAt(parsed, 'reason') ?? '',
    phase: textAt(parsed, 'phase') ?? '',
    takeBack: textAt(parsed, 'takeBack') ?? '',
    services: services.map(service => ({
      name: textAt(service, 'name') ?? '',
      before: textAt(service, 'before'),
      after: textAt(service, 'after'),
    })),
    lockHolder: textAt(parsed, 'lock-holder'),
    commitBefore: textAt(parsed, 'commit-before'),
    commitAfter: textAt(parsed, 'commit-after'),
    seconds: typeof parsed['seconds'] === 'number' ? parsed['seconds'] : undefined,
    log: textAt(parsed, 'log') ?? '',
    evidence: evidence.filter(entry => typeof entry === 'string'),
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textAt(value: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const found = value[key]
  return typeof found === 'string' ? found : undefined
}
