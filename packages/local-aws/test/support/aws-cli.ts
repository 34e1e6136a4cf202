import { execFile } from 'node:child_process'
import type { LocalAws } from '../../src/index.ts'

/**
 * The AWS CLI against a local AWS: parsed JSON of what it prints.
 * @param home an empty folder, so that no configuration of this machine counts
 */
export function awsCli(cloud: Pick<LocalAws, 'environment'>, home: string) {
  return (...args: string[]): Promise<unknown> => {
    // pyenv and friends find the command by its own environment; AWS's own settings must not leak in
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))
    const env = {
      ...Object.fromEntries(inherited),
      ...cloud.environment(),
      HOME: home,
      AWS_MAX_ATTEMPTS: '1',
      AWS_PAGER: '',
    }
    return new Promise((resolve, reject) => {
      execFile('aws', [...args, '--output', 'json'], { env }, (error, stdout, stderr) => {
        if (error) reject(new Error(stderr))
        else resolve(stdout === '' ? undefined : JSON.parse(stdout))
      })
    })
  }
}
