import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe } from '@jest/globals'

/** Something that a part of the tests needs and that a machine may lack. The reporter counts by these names. */
const NEEDS = {
  'Docker Engine': () =>
    answers('docker', ['version', '--format', '{{.Server.Version}}']) || 'no Docker Engine answers',
  // Services on Docker have ports of their own on it.
  'bridge network': () =>
    answers('docker', ['network', 'inspect', 'bridge']) || 'the Docker Engine has no bridge network',
  'docker compose': () =>
    answers('docker', ['compose', 'version']) ||
    answers('docker-compose', ['version']) ||
    'neither docker compose nor docker-compose is installed',
  buildx: () => answers('docker', ['buildx', 'version']) || 'docker has no buildx plugin',
  buildkitd: () => answers('buildkitd', ['--version']) || 'buildkitd is not installed',
  'compose v2': () => answers('docker', ['compose', 'version']) || 'docker has no compose plugin (v2)',
  'compose v1': () =>
    (answers('docker-compose', ['version']) && outputOf('docker-compose', ['version', '--short']).startsWith('1.')) ||
    'docker-compose 1 is not installed',
  'busybox-static': () => existsSync('/bin/busybox') || 'there is no static /bin/busybox to build an image from',
  'AWS CLI': () => answers('aws', ['--version']) || 'aws is not installed',
  'cfn-lint': () => answers('cfn-lint', ['--version']) || 'cfn-lint is not installed',
  shellcheck: () => answers('shellcheck', ['--version']) || 'shellcheck is not installed',
  skopeo: () => answers('skopeo', ['--version']) || 'skopeo is not installed',
  act: () => answers('act', ['--version']) || 'act is not installed',
  moto: () =>
    answers('moto_server', ['--version']) || answers('moto_server', ['--help']) || 'moto_server is not installed',
  curl: () => answers('curl', ['--version']) || 'curl is not installed',
  wget: () => answers('wget', ['--version']) || 'GNU wget is not installed',
  openssl: () => answers('openssl', ['version']) || 'openssl is not installed',
  'mount namespaces': () =>
    answers('unshare', [
      ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
      ...['--mount', 'mount', '--bind', '/etc/hosts', '/etc/hosts'],
    ]) || 'nobody but root may have a mount table of its own',
  'mount namespaces and port 53': () =>
    (process.getuid?.() === 0 && answers('unshare', ['--mount', 'mount', '--bind', '/etc/hosts', '/etc/hosts'])) ||
    'only root may have its own resolv.conf and name server',
  root: () => process.getuid?.() === 0 || 'only root may mount a small disk',
  'docker-registry': () => answers('docker-registry', ['--version']) || 'docker-registry is not installed',
} as const satisfies Readonly<Record<string, () => true | string>>

export type Need = keyof typeof NEEDS

/** A `describe` that runs where all needs are met, and says in its title what it needs and, when skipped, why. */
export function describeWith(needs: readonly Need[], title: string, body: () => void): void {
  const missing = needs.map(need => NEEDS[need]()).find(result => typeof result === 'string')
  const marked = `${title} [with ${needs.join(' + ')}]`
  if (missing === undefined) describe(marked, body)
  else describe.skip(`${marked} [skipped: ${missing}]`, body)
}

function outputOf(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 })
  } catch {
    return ''
  }
}

function answers(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 10_000 })
    return true
  } catch {
    return false
  }
}
