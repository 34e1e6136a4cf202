import type { Cloud } from '../cloud.ts'
import type { Engine } from '../engine.ts'
import { dockerEngine } from './docker.ts'
import { processEngine } from './process.ts'

/**
 * The engine that was asked for; `auto`: Docker where it answers, else processes.
 * @throws Error when docker was asked for and does not answer
 */
export async function chosenEngine(wanted: 'process' | 'docker' | 'auto', cloud: Cloud): Promise<Engine> {
  if (wanted === 'process') return processEngine(cloud)
  const docker = await dockerEngine(cloud)
  if (docker) return docker
  if (wanted === 'docker') throw new Error('No Docker Engine answers (DOCKER_HOST, else /var/run/docker.sock)')
  return processEngine(cloud)
}
