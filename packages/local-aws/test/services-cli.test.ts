import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { awsCli } from './support/aws-cli.ts'
import { startedWebCloud, type WebCloud } from './support/web-service.ts'

let cloud: WebCloud
let home: string
let aws: ReturnType<typeof awsCli>
beforeAll(async () => {
  cloud = await startedWebCloud({ speed: 200 })
  home = await mkdtemp(join(tmpdir(), 'local-aws-home-'))
  aws = awsCli(cloud.aws, home)
})
afterAll(async () => {
  await cloud.stop()
  await rm(home, { recursive: true, force: true })
})

describeWith(['AWS CLI'], 'the AWS CLI', () => {
  test('a service behind a listener, rolled and waited for', async () => {
    const one = await cloud.define('web', await cloud.push('web', 'v1'))
    await aws(
      ...['ecs', 'create-service', '--cluster', 'main', '--service-name', 'web', '--task-definition', one],
      ...['--desired-count', '1', '--launch-type', 'FARGATE'],
      ...['--network-configuration', 'awsvpcConfiguration={subnets=[subnet-0a1b2c3d]}'],
      ...['--load-balancers', `targetGroupArn=${cloud.groups.web},containerName=web,containerPort=8080`],
    )
    await cloud.settled('web')
    // the CLI's waiter polls every 15 s; it is through at the first look
    await aws('ecs', 'wait', 'services-stable', '--cluster', 'main', '--services', 'web')
    expect(await aws('elbv2', 'describe-target-health', '--target-group-arn', cloud.groups.web)).toMatchObject({
      TargetHealthDescriptions: [{ Target: { Port: 8080 }, TargetHealth: { State: 'healthy' } }],
    })
    expect(await aws('elbv2', 'describe-load-balancers', '--names', 'main')).toMatchObject({
      LoadBalancers: [{ DNSName: '127.0.0.1', Type: 'application', State: { Code: 'active' } }],
    })
    expect(await aws('elbv2', 'describe-rules', '--listener-arn', cloud.listenerArn)).toMatchObject({
      Rules: [{ Priority: '10', Conditions: [{ Field: 'path-pattern' }] }, { Priority: 'default' }],
    })
    const updated = await aws(
      'ecs',
      'update-service',
      '--cluster',
      'main',
      '--service',
      'web',
      '--force-new-deployment',
    )
    expect(updated).toMatchObject({ service: { deployments: [{ status: 'PRIMARY' }, { status: 'ACTIVE' }] } })
    await cloud.settled('web')
    const listed = await aws('ecs', 'list-service-deployments', '--cluster', 'main', '--service', 'web')
    expect(listed).toMatchObject({ serviceDeployments: [{ status: 'SUCCESSFUL' }, { status: 'SUCCESSFUL' }] })
  })

  test('errors are AWS’s', async () => {
    await expect(aws('ecs', 'update-service', '--cluster', 'main', '--service', 'none')).rejects.toThrow(
      'An error occurred (ServiceNotFoundException) when calling the UpdateService operation: Service not found.',
    )
    await expect(
      aws(
        'elbv2',
        'describe-target-health',
        '--target-group-arn',
        'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/b',
      ),
    ).rejects.toThrow(/\(TargetGroupNotFound\).*One or more target groups not found/)
  })
})
