import { record } from './summarize.ts'

/** Records of one delivery. */

export const DIGEST = `sha256:${'3f9a71d04e'.repeat(7).slice(0, 64)}`
export const OTHER = `sha256:${'b07c55e21a'.repeat(7).slice(0, 64)}`

export const pushed = record('ecr-push', 'built', {
  images: [{ reference: `ecr:shop-api@${DIGEST}`, tags: ['1.8.0', 'latest'], status: 'built' }],
})
export const migrated = record('run-migration-task', 'succeeded', {
  tasks: [
    {
      cluster: 'main',
      task: 'feb1261e',
      taskDefinition: 'migrate:31',
      container: 'app',
      database: 'shop',
      exitCode: 0,
    },
    {
      cluster: 'main',
      task: '0aa1261e',
      taskDefinition: 'migrate:31',
      container: 'app',
      database: 'shop',
      exitCode: 0,
    },
  ],
})
export const deployed = record('deploy-ecs-service', 'deployed', {
  services: [
    {
      name: 'api',
      status: 'deployed',
      taskDefinition: 'api:42',
      previousTaskDefinition: 'api:41',
      images: [{ container: 'app', image: 'ecr:shop-api', digest: DIGEST }],
      seconds: 154,
    },
  ],
})
export const rolledBack = record('deploy-ecs-service', 'rolled-back', {
  services: [
    {
      name: 'api',
      status: 'rolled-back',
      taskDefinition: 'api:42',
      previousTaskDefinition: 'api:41',
      images: [],
      reason: 'the circuit breaker counted 3 of 3',
    },
  ],
  failures: [
    {
      what: 'The service api was rolled back.',
      resource: 'service/main/api',
      said: 'tasks failed to start.',
      seen: ['connect ECONNREFUSED'],
      cause: 'the program failed',
      next: ['look at its log'],
    },
  ],
})
export const hosts = record('ssm-pull-deploy', 'failed', {
  instances: [
    { id: 'i-1', status: 'deployed', services: [{ name: 'web', before: OTHER, after: DIGEST }], seconds: 31 },
    { id: 'i-2', status: 'not-started', services: [], statusDetails: 'DeliveryTimedOut' },
  ],
})
export const smoke = record('smoke-test', 'failed', {
  checks: [
    { name: 'start', url: 'https://shop.example.com/', passed: true, attempts: 1, status: 200, latencyMs: 82 },
    {
      name: 'api',
      url: 'https://shop.example.com/api',
      passed: false,
      attempts: 150,
      status: 200,
      version: '1.7.9',
      error: 'up, but still version 1.7.9',
    },
  ],
})
