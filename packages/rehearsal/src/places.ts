import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of the npm package that scripts/pack-rehearsal makes; its command sets it. */
const packed = process.env['REHEARSAL_PACKAGE']
// Not in one expression: the bundler would take what it leads to for a file to bring along.
const here = import.meta.url

/** Actions and workflows: what `OWNER/aws-deploy-actions` means, whoever OWNER is. */
export const TOOLKIT = packed ?? fileURLToPath(new URL('../../..', here))

/** The program behind the `docker` command of a rehearsal. */
export const DOCKER =
  packed === undefined ? fileURLToPath(new URL('local/docker.ts', here)) : join(packed, 'dist/docker/index.js')

/** The one behind its `npm` command. */
export const NPM = packed === undefined ? fileURLToPath(new URL('local/npm.ts', here)) : join(packed, 'dist/npm.js')
