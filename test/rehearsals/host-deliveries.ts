import { parsedRehearsalFile, type Rehearsal, rehearse, startSurroundings } from '@aws-deploy-actions/rehearsal'
import { addDockerHost } from './docker-host.ts'
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
health-timeout: 20s
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

/** A local AWS with one host, and the repository that delivers to it. */
export async function startHostShop(environment: Readonly<Record<string, string>> = {}) {
  const repository = await repositoryWith({
    '.github/workflows/deliver.yml': DELIVER,
    Dockerfile: 'FROM scratch\nCOPY app /\n',
    app: 'an application\n',
  })
  const { aws, options, stop } = await startSurroundings(parsedRehearsalFile(SURROUNDINGS))
  const web = await addDockerHost(aws, environment)
  return {
    aws,
    web,
    deliver: ({ vars = {}, onStep, onLine, ...delivery }: Delivery): Promise<Rehearsal> =>
      rehearse({
        ...options,
        event: 'push',
        repository: repository.folder,
        workflow: '.github/workflows/deliver.yml',
        ...delivery,
        secrets: { ...options.secrets, ...delivery.secrets },
        vars: { ...options.vars, DIRECTORY: web.directory, SHOP_URL: web.url, ...vars },
        onProgress: listener(onStep, onLine),
      }),
    /** how often a host was sent a script */
    sent: () => aws.journal().filter(({ operation }) => operation === 'SendCommand').length,
    stop: async () => {
      await web.stop()
      await stop()
      await repository.remove()
    },
  }
}
