import type { RunningContainer } from '../../engine.ts'
import { PROCESS_TIMEOUT_FLOOR_MS } from './durations.ts'
import { advance, type ContainerRun, type TaskRun, update } from './task-run.ts'

/**
 * Runs the task definition's health check (a Dockerfile's HEALTHCHECK does not count on ECS) until the container ends.
 * Defaults: interval 30 s, timeout 5 s, retries 3, no start period.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
 * @returns a function that ends the checks
 */
export function watchHealth(run: TaskRun, container: ContainerRun, running: RunningContainer): () => void {
  const check = container.definition.healthCheck
  if (!check?.command?.length) return () => undefined
  const end = new AbortController()
  const { cloud } = run.surroundings
  const command = execCommand(check.command)
  const interval = (check.interval ?? 30) * 1000
  const timeout = Math.max((check.timeout ?? 5) * 1000, PROCESS_TIMEOUT_FLOOR_MS)
  const retries = check.retries ?? 3
  let grace = (check.startPeriod ?? 0) > 0
  // a real process is up no faster because AWS is: failures before are not counted, as in a start period
  const bootedAt = Date.now() + PROCESS_TIMEOUT_FLOOR_MS

  async function checks(): Promise<void> {
    let failures = 0
    while (!end.signal.aborted) {
      await cloud.pause(interval, end.signal)
      const exitCode = await running.exec(command, timeout)
      if (end.signal.aborted) return
      if (exitCode === 0) {
        failures = 0
        // "the first success ends the start period" (Docker's reference, HEALTHCHECK)
        grace = false
        healthIs(run, container, 'HEALTHY')
        continue
      }
      if (grace || Date.now() < bootedAt) continue
      failures += 1
      if (failures >= retries) healthIs(run, container, 'UNHEALTHY')
    }
  }

  if (grace) {
    cloud.pause((check.startPeriod ?? 0) * 1000, end.signal).then(
      () => {
        grace = false
      },
      () => undefined,
    )
  }
  // rejects only because the container has ended or the cloud stops
  checks().catch(() => undefined)
  return () => end.abort()
}

function healthIs(run: TaskRun, container: ContainerRun, health: 'HEALTHY' | 'UNHEALTHY'): void {
  if (container.state.health === health) return
  advance(run, container, { health }, { healthStatus: health })
  const checked = run.containers.filter(({ essential, definition }) => essential && definition.healthCheck)
  const worst = checked.some(({ state }) => state.health === 'UNHEALTHY')
  const best = checked.length > 0 && checked.every(({ state }) => state.health === 'HEALTHY')
  update(run, { healthStatus: worst ? 'UNHEALTHY' : best ? 'HEALTHY' : 'UNKNOWN' })
}

/** `["CMD", …]` runs as it is, `["CMD-SHELL", "…"]` through the container's shell, anything else as a command. */
function execCommand(command: readonly string[]): readonly string[] {
  const [kind, ...rest] = command
  if (kind === 'CMD-SHELL') return ['/bin/sh', '-c', rest.join(' ')]
  return kind === 'CMD' ? rest : command
}
