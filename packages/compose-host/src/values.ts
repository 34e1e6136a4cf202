/** What one deploy of a compose project does, as the program on the host gets it. Durations in milliseconds. */
export interface ComposeDeploy {
  readonly operation: 'deploy' | 'rollback'
  /** absolute path on the host */
  readonly directory: string
  readonly composeFiles: readonly string[]
  readonly services: readonly string[]
  readonly env: ReadonlyMap<string, string>
  /** relative to the directory, or absolute */
  readonly envFile: string
  /** `ssm:/name` or `secretsmanager:id`, with `#json-key` or without */
  readonly envFrom: ReadonlyMap<string, string>
  readonly gitRef: string | undefined
  readonly gitRepository: string | undefined
  readonly registryLogin: 'none' | 'ecr' | 'ecr-public'
  /** bash, run as the user of the agent */
  readonly before: string
  readonly after: string
  readonly recreate: 'changed' | 'always'
  readonly healthUrl: string | undefined
  readonly healthTimeoutMs: number
  readonly rollback: boolean
  readonly prune: boolean
  readonly keepReleases: number
  readonly lockTimeoutMs: number
  readonly timeoutMs: number
  /** who holds the lock: shown to whoever waits */
  readonly holder: string
  readonly region: string
  /** everything goes to standard error, for CloudWatch Logs; else only what a person needs */
  readonly follow: boolean
}

/** The inputs as names and values in the order in which the host reads them. */
export function hostValues(deploy: ComposeDeploy): [string, string][] {
  const seconds = (ms: number): string => String(Math.ceil(ms / 1000))
  return [
    ['operation', deploy.operation],
    ['directory', deploy.directory],
    ...deploy.composeFiles.map((file): [string, string] => ['compose-file', file]),
    ...deploy.services.map((service): [string, string] => ['service', service]),
    ...[...deploy.env].map(([key, value]): [string, string] => ['env', `${key}=${value}`]),
    ['env-file', deploy.envFile],
    ...[...deploy.envFrom].map(([key, source]): [string, string] => ['env-from', `${key}=${source}`]),
    ['git-ref', deploy.gitRef ?? ''],
    ['git-repository', deploy.gitRepository ?? ''],
    ['registry-login', deploy.registryLogin],
    ['before', deploy.before],
    ['after', deploy.after],
    ['recreate', deploy.recreate],
    ['health-url', deploy.healthUrl ?? ''],
    ['health-timeout', seconds(deploy.healthTimeoutMs)],
    ['rollback', String(deploy.rollback)],
    ['prune', String(deploy.prune)],
    ['keep-releases', String(deploy.keepReleases)],
    ['lock-timeout', seconds(deploy.lockTimeoutMs)],
    ['timeout', seconds(deploy.timeoutMs)],
    ['holder', deploy.holder],
    ['region', deploy.region],
    ['follow', String(deploy.follow)],
  ]
}
