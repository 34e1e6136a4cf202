import type { ContainerDependency } from '@aws-sdk/client-ecs'

/** What a dependency rule looks at. */
export interface DependencyState {
  readonly image: string
  readonly phase: 'waiting' | 'running' | 'stopped'
  /** absent when it never started */
  readonly exitCode: number | undefined
  /** milliseconds since 1970; absent when it never started */
  readonly startedAt: number | undefined
  readonly health: 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY'
  /** until when it must have reached the condition, milliseconds since 1970 */
  readonly deadline: number | undefined
}

export type DependencyVerdict =
  | { readonly kind: 'met' }
  | { readonly kind: 'wait' }
  | { readonly kind: 'never'; readonly reason: string }

/**
 * Whether a container may start now. Rules and texts: ECS agent, agent/engine/dependencygraph/graph.go
 * (`verifyContainerOrderingStatusResolvable`, `containerOrderingDependenciesIsResolved`), where a `never` gives the
 * container exit code 143 (task_manager.go, `handleTerminalDependencyError`).
 */
export function dependencyVerdict(
  target: { readonly name: string; readonly image: string },
  dependencies: readonly ContainerDependency[],
  stateOf: (container: string) => DependencyState | undefined,
  now: number,
): DependencyVerdict {
  let waits = false
  for (const { containerName = '', condition = 'START' } of dependencies) {
    const state = stateOf(containerName)
    if (!state)
      return {
        kind: 'never',
        reason: `dependency graph: container ordering dependency [${containerName}] does not exist.`,
      }
    const named = `container ordering dependency [${described(containerName, state)}] for target [${target.name}(${target.image}) (NONE->RUNNING)]`
    const neverStarted = state.phase === 'stopped' && state.startedAt === undefined
    if (condition !== 'START' && state.phase !== 'stopped' && state.deadline !== undefined && now > state.deadline) {
      return { kind: 'never', reason: `dependency graph: ${named} has timed out.` }
    }
    if (condition === 'SUCCESS' && state.phase === 'stopped' && state.exitCode !== 0) {
      return {
        kind: 'never',
        reason: `dependency graph: failed to resolve ${named} as dependency did not exit successfully.`,
      }
    }
    if (neverStarted) {
      return {
        kind: 'never',
        reason: `dependency graph: failed to resolve ${named} because dependency will never start`,
      }
    }
    // agent: no container can move any more (`handleContainersUnableToTransitionState`)
    if (condition === 'HEALTHY' && state.phase === 'stopped' && state.health !== 'HEALTHY') {
      return { kind: 'never', reason: `dependency graph: failed to resolve the ${named}` }
    }
    if (!isMet(condition, state)) waits = true
  }
  return waits ? { kind: 'wait' } : { kind: 'met' }
}

function isMet(condition: string, state: DependencyState): boolean {
  switch (condition) {
    case 'START':
      return state.phase !== 'waiting'
    case 'COMPLETE':
      return state.phase === 'stopped' && state.exitCode !== undefined
    case 'SUCCESS':
      return state.phase === 'stopped' && state.exitCode === 0
    default:
      return state.health === 'HEALTHY'
  }
}

/** As the agent prints a container: `name(image) (KNOWN->DESIRED) - Exit: 1` (api/container/container.go, `String`). */
function described(name: string, { image, phase, exitCode }: DependencyState): string {
  const known = phase === 'stopped' ? 'STOPPED' : phase === 'running' ? 'RUNNING' : 'NONE'
  return `${name}(${image}) (${known}->RUNNING)${exitCode === undefined ? '' : ` - Exit: ${exitCode}`}`
}
