import { CreateServiceCommand, CreateTaskSetCommand, DescribeTaskSetsCommand } from '@aws-sdk/client-ecs'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { network } from './support/cloud.ts'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
let definition: string
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 200 })
  definition = await cloud.define('web', await cloud.push('web', 'v1'))
})
afterAll(async () => {
  await cloud.stop()
})

describe('CODE_DEPLOY', () => {
  test('refuses task definitions and forced deployments, takes a count', async () => {
    await cloud.create('web', definition, { deploymentController: { type: 'CODE_DEPLOY' }, desiredCount: 1 })
    const service = await cloud.described('web')
    expect(service).toMatchObject({ deploymentController: { type: 'CODE_DEPLOY' }, deployments: [] })
    await expect(cloud.update('web', { taskDefinition: definition })).rejects.toThrow(
      'Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.',
    )
    await expect(cloud.update('web', { forceNewDeployment: true })).rejects.toThrow(
      'Cannot force a new deployment on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.',
    )
    await cloud.update('web', { desiredCount: 2 })
    await cloud.until('web', ({ runningCount }) => runningCount === 2)
  })
})

describe('EXTERNAL', () => {
  test('has task sets, and refuses a task definition', async () => {
    const { service } = await cloud.ecs.send(
      new CreateServiceCommand({
        cluster: 'main',
        serviceName: 'outside',
        desiredCount: 1,
        deploymentController: { type: 'EXTERNAL' },
      }),
    )
    expect(service).toMatchObject({ deployments: [], taskSets: [] })
    const { taskSet } = await cloud.ecs.send(
      new CreateTaskSetCommand({
        cluster: 'main',
        service: 'outside',
        taskDefinition: definition,
        launchType: 'FARGATE',
        networkConfiguration: network,
      }),
    )
    expect(taskSet).toMatchObject({ status: 'PRIMARY', taskDefinition: definition })
    const { taskSets } = await cloud.ecs.send(new DescribeTaskSetsCommand({ cluster: 'main', service: 'outside' }))
    expect(taskSets?.map(({ id }) => id)).toEqual([taskSet?.id])
    expect((await cloud.described('outside')).taskSets).toHaveLength(1)
    await expect(cloud.update('outside', { taskDefinition: definition })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    })
  })
})
