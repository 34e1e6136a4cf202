import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'

/** Gives up after so many failures, and stays there. */
const failsAfter = (value: number) => ({
  deploymentConfiguration: {
    deploymentCircuitBreaker: {
      enable: true,
      rollback: false,
      thresholdConfiguration: { type: 'COUNT' as const, value },
    },
  },
})

describe('evidence', () => {
  inServiceCloud('that is cut says how much is left out, and is read page by page', async cloud => {
    await cloud.push('bad', 'exits')
    await cloud.create('api', failsAfter(5))
    // The first page is empty; the token leads to the second.
    const nextToken = Buffer.from('0').toString('base64')
    cloud.aws.addFault({
      service: 'ecs',
      operation: 'ListTasks',
      kind: 'answer',
      body: { taskArns: [], nextToken },
      times: 1,
    })
    const { outputs, annotations } = await cloud.run({ services: 'api', images: 'ecr:web:bad', rollback: 'none' })
    expect(outputs['status']).toBe('failed')
    const seen = annotations[0]?.message ?? ''
    expect(seen.match(/^ *task [0-9a-f]+: /gm)).toHaveLength(3)
    expect(seen).toMatch(/… [23] more tasks stopped/)
    expect(seen).toContain('… the lines of 2 earlier tasks are in their log streams')
    expect(cloud.calls('ListTasks').some(({ input }) => JSON.stringify(input).includes(nextToken))).toBe(true)
  })

  inServiceCloud('of many events shows ten, those that say why first', async cloud => {
    await cloud.create('api', failsAfter(12))
    cloud.aws.scriptTasks('web', { failsToStart: 'Timeout waiting for network interface provisioning to complete.' })
    const { annotations } = await cloud.run({ services: 'api', environment: 'LEVEL=debug', rollback: 'none' })
    const seen = annotations[0]?.message ?? ''
    expect(seen.match(/^ *event: /gm)).toHaveLength(10)
    expect(seen).toMatch(/… \d+ more events since the deployment began/)
    expect(seen).not.toContain('has started 1 tasks')
  })
})
