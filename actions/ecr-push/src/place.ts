import { Failure } from '@aws-deploy-actions/action-runtime'
import {
  createdRepository,
  type EcrLogin,
  type EcrRepository,
  ecrLogin,
  ecrRepository,
  RegistryConnection,
  Repository,
  RepositoryMissing,
  type RepositoryName,
} from '@aws-deploy-actions/container-registry'
import type { Inputs } from './inputs.ts'
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

/** Finds the repository, or creates it where the inputs say so, and logs in. @throws Failure, PermissionError */
export async function placeOf(
  wanted: RepositoryName,
  { region: stepRegion, create }: Pick<Inputs, 'region' | 'create'>,
  step: Step,
): Promise<Place> {
  const region = wanted.region ?? stepRegion
  const login = (): Promise<EcrLogin> => {
    const key = wanted.registry === 'public' ? 'public' : region
    const known = step.logins.get(key) ?? ecrLogin(wanted.registry, region, step, step.hide)
    step.logins.set(key, known)
    return known
  }
  // At the same time as the repository is looked up; whether it worked is asked below.
  login().catch(() => undefined)
  let found: EcrRepository
  try {
    found = await ecrRepository(wanted, region, step, async () => (await login()).host)
  } catch (error) {
    if (!(error instanceof RepositoryMissing)) throw error
    if (create === undefined) throw withAdvice(error)
    found = await createdRepository(wanted, create, region, step)
    step.log.info(`${found.reference} did not exist and was created.`)
  }
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
    repository: new Repository(connection, found.uri.slice(split + 1), iam, found.arn),
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

function withAdvice(error: RepositoryMissing): Failure {
  return new Failure(
    error.message,
    {
      ...error.details,
      next: [...(error.details.next ?? []), 'Or let this step create it: "create-repository: true".'],
    },
    { cause: error },
  )
}
