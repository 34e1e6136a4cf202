import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startLocalAws } from './index.ts'
import { parsedSeed, plant } from './seed.ts'

const usage = `Starts a local AWS and prints the environment that points SDKs and the AWS CLI to it.

  --engine process|docker|auto   where containers run (process)
  --speed NUMBER                 divides AWS's own durations (1)
  --port NUMBER                  port of the APIs (any free one)
  --account NUMBER               account id (123456789012)
  --seed FILE                    YAML: clusters, repositories, public-repositories, log-groups, secrets, parameters, hosts
  --verbose                      says what happens inside
`

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'process' },
    speed: { type: 'string', default: '1' },
    port: { type: 'string', default: '0' },
    account: { type: 'string' },
    seed: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  process.stdout.write(usage)
} else {
  await run()
}

async function run(): Promise<void> {
  const seed = values.seed === undefined ? undefined : parsedSeed(await readFile(values.seed, 'utf8'))
  const aws = await startLocalAws({
    engine: engineNamed(values.engine),
    speed: positive('--speed', values.speed),
    port: Number(values.port),
    ...(values.account === undefined ? {} : { accountId: values.account }),
    ...(values.verbose ? { log: (line: string) => process.stderr.write(`${line}\n`) } : {}),
  })
  let stopping = false
  const stop = (): void => {
    if (stopping) return
    stopping = true
    aws.stop().catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exitCode = 1
    })
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const environment = aws.environment()
  if (seed) await plant(seed, aws.endpoint, environment.AWS_REGION ?? 'eu-west-1')
  for (const [name, value] of Object.entries(environment)) process.stdout.write(`export ${name}='${value}'\n`)
  process.stdout.write(
    `# registry ${aws.registryAddress} · public registry ${aws.publicRegistryAddress} · engine ${aws.engine}\n`,
  )
}

function engineNamed(name: string): 'process' | 'docker' | 'auto' {
  if (name === 'process' || name === 'docker' || name === 'auto') return name
  throw new Error(`--engine must be process, docker or auto, not ${name}`)
}

function positive(option: string, text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new Error(`${option} must be a number over 0, not ${text}`)
  return number
}
