import { downloadArtifact, uploadArtifact } from './artifacts.ts'
import { attest } from './attest.ts'
import { configureAwsCredentials } from './aws-credentials.ts'
import { checkout } from './checkout.ts'
import type { StandIn } from './stand-in.ts'
import { cache, setupBuildx, setupNode, setupPython } from './tools.ts'

/** Somebody else's actions that pipelines use, and what the rehearsal has in their place. */
export const STAND_INS: ReadonlyMap<string, StandIn> = new Map([
  ['actions/attest', attest],
  ['actions/cache', cache],
  ['actions/cache/restore', cache],
  ['actions/cache/save', cache],
  ['actions/checkout', checkout],
  ['actions/download-artifact', downloadArtifact],
  ['actions/setup-node', setupNode],
  ['actions/setup-python', setupPython],
  ['actions/upload-artifact', uploadArtifact],
  ['aws-actions/configure-aws-credentials', configureAwsCredentials],
  ['docker/setup-buildx-action', setupBuildx],
])
