import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { median, type Row } from './measure.ts'

const RUNS = 25
const ACTIONS = new URL('../../actions/', import.meta.url).pathname
const INPUTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'run-ecs-task': { 'task-definition': 'app' },
  'run-migration-task': { 'task-definition': 'app', database: 'shop' },
  'ecr-push': { repository: 'app', 'source-image': 'ecr:app:v1', tags: 'v2' },
  'deploy-ecs-service': { services: 'api' },
}

/** From the start of a bundle to its first API call, beside an empty script under the same Node. */
export async function startUp(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    writeFileSync(join(folder, 'empty.mjs'), '')
    const rows: Row[] = []
    for (const [action, inputs] of Object.entries(INPUTS)) {
      const empty: number[] = []
      const ours: number[] = []
      for (let run = 0; run < RUNS; run++) {
        empty.push(await untilExit(join(folder, 'empty.mjs')))
        ours.push(await untilFirstCall(action, inputs, folder))
      }
      const ratio = median(ours) / median(empty)
      rows.push({
        what: `Start of \`${action}\` to its first API call, beside an empty Node script (median of ${RUNS})`,
        ours: `${Math.round(median(ours))} ms`,
        other: `${Math.round(median(empty))} ms`,
        ratio: ratio.toFixed(1),
        aim: 'aim at 4 times or less',
        met: ratio <= 4,
      })
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function untilExit(script: string): Promise<number> {
  const began = performance.now()
  return new Promise(resolve =>
    spawn(process.execPath, [script]).once('close', () => resolve(performance.now() - began)),
  )
}

async function untilFirstCall(
  action: string,
  given: Readonly<Record<string, string>>,
  workspace: string,
): Promise<number> {
  const metadata = parse(readFileSync(join(ACTIONS, action, 'action.yml'), 'utf8'))
  const inputs = Object.entries(metadata.inputs).map(([name, input]) => [
    `INPUT_${name.toUpperCase()}`,
    given[name] ?? Reflect.get(Object(input), 'default') ?? '',
  ])
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : undefined
      const began = performance.now()
      const child = spawn(process.execPath, [join(ACTIONS, action, 'dist/index.js')], {
        cwd: workspace,
        stdio: 'ignore',
        env: {
          ...Object.fromEntries(inputs),
          PATH: process.env['PATH'],
          HOME: workspace,
          GITHUB_WORKSPACE: workspace,
          RUNNER_TEMP: workspace,
          AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
          AWS_REGION: 'eu-west-1',
          AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
          AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        },
      })
      child.once('close', () => reject(new Error(`${action} made no call`)))
      server.once('request', (_, response) => {
        const took = performance.now() - began
        response.destroy()
        server.close()
        child.removeAllListeners('close').kill('SIGKILL')
        resolve(took)
      })
    })
  })
}
