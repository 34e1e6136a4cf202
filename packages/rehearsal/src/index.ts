import type { RehearseOptions } from './rehearse.ts'
import type { Rehearsal } from './results.ts'

export { type Application, repositoryCopy } from './demo/application.ts'
export type { Annotation } from './file-commands.ts'
export {
  type JavaScriptActionOptions,
  type JavaScriptActionResult,
  type RunningAction,
  runJavaScriptAction,
  startJavaScriptAction,
} from './javascript-action.ts'
export { parsedRehearsalFile, type RehearsalFile, readRehearsalFile } from './local/rehearsal-file.ts'
export { type Surroundings, startSurroundings } from './local/surroundings.ts'
export { baseImageContext } from './packer/base-context.ts'
export { type PackOptions, packImage } from './packer.ts'
export { rehearsalPage } from './page/page.ts'
export type { RehearseOptions } from './rehearse.ts'
export type { Conclusion, JobResult, Rehearsal, StepResult } from './results.ts'
export type { Progress } from './run/settings.ts'
export type { StandIn, Use } from './stand-ins/stand-in.ts'
export { STAND_INS } from './stand-ins/table.ts'

/**
 * Runs a workflow file as GitHub would, on this machine. GitHub's parser is loaded here, not by what only uses the rest.
 * @throws Error for what no run would say: a folder that is not there, inputs that the menu would refuse
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  return (await import('./rehearse.ts')).rehearse(options)
}
