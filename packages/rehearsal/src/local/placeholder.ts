import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { CreateRepositoryCommand, ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'

/** Answers everything, and stops when it is told to. */
const SERVER = `const { createServer } = require('node:http')
const server = createServer((_, answer) => answer.end('before the first delivery\\n'))
server.listen(Number(process.env.PORT ?? process.argv[2]))
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeIdleConnections())
`
const DOCKERFILE =
  'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY server.js ./\nCMD ["node", "server.js", "8080"]\n'
const REPOSITORY = 'before-the-first-delivery'

/**
 * What runs in a service before its first delivery: built and pushed once.
 * @param docker path of the rehearsal's docker command
 * @returns its address
 */
export async function pushPlaceholder(aws: LocalAws, docker: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'placeholder-'))
  const ecr = new ECRClient({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'example' },
  })
  // Not synchronously: the registry that it speaks to is in this very process.
  const run = async (words: readonly string[], input = ''): Promise<void> => {
    const running = promisify(execFile)(docker, ['--config', folder, ...words])
    running.child.stdin?.end(input)
    await running
  }
  try {
    await writeFile(join(folder, 'server.js'), SERVER)
    await writeFile(join(folder, 'Dockerfile'), DOCKERFILE)
    await ecr.send(new CreateRepositoryCommand({ repositoryName: REPOSITORY }))
    const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
    const token = Buffer.from(authorizationData?.[0]?.authorizationToken ?? '', 'base64').toString()
    const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(token) ?? []
    const address = `${aws.registryAddress}/${REPOSITORY}:1`
    await run(['build', '--tag', address, folder])
    await run(['login', '--username', username, '--password-stdin', aws.registryAddress], password)
    await run(['push', address])
    return address
  } finally {
    ecr.destroy()
    await rm(folder, { recursive: true, force: true })
  }
}
