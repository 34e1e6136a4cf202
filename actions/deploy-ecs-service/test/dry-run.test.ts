import { describe, expect } from '@jest/globals'
import { inServiceCloud } from '../../../test/support/in-service-cloud.ts'

describe('a dry run tells what the real run would do', () => {
  inServiceCloud('where the task definition stays as it is', async cloud => {
    await cloud.create('api')
    const before = cloud.aws.journal().length
    const dry = (inputs: Readonly<Record<string, string>> = {}) =>
      cloud.run({ services: 'api', 'dry-run': 'true', ...inputs })
    const nothing = await dry({ 'desired-count': '1' })
    expect(nothing.summary).toContain('Dry run: 0 of 1 services would change; nothing was touched.')
    const forced = await dry({ 'force-new-deployment': 'true' })
    expect(forced.summary).toContain('Dry run: 1 of 1 services would change')
    expect(forced.stdout).toContain('a new deployment is forced: force-new-deployment')
    const scaled = await dry({ 'desired-count': '3' })
    expect(scaled.summary).toContain('Dry run: 1 of 1 services would change')
    expect(scaled.summary).toContain('desired count: 1 → 3')
    await cloud.push('2')
    await cloud.retag('2', '1')
    const moved = await dry()
    expect([moved.exitCode, moved.outputs['status']]).toEqual([0, 'planned'])
    expect(moved.summary).toContain('Dry run: 1 of 1 services would change')
    expect(moved.summary).toContain('the tag of web means another image now than what runs')
    const asked = cloud.aws
      .journal()
      .slice(before)
      .filter(({ service }) => service === 'ecs')
    expect(asked.map(({ operation }) => operation).filter(name => !/^(?:Describe|List)/.test(name))).toEqual([])
    expect(asked).not.toEqual([])
  })
})
