export type { Annotation } from './file-commands.ts'
export {
  type JavaScriptActionOptions,
  type JavaScriptActionResult,
  type RunningAction,
  runJavaScriptAction,
  startJavaScriptAction,
} from './javascript-action.ts'
export { baseImageContext } from './packer/base-context.ts'
export { type PackOptions, packImage } from './packer.ts'
