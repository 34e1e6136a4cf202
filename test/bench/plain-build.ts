import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { promisify } from 'node:util'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'

/**
 * What somebody would type to build an image and push it: login, build, push, with the `docker` that a rehearsal has.
 * @param path folders before the machine's PATH
 * @param folder build context
 * @param repository of the private registry
 */
export async function plainBuild(
  aws: LocalAws,
  path: readonly string[],
  folder: string,
  tag: string,
  repository = 'shop',
): Promise<void> {
  const env = { ...process.env, PATH: [...path, process.env['PATH']].join(delimiter) }
  const ecr = new ECRClient({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' },
  })
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
  ecr.destroy()
  const token = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64').toString()
  const words = ['login', '--username', 'AWS', '--password-stdin', aws.registryAddress]
  const login = spawn('docker', words, { env, stdio: ['pipe', 'ignore', 'inherit'] })
  login.stdin.end(token.slice('AWS:'.length))
  const [code] = await once(login, 'close')
  if (code !== 0) throw new Error(`docker login ended ${code}`)
  const name = `${aws.registryAddress}/${repository}:plain-${tag}`
  const docker = promisify(execFile)
  await docker('docker', ['build', '--tag', name, '--build-arg', `VERSION=plain-${tag}`, folder], { env })
  await docker('docker', ['push', name], { env })
}
