import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { pushImage } from '../../packages/local-aws/test/support/image.ts'
import { type Repository, repositoryWith } from './repository.ts'
import { delivery } from './stages.ts'

const SERVER = `const { createServer } = require('node:http')
if (process.env.FAULT === 'crash') { console.error('cannot start: PAYMENT_KEY is not set'); process.exit(1) }
const version = process.env.FAULT === 'old' ? 'old' : process.env.VERSION
const server = createServer((_, answer) => {
  answer.setHeader('content-type', 'application/json')
  answer.end(JSON.stringify({ status: 'ok', version }))
})
server.listen(Number(process.env.PORT ?? 8080))
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeIdleConnections())
`

const MIGRATE = `console.log('migrating ' + process.env.DATABASE_NAME)
if (process.argv[2] === process.env.DATABASE_NAME) { console.error('relation exists'); process.exit(3) }
if (process.argv[2] === 'wait') { console.log('waiting in ' + process.env.DATABASE_NAME); setInterval(() => {}, 1000) }
`

const DOCKERFILE = `ARG BASE_IMAGE=public.ecr.aws/docker/library/node:24-slim
FROM \${BASE_IMAGE}
WORKDIR /app
COPY server.js migrate.js ./
ARG VERSION=none
ARG FAULT=none
ENV VERSION=\${VERSION} FAULT=\${FAULT}
CMD ["node", "server.js"]
`

function taskDefinition(name: string, command: string): string {
  return `family: shop-${name}
requiresCompatibilities: [FARGATE]
networkMode: awsvpc
cpu: "256"
memory: "512"
executionRoleArn: arn:aws:iam::\${account}:role/shop-execution
containerDefinitions:
  - name: ${name}
    image: \${image}
    command: [${command}]
    portMappings: [{ containerPort: 8080 }]
    logConfiguration:
      logDriver: awslogs
      options: { awslogs-group: /ecs/shop, awslogs-region: "\${region}", awslogs-stream-prefix: ${name} }
`
}

const DELIVER = delivery(
  'ecs',
  `
images: |
  - repository: shop
    build-args: { VERSION: "\${{ vars.VERSION || github.sha }}", FAULT: "\${{ vars.FAULT }}" }
cluster: shop
services: \${{ vars.SERVICES || 'api=deploy/api.yml' }}
template-values: image={shop}
migrate-task-definition: deploy/migrate.yml
migrate-command: node migrate.js \${{ vars.BAD_DATABASE }}
migrate-timeout: \${{ vars.MIGRATE_TIMEOUT || '10m' }}
databases: '["north", "south"]'
network-from-service: api
timeout: \${{ vars.TIMEOUT || '30m' }}
smoke-timeout: 5s
smoke-checks: |
  - name: API
    url: \${{ vars.SHOP_URL }}/health
    expect:
      json: { status: ok }
      version: "\${{ vars.VERSION || '{version}' }}"
`,
  'services',
)

/** What the local AWS holds before the first delivery. */
export const SURROUNDINGS = `speed: 200
aws:
  clusters: [shop]
  repositories: [shop]
  log-groups: [/ecs/shop]
services:
  api: { cluster: shop, port: 8080, health: /health }
vars:
  AWS_ROLE_ARN: arn:aws:iam::123456789012:role/deliver
  SHOP_URL: \${url}
`

/** What ECS runs: a server, a migration, and their task definitions. */
export const APPLICATION: Readonly<Record<string, string>> = {
  Dockerfile: DOCKERFILE,
  'server.js': SERVER,
  'migrate.js': MIGRATE,
  'deploy/api.yml': taskDefinition('api', 'node, server.js'),
  'deploy/migrate.yml': taskDefinition('migrate', 'node, migrate.js'),
}

/** A repository that delivers a server with the whole pipeline. */
export function smallApplication(): Promise<Repository> {
  return repositoryWith({ '.github/workflows/deliver.yml': DELIVER, ...APPLICATION })
}

/** Puts a version into the registry that no run has built. @param fault `crash` ends at once, `old` says it is another version */
export async function pushVersion(aws: LocalAws, tag: string, fault = 'none'): Promise<void> {
  await pushImage(
    aws,
    'shop',
    {
      files: { 'app/server.js': SERVER, 'app/migrate.js': MIGRATE },
      workingDirectory: '/app',
      environment: ['PATH=/usr/bin:/bin', `VERSION=${tag}`, `FAULT=${fault}`],
      command: ['node', 'server.js'],
    },
    tag,
  )
}
