import { parsedRehearsalFile, type Rehearsal, rehearse, startSurroundings } from '@aws-deploy-actions/rehearsal'
import { addDockerHost } from './docker-host.ts'
import { repositoryWith } from './repository.ts'
import { type Delivery, listener, pipelineOf } from './stages.ts'

/** What differs between deliveries comes in by variables, so that one repository serves them all. */
const DELIVER = `name: deliver
on:
  push:
  pull_request:
  workflow_dispatch:
    inputs:
      skip-tests: { type: boolean }
      version: { type: string }
      rollback-to: { type: string }
permissions: {}
jobs:
  deliver:
    permissions: { actions: read, contents: read, id-token: write, pull-requests: write }
    uses: OWNER/aws-deploy-actions/.github/workflows/pipeline-ec2.yml@v1
    with:
      environment: production
      aws-region: eu-west-1
      lint-commands: \${{ vars.LINT || 'echo linted' }}
      test-commands: \${{ vars.TEST || 'echo tested' }}
      build-before: \${{ vars.BEFORE || 'echo prepared' }}
      images: "- repository: shop"
      tags: \${{ vars.TAG || '{sha}' }}
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
      skip-tests: \${{ vars.SKIP_TESTS == 'true' || inputs.skip-tests == true }}
      version: \${{ inputs.version }}
      rollback-to: \${{ inputs.rollback-to }}
  after:
    needs: deliver
    if: always()
    runs-on: ubuntu-latest
    permissions: {}
    outputs:
      status: \${{ needs.deliver.outputs.status }}
      images: \${{ needs.deliver.outputs.images }}
      instances: \${{ needs.deliver.outputs.instances }}
      environment-url: \${{ needs.deliver.outputs.environment-url }}
    steps:
      - run: echo done
`

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
