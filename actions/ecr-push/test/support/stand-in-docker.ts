import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A `docker` of the test's own. */
export interface StandInDocker {
  /** of its own; holds `config.json` as it was at the login */
  readonly folder: string
  /** puts it before any other docker */
  readonly environment: { readonly PATH: string }
  /** what the last login got on its standard input */
  password(): string
}

/** One that pulls, builds and pushes nothing, and records how it is called. */
export interface RecordingDocker extends StandInDocker {
  /** bash that runs as `docker COMMAND`; its first argument is the folder of the configuration, with a slash */
  on(command: 'login' | 'build' | 'push', script: string): void
  /** arguments, one line a call */
  calls(): string[]
}

/** @param buildx whether it has the plugin; its builds are those of `on('build', …)` too */
export function recordingDocker(parent: string, buildx = false): RecordingDocker {
  const folder = mkdtempSync(join(parent, 'tools-'))
  const plugin = buildx
    ? `if [ "$1" = buildx ]; then
  case "$2" in version) exit 0;; inspect) echo "Driver: docker"; exit 0;; esac
fi
[ "$1" = buildx ] && command=$2`
    : '[ "$1" = buildx ] && exit 1'
  const script = `#!/bin/bash
case "$1" in --config) config=$2; command=$3;; *) command=$1;; esac
printf '%s\\n' "$*" >> ${folder}/calls
${plugin}
[ "$command" = login ] && cat > ${folder}/password && cp "$config/config.json" ${folder}/config.json
if [ "$command" = build ]; then
  while [ $# -gt 0 ]; do [ "$1" = --iidfile ] && echo -n sha256:${'ab'.repeat(32)} > "$2"; shift; done
fi
[ -e ${folder}/on-$command ] && exec -a docker bash ${folder}/on-$command "$config/"
exit 0
`
  return {
    ...standIn(folder, script),
    on: (command, body) => writeFileSync(join(folder, `on-${command}`), body),
    calls: () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n'),
  }
}

/** The machine's own docker, overheard at its login. */
export function overheardDocker(parent: string): StandInDocker {
  const folder = mkdtempSync(join(parent, 'tools-'))
  const real = execFileSync('which', ['docker'], { encoding: 'utf8' }).trim()
  const script = `#!/bin/bash
case " $* " in *" login "*) tee ${folder}/password | ${real} "$@"; exit "\${PIPESTATUS[1]}";; esac
exec ${real} "$@"
`
  return standIn(folder, script)
}

function standIn(folder: string, script: string): StandInDocker {
  const path = join(folder, 'docker')
  writeFileSync(path, script)
  chmodSync(path, 0o755)
  return {
    folder,
    environment: { PATH: `${folder}:${process.env['PATH']}` },
    password: () => readFileSync(join(folder, 'password'), 'utf8'),
  }
}
