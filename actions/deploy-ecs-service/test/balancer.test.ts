import { describe, expect } from '@jest/globals'
import { behindBalancer } from '../../../test/support/balancer.ts'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'

describe('behind a load balancer', () => {
  inServiceCloud('unhealthy targets: state, reason and description beside the health check', async cloud => {
    await cloud.push('deaf', 'hangs')
    await behindBalancer(cloud, 'api', {
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    })
    const { exitCode, outputs, annotations } = await cloud.run({ services: 'api', images: 'ecr:web:deaf' })
    expect([exitCode, outputs['status']]).toEqual([1, 'rolled-back'])
    const { message = '' } = annotations[0] ?? {}
    expect(message).toContain('Task failed ELB health checks')
    expect(message).toMatch(/health check HTTP \/ on port \S+, expects 200; grace period 0 s/)
    expect(message).toContain('Likely cause: The health check asks the wrong path or port')
  })
})
