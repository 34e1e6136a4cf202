import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalAwsOptions } from '@aws-deploy-actions/local-aws'
import type { JavaScriptActionResult, RunningAction } from '@aws-deploy-actions/rehearsal'
import { type WebCloud as StartedWebCloud, startedWebCloud } from '../../packages/local-aws/test/support/web-service.ts'
import { runAction, startAction } from './started-actions.ts'

/** Two services behind one listener, and deploy-ecs-service's bundle to roll them. */
export interface WebCloud extends StartedWebCloud {
  /** runs the bundle in the cluster `main` */
  run(inputs: Readonly<Record<string, string>>): Promise<JavaScriptActionResult>
  /** as `run`, and does not wait for its end */
  startStep(inputs: Readonly<Record<string, string>>): Promise<RunningAction>
}

const FOLDER = new URL('../../actions/deploy-ecs-service', import.meta.url).pathname

/** The cloud with `api` and `web` in version 1, both steady. */
export async function startWebCloud(options: LocalAwsOptions = {}): Promise<WebCloud> {
  const cloud = await startedWebCloud(options)
  const temp = await mkdtemp(join(tmpdir(), 'web-cloud-'))
  const stop = async (): Promise<void> => {
    await cloud.stop()
    await rm(temp, { recursive: true, force: true })
  }
  try {
    const names = ['api', 'web'] as const
    for (const name of names) {
      await cloud.create(name, await cloud.define(name, await cloud.push(name, 'v1', { version: '1' })))
    }
    await Promise.all(names.map(name => cloud.settled(name)))
  } catch (error) {
    await stop()
    throw error
  }
  const stepOf = (inputs: Readonly<Record<string, string>>) => ({
    temp,
    inputs: { cluster: 'main', ...inputs },
    environment: { ...cloud.aws.environment(), GITHUB_RUN_ID: '4711', GITHUB_RUN_ATTEMPT: '1' },
  })
  return {
    ...cloud,
    stop,
    run: inputs => runAction(FOLDER, stepOf(inputs)),
    startStep: inputs => startAction(FOLDER, stepOf(inputs)),
  }
}
