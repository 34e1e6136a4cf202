import type { PolicyDocument } from '@aws-deploy-actions/local-aws'
import { runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { CreateRepositoryCommand, ECRPUBLICClient } from '@aws-sdk/client-ecr-public'
import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'
import { until } from '../../../test/support/task-cloud.ts'

const NO_BREAKER = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } } }
const NO_ROLLBACK = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } }
const PUSH = new URL('../../ecr-push', import.meta.url).pathname

function allBut(Action: string): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action, Resource: '*' },
    ],
  }
}

/** Digests of the tasks that run now. */
async function runningDigests(cloud: ServiceCloud): Promise<(string | undefined)[]> {
  const running = (await cloud.tasks()).filter(
    ({ lastStatus, desiredStatus }) => lastStatus === 'RUNNING' && desiredStatus === 'RUNNING',
  )
  return [...new Set(running.map(({ containers }) => containers?.[0]?.imageDigest))]
}

/** An image of a public repository, whose tag `latest` can be made to mean what a private tag means. */
async function publicImage(cloud: ServiceCloud): Promise<{ image: string; means: (tag: string) => Promise<void> }> {
  const ecr = new ECRPUBLICClient({
    endpoint: cloud.aws.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
  })
  const { repository } = await ecr.send(new CreateRepositoryCommand({ repositoryName: 'open' }))
  ecr.destroy()
  return {
    image: `${repository?.repositoryUri}:latest`,
    means: async tag => {
      const { exitCode, stdout } = await runJavaScriptAction(PUSH, {
        temp: cloud.temp,
        inputs: { repository: 'open', registry: 'public', tags: 'latest', 'source-image': `ecr:web:${tag}` },
        environment: cloud.aws.environment(),
      })
      if (exitCode !== 0) throw new Error(stdout)
    },
  }
}

describe('where nobody tells what a tag means now', () => {
  inServiceCloud('a rollback by hand puts in the digest that ran then', async cloud => {
    await cloud.create('api')
    const [good] = await runningDigests(cloud)
    await cloud.push('2')
    await cloud.retag('2', '1')
    await cloud.run({ services: 'api' })
    expect(await runningDigests(cloud)).not.toEqual([good])
    cloud.aws.setPolicy(allBut('ecr:BatchGetImage'))
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await runningDigests(cloud)).toEqual([good])
    expect(JSON.parse(outputs['services'] ?? '')[0].images[0].digest).toBe(good)
  })

  inServiceCloud('so does our way back from a failure', async cloud => {
    await cloud.create('api', NO_ROLLBACK)
    const [good] = await runningDigests(cloud)
    await cloud.push('bad', 'exits')
    await cloud.retag('bad', '1')
    cloud.aws.setPolicy(allBut('ecr:BatchGetImage'))
    const { outputs } = await cloud.run({ services: 'api', environment: 'LEVEL=debug' })
    expect(outputs['status']).toBe('rolled-back')
    expect(await runningDigests(cloud)).toEqual([good])
  })

  inServiceCloud('`unchanged` says for which service, and why', async cloud => {
    await cloud.create('api')
    cloud.aws.setPolicy(allBut('ecr:BatchGetImage'))
    const { outputs, annotations } = await cloud.run({ services: 'api', preflight: 'false' })
    expect(outputs['status']).toBe('unchanged')
    expect(annotations).toHaveLength(1)
    expect(annotations[0]?.message).toMatch(/api\/web: .*:1: needs ecr:BatchGetImage/)
    cloud.aws.setPolicy(allBut('ecs:DescribeServiceRevisions'))
    const blind = await cloud.run({ services: 'api', preflight: 'false' })
    expect(blind.outputs['status']).toBe('unchanged')
    expect(blind.annotations).toHaveLength(1)
    expect(blind.annotations[0]?.message).toMatch(
      /ecs:DescribeServiceRevisions[\s\S]*api\/web: ECS does not tell which digest runs/,
    )
  })
})

describe('a tag of a public registry that moved', () => {
  inServiceCloud('is deployed, and a rollback by hand takes it back', async cloud => {
    await cloud.push('2')
    const { image, means } = await publicImage(cloud)
    await means('1')
    await cloud.register('open', { web: { image, portMappings: [{ containerPort: 8080 }] } })
    await cloud.create('api', { taskDefinition: 'open' })
    const [good] = await runningDigests(cloud)
    const same = await cloud.run({ services: 'api' })
    expect(same.outputs['status']).toBe('unchanged')
    expect(same.annotations).toEqual([])
    await means('2')
    const moved = await cloud.run({ services: 'api' })
    expect(moved.outputs['status']).toBe('deployed')
    const [bad] = await runningDigests(cloud)
    expect(bad).not.toBe(good)
    const back = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([back.exitCode, back.outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await runningDigests(cloud)).toEqual([good])
  })
})

describe('a tag that moved to an image that never starts', () => {
  inServiceCloud('a rollback by hand, while it is still being tried, goes to the image that serves', async cloud => {
    await cloud.create('api', NO_BREAKER)
    const [good] = await runningDigests(cloud)
    await cloud.push('bad', 'exits')
    await cloud.retag('bad', '1')
    const inputs = { services: 'api', wait: 'false' }
    expect((await cloud.run(inputs)).outputs['status']).toBe('started')
    await until('it was tried', async () =>
      (await cloud.tasks()).some(
        ({ containers = [], lastStatus }) => lastStatus === 'STOPPED' && containers[0]?.imageDigest !== good,
      ),
    )
    const { exitCode, outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([exitCode, outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await runningDigests(cloud)).toEqual([good])
  })
})

describe('`rollback-to` the outputs of a deployment', () => {
  inServiceCloud('that only put in another image behind the same tag: the image before it', async cloud => {
    await cloud.create('api')
    const [good] = await runningDigests(cloud)
    await cloud.push('2')
    await cloud.retag('2', '1')
    const { outputs } = await cloud.run({ services: 'api' })
    const [bad] = JSON.parse(outputs['services'] ?? '')
    expect(bad).toMatchObject({ taskDefinition: 'web:1', previousTaskDefinition: 'web:1', status: 'deployed' })
    const back = await cloud.run({
      services: 'api',
      operation: 'rollback',
      'rollback-to': outputs['services'] ?? '',
    })
    expect([back.exitCode, back.outputs['status']]).toEqual([0, 'rolled-back'])
    expect(await runningDigests(cloud)).toEqual([good])
  })
})
