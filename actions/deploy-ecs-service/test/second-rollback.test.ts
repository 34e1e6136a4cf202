import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'
import type { ServiceCloud } from '../../../test/support/service-cloud.ts'

async function revisionOf(cloud: ServiceCloud): Promise<string | undefined> {
  return (await cloud.service('api')).taskDefinition?.split('/').at(-1)
}

describe('a rollback after a rollback', () => {
  inServiceCloud('goes further back, never to what a rollback has left; that is for `rollback-to`', async cloud => {
    await cloud.create('api')
    for (const tag of ['2', '3']) {
      await cloud.push(tag)
      await cloud.run({ services: 'api', images: `ecr:web:${tag}` })
    }
    const first = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([first.outputs['status'], await revisionOf(cloud)]).toEqual(['rolled-back', 'web:2'])
    expect(first.annotations).toEqual([])
    // Task definitions say nothing about what a rollback goes to: they are not even read.
    const second = await cloud.run({ services: 'api=deploy/api.json', operation: 'rollback' })
    expect([second.outputs['status'], await revisionOf(cloud)]).toEqual(['rolled-back', 'web:1'])
    expect(second.annotations).toHaveLength(1)
    expect(second.stdout).toMatch(/^::notice title=What a rollback has left is passed over::api: web:3%0A/m)
    const third = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([third.exitCode, await revisionOf(cloud)]).toEqual([1, 'web:1'])
    const [error] = third.annotations
    expect(error?.message).toContain(
      'api has no earlier deployment that succeeded, but for what a rollback has left (web:2, web:3): there is nothing to go back to.',
    )
    const [, given = ''] = /rollback-to: (\[.*?\]) goes there/.exec(error?.message ?? '') ?? []
    const back = await cloud.run({ services: 'api', operation: 'rollback', 'rollback-to': given })
    expect([back.outputs['status'], await revisionOf(cloud)]).toEqual(['rolled-back', 'web:2'])
  })

  inServiceCloud('what is deployed again after it stands again', async cloud => {
    await cloud.create('api')
    await cloud.push('2')
    await cloud.run({ services: 'api', images: 'ecr:web:2' })
    await cloud.run({ services: 'api', operation: 'rollback' })
    for (const revision of ['web:2', 'web:3']) {
      await cloud.register('web', { web: { image: `${cloud.aws.registryAddress}/web:2`, stopTimeout: 5 } })
      expect((await cloud.run({ services: `api=${revision}` })).outputs['status']).toBe('deployed')
    }
    const { outputs } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([outputs['status'], await revisionOf(cloud)]).toEqual(['rolled-back', 'web:2'])
  })

  inServiceCloud('behind a tag that moved, the image that a rollback has left is not put in again', async cloud => {
    await cloud.create('api')
    await cloud.push('2')
    await cloud.retag('2', '1')
    await cloud.run({ services: 'api' })
    const first = await cloud.run({ services: 'api', operation: 'rollback' })
    expect([first.outputs['status'], await revisionOf(cloud)]).toEqual(['rolled-back', 'web:2'])
    const updates = cloud.calls('UpdateService').length
    const { exitCode, annotations } = await cloud.run({ services: 'api', operation: 'rollback' })
    expect(exitCode).toBe(1)
    expect(annotations[0]?.message).toContain('nothing to go back to')
    expect(cloud.calls('UpdateService')).toHaveLength(updates)
  })
})
