import { CreateServiceCommand, DescribeServicesCommand, UpdateServiceCommand, ListServiceDeploymentsCommand, DescribeServiceDeploymentsCommand, DescribeServiceRevisionsCommand } from '@aws-sdk/client-ecs'
import { test } from '@jest/globals'
import { network, startedCloud } from './support/cloud.ts'
test('x', async () => {
  const cloud = await startedCloud({ speed: 100 })
  const { ecs } = cloud
  const one = await cloud.register([cloud.container('app', ['wait'])], { family: 'f' })
  const two = await cloud.register([cloud.container('app', ['wait'], { environment: [{ name: 'A', value: '2' }] })], { family: 'f' })
  const bad = await cloud.register([cloud.container('app', ['exit', '1'])], { family: 'f' })
  const d = async () => (await ecs.send(new DescribeServicesCommand({ cluster: 'main', services: ['web'] }))).services?.[0]
  const until = async (f: (s: any) => boolean) => { const e = Date.now() + 30000; for (;;) { const s = await d(); if (f(s)) return s; if (Date.now() > e) throw new Error(JSON.stringify(s, null, 1)); await new Promise(r => setTimeout(r, 20)) } }
  const t0 = Date.now()
  await ecs.send(new CreateServiceCommand({ cluster: 'main', serviceName: 'web', taskDefinition: one, desiredCount: 2, launchType: 'FARGATE', networkConfiguration: network, deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } }))
  await until(s => s.deployments[0].rolloutState === 'COMPLETED'); console.log('created', Date.now() - t0)
  await ecs.send(new UpdateServiceCommand({ cluster: 'main', service: 'web', taskDefinition: two }))
  const s2 = await until(s => s.deployments.length === 1 && s.deployments[0].rolloutState === 'COMPLETED'); console.log('updated', Date.now() - t0)
  await ecs.send(new UpdateServiceCommand({ cluster: 'main', service: 'web', taskDefinition: bad }))
  const s3 = await until(s => s.deployments.length === 2 && s.deployments[1].rolloutState === 'FAILED').catch(e => { console.log(String(e)); throw e }); console.log('failed', Date.now() - t0, JSON.stringify(s3.deployments, null, 1))
  const s4 = await until(s => s.deployments.length === 1 && s.deployments[0].rolloutState === 'COMPLETED'); console.log('back', Date.now() - t0, JSON.stringify(s4, null, 1))
  const l = await ecs.send(new ListServiceDeploymentsCommand({ cluster: 'main', service: 'web' }))
  const dd = await ecs.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: l.serviceDeployments?.map(x => x.serviceDeploymentArn!) ?? [] }))
  console.log(JSON.stringify(dd.serviceDeployments?.[0], null, 1))
  console.log(JSON.stringify((await ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: [l.serviceDeployments![0]!.targetServiceRevisionArn!] }))).serviceRevisions, null, 1))
  await cloud.stop()
}, 60000)
