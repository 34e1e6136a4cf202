import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { baseImageContext, runJavaScriptAction } from '@aws-deploy-actions/rehearsal'
import { expect } from '@jest/globals'
import { docker, type HostCloud, instancesOf, type ShopHost } from './support/host-cloud.ts'
import { describeWith } from './support/parts.ts'
import { freePort } from './support/servers.ts'
import { until } from './support/task-cloud.ts'
import { withHosts } from './support/with-hosts.ts'

const EXAMPLE = new URL('../examples/ec2-compose/', import.meta.url).pathname
const ECR_PUSH = new URL('../actions/ecr-push', import.meta.url).pathname

describeWith(['Docker Engine', 'docker compose', 'busybox-static'], 'examples/ec2-compose', () => {
  withHosts(
    'deployed, redeployed unchanged, a bad image taken back, back to an earlier tag',
    async cloud => {
      const host = await seeded(cloud)
      const port = await freePort()
      const base = await baseImage(cloud)
      for (const tag of ['a1', 'a2', 'broken']) await pushed(cloud, base, tag)
      docker('rmi', '--no-prune', base)
      const env = (tag: string): string =>
        [
          `DOCKER_IMAGE_BACKEND=${cloud.aws.registryAddress}/shop-backend`,
          `DOCKER_IMAGE_FRONTEND=${cloud.aws.registryAddress}/shop-frontend`,
          `TAG=${tag}`,
          `HTTP_PORT=${port}`,
        ].join('\n')
      // Without a tag: back to what ran before.
      const deploy = (tag: string | undefined) =>
        cloud.run({
          targets: 'Role=shop',
          directory: host.directory,
          'compose-files': 'compose.yml\ncompose.production.yml',
          ...(tag === undefined ? { operation: 'rollback' } : { env: env(tag) }),
          'health-url': `http://127.0.0.1:${port}/health`,
          'health-timeout': '60s',
        })

      const first = await deploy('a1')
      if (first.exitCode !== 0) throw new Error(first.stdout + host.stateFile('log'))
      expect(first.outputs['status']).toBe('deployed')
      expect(await health(port)).toEqual({ status: 'ok', version: 'a1', backend: 'a1' })
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('<li>Teapot: 24.50 €</li>')

      const again = await deploy('a1')
      expect([again.exitCode, again.outputs['status']]).toEqual([0, 'unchanged'])

      const second = await deploy('a2')
      expect([second.exitCode, second.outputs['status']]).toEqual([0, 'deployed'])
      expect(await health(port)).toEqual({ status: 'ok', version: 'a2', backend: 'a2' })

      const broken = await deploy('broken')
      expect([broken.exitCode, broken.outputs['status']]).toEqual([1, 'rolled-back'])
      expect(broken.stdout).toContain('backend | ')
      expect(await health(port)).toEqual({ status: 'ok', version: 'a2', backend: 'a2' })
      const digests = (result: typeof first): unknown => Object(instancesOf(result)[0]).services
      expect(digests(broken)).toEqual(
        Object(digests(second)).map(({ name, after }: Record<string, string>) => ({ name, before: after, after })),
      )

      const earlier = await deploy('a1')
      expect([earlier.exitCode, earlier.outputs['status']]).toEqual([0, 'deployed'])
      expect(await health(port)).toEqual({ status: 'ok', version: 'a1', backend: 'a1' })
      // What the last deploy replaced, without naming it.
      const back = await deploy(undefined)
      if (back.exitCode !== 0) throw new Error(back.stdout + host.stateFile('log'))
      expect([back.exitCode, back.outputs['status']]).toEqual([0, 'rolled-back'])
      expect(await health(port)).toEqual({ status: 'ok', version: 'a2', backend: 'a2' })
      expect(digests(back)).toEqual(
        Object(digests(earlier)).map(({ name, before, after }: Record<string, string>) => ({
          name,
          before: after,
          after: before,
        })),
      )
      await until('nothing holds the lock', () => host.stateFile('lock') === '')
    },
    {},
    400_000,
  )
})

/** The example as it lies on the host. */
async function seeded(cloud: HostCloud): Promise<ShopHost> {
  const host = await cloud.addHost({ tags: { Role: 'shop' } })
  for (const file of ['compose.yml', 'compose.production.yml']) cpSync(join(EXAMPLE, file), join(host.directory, file))
  return host
}

/** Builds both images from their Dockerfiles and pushes them, with ecr-push. */
async function pushed(cloud: HostCloud, base: string, tag: string): Promise<void> {
  for (const service of ['backend', 'frontend']) {
    const context = join(cloud.temp, `${service}-${tag}`)
    cpSync(join(EXAMPLE, service), context, { recursive: true })
    if (tag === 'broken' && service === 'backend') {
      writeFileSync(join(context, 'server.js'), 'console.error("no such table: products")\nprocess.exit(3)\n')
    }
    const { exitCode, stdout } = await runJavaScriptAction(ECR_PUSH, {
      inputs: {
        repository: `shop-${service}`,
        'create-repository': 'true',
        context,
        'build-args': `BASE_IMAGE=${base}\nVERSION=${tag}`,
        tags: tag,
      },
      environment: { ...cloud.aws.environment(), DOCKER_BUILDKIT: '0' },
    })
    if (exitCode !== 0) throw new Error(stdout)
  }
}

/** Ordinary base images cannot be had without a network: this one is busybox and this machine's Node. */
async function baseImage(cloud: HostCloud): Promise<string> {
  const context = join(cloud.temp, 'base')
  mkdirSync(context)
  await baseImageContext(context)
  const name = `ec2-compose-base-${process.pid}`
  execFileSync('docker', ['build', '--quiet', '--tag', name, context], {
    stdio: 'ignore',
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
  })
  return name
}

async function health(port: number): Promise<unknown> {
  return await (await fetch(`http://127.0.0.1:${port}/health`)).json()
}
