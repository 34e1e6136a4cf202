#!/usr/bin/env node
// The command of the npm package: starts the rehearsal on Node 24, which is GitHub's for actions, whatever runs this.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'

const main = join(import.meta.dirname, 'dist/main/index.js')
const child = spawn(node24(), ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, REHEARSAL_PACKAGE: import.meta.dirname },
})
// A terminal's Ctrl-C reaches both; what is sent to this process alone is handed on.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))

function node24() {
  if (process.versions.node.startsWith('24.')) return process.execPath
  const name = `node-linux-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin/node')
  } catch {
    console.error(`Node 24 is needed: use it, or let npm install the optional package ${name}.`)
    process.exit(2)
  }
}
