import { parsedRehearsalFile, type Rehearsal, rehearse, startSurroundings } from '@aws-deploy-actions/rehearsal'
import { asAlways } from './always.ts'
import { addDockerHost, type DockerHost } from './docker-host.ts'
import { repositoryWith } from './repository.ts'
import { type Delivery, delivery, listener, pipelineOf } from './stages.ts'

const DELIVER = delivery(
  'ec2',
  `
images: "- repository: shop"
targets: Role=web
directory: \${{ vars.DIRECTORY }}
env: |
  TAG=\${{ vars.TAG || '{version}' }}
  IMAGE={shop}
host-before: \${{ vars.HOST_BEFORE }}
health-timeout: 20s
timeout: \${{ vars.TIMEOUT || '15m' }}
max-errors: \${{ vars.MAX_ERRORS || '0' }}
smoke-timeout: 2s
smoke-checks: |
  - name: API
    url: \${{ vars.SHOP_URL }}
    expect:
      json: { status: ok }
      version: "\${{ vars.TAG || '{version}' }}"
pull-request-comment: true
`,
  'instances',
)

const SURROUNDINGS = `speed: 200
aws: { repositories: [shop] }
vars: { AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/deliver" }
`

export const EC2 = pipelineOf(['check', 'lint', 'test', 'build', 'deploy', 'summary'])

export type HostShop = Awaited<ReturnType<typeof startHostShop>>

/**
 * A local AWS with one host, and the repository that delivers to it.
 * @param many so many hosts instead; that takes mount tables of their own
 */
export async function startHostShop(environment: Readonly<Record<string, string>> = {}, many?: number) {
  const repository = await repositoryWith({
    '.github/workflows/deliver.yml': DELIVER,
    Dockerfile: 'FROM scratch\nCOPY app /\n',
    app: 'an application\n',
  })
  const { aws, options, stop } = await startSurroundings(parsedRehearsalFile(SURROUNDINGS))
  const hosts: DockerHost[] = []
  for (let number = 1; number <= (many ?? 0); number++) {
    const instanceId = `i-0123456789abcdef${number}`
    hosts.push(await addDockerHost(aws, environment, { instanceId, sharedDirectory: '/srv' }))
  }
  const [web = await addDockerHost(aws, environment), ...others] = hosts
  return {
    aws,
    /** the first, which the smoke test asks */
    web,
    hosts: [web, ...others],
    deliver: async ({ vars = {}, onStep, onLine, ...delivery }: Delivery): Promise<Rehearsal> =>
      asAlways(
        EC2.names,
        await rehearse({
          ...options,
          event: 'push',
          repository: repository.folder,
          workflow: '.github/workflows/deliver.yml',
          ...delivery,
          secrets: { ...options.secrets, ...delivery.secrets },
          vars: { ...options.vars, DIRECTORY: web.path, SHOP_URL: web.url, ...vars },
          onProgress: listener(onStep, onLine),
        }),
      ),
    /** how often a host was sent a script */
    sent: () => aws.journal().filter(({ operation }) => operation === 'SendCommand').length,
    stop: async () => {
      for (const host of [web, ...others]) await host.stop()
      await stop()
      await repository.remove()
    },
  }
}
