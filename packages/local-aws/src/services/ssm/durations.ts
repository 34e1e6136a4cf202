/*
 * How long the steps of Run Command take, in milliseconds at speed 1. AWS publishes none of these; nothing may depend on
 * them. "The Run Command API follows an eventual consistency model" (API reference of GetCommandInvocation).
 */
export const commandDurations = {
  /** until an invocation can be read at all */
  visible: 1_000,
  /** until the targets of tags are known */
  resolving: 500,
  /** from the service to the agent */
  delivery: 700,
  /** from the agent's result to where it can be read */
  report: 300,
  /** the agent uploads output once a second: agent/agentlogstocloudwatch, `UploadFrequency` */
  upload: 1_000,
  /**
   * an agent that comes back and finds its document worker gone gives up on it after so long:
   * agent/framework/processor/executer/outofproc/master.go, `defaultZombieProcessTimeout`
   */
  workerGone: 60_000,
}
