import {
  type EcrLogin,
  type EcrRepository,
  ecrLogin,
  ecrRepository,
  RegistryConnection,
  Repository,
  type RepositoryName,
} from '@aws-deploy-actions/container-registry'
import type { Step } from './step.ts'

/** Where the image goes: the repository as AWS knows it, and the way to it. */
export interface Place extends EcrRepository {
  readonly repository: Repository
  /** `host` or `host:port` */
  readonly host: string
  readonly credentials: EcrLogin['credentials']
  /** prefix of the IAM actions that the registry asks for */
  readonly iam: 'ecr' | 'ecr-public'
  close(): void
}

/** Finds the repository and logs in. @throws Failure, PermissionError */
export async function placeOf(wanted: RepositoryName, stepRegion: string, step: Step): Promise<Place> {
  const region = wanted.region ?? stepRegion
  let pending: Promise<EcrLogin> | undefined
  const login = (): Promise<EcrLogin> => {
    pending ??= ecrLogin(wanted.registry, region, step, step.hide)
    return pending
  }
  const found = await ecrRepository(wanted, region, step, async () => (await login()).host)
  const { credentials } = await login()
  const split = found.uri.indexOf('/')
  const host = found.uri.slice(0, split)
  const connection = new RegistryConnection(host, credentials, step)
  const iam = found.registry === 'private' ? 'ecr' : 'ecr-public'
  step.log.info(`${found.uri} (${found.registry})`)
  return {
    ...found,
    host,
    credentials,
    iam,
    repository: new Repository(connection, found.uri.slice(split + 1), iam),
    close: () => connection.close(),
  }
}

const PRIVATE_ADDRESS = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|on\.aws)\//
const PUBLIC_ADDRESS = /^public\.ecr\.aws\/(.+)$/

/** The page that shows the image; undefined for registries without one. */
export function consolePage(
  { uri, name }: Pick<Place, 'uri' | 'name'>,
  digest: string | undefined,
): string | undefined {
  const [, account, region] = PRIVATE_ADDRESS.exec(uri) ?? []
  if (account !== undefined && region !== undefined) {
    const repository = `https://${region}.console.aws.amazon.com/ecr/repositories/private/${account}/${name}`
    return digest === undefined
      ? `${repository}?region=${region}`
      : `${repository}/_/image/${digest}/details?region=${region}`
  }
  const path = PUBLIC_ADDRESS.exec(uri)?.[1]
  return path === undefined ? undefined : `https://gallery.ecr.aws/${path}`
}
