#!/usr/bin/env bash
# Runs the lines of COMMANDS_INSTALL, COMMANDS_BEFORE and COMMANDS_CHECKED, each in a bash of its own. Of the first two a
# line that fails ends it; of the last one all run, so that one run shows all that is wrong.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR
source "${BASH_SOURCE[0]%/*}/failure.sh"
declare +x COMMANDS_OPTIONAL COMMANDS_INSTALL COMMANDS_BEFORE COMMANDS_CHECKED COMMANDS_ENVIRONMENT COMMANDS_POSTGRES_PORT

failed=0
ran=0
rows=()

# entries TEXT: its lines without blank ones and comments
entries() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] || printf '%s\n' "$line"
  done <<<"$1"
}

# project: its directory in the repository, '' for the root
project() {
  local inside=${PWD#"${GITHUB_WORKSPACE-}"}
  [[ $inside == "$PWD" ]] || printf '%s' "${inside#/}"
}

fail() {
  failed=$((failed + 1))
  failure run-commands "$1" "$(project)"
}

run_line() {
  local line=$1 began=$SECONDS code
  printf '::group::%s\n' "$(escaped "$line")"
  bash --noprofile --norc -eo pipefail -c "$line" </dev/null
  code=$?
  printf '::endgroup::\n'
  if ((code == 0)); then
    rows+=("✅ $((SECONDS - began)) s  $line")
  else
    rows+=("❌ $((SECONDS - began)) s  $line (exit code $code)")
    fail "$line ended with exit code $code."
  fi
  return "$code"
}

finish() {
  printf '%s\n' "${rows[@]}"
  exit "$((failed > 0))"
}

if [[ $COMMANDS_OPTIONAL != false && -n $COMMANDS_OPTIONAL && -z $(entries "$COMMANDS_CHECKED") ]]; then
  echo 'This project has no commands of this stage.'
  exit 0
fi

if [[ -n $COMMANDS_POSTGRES_PORT ]]; then
  # The names that PostgreSQL's own programs and libraries read (PostgreSQL, "Environment Variables" of libpq).
  export PGHOST=localhost PGPORT=$COMMANDS_POSTGRES_PORT PGUSER=postgres PGPASSWORD=postgres PGDATABASE=postgres
  export DATABASE_URL="postgresql://postgres:postgres@localhost:$PGPORT/postgres"
fi

while IFS= read -r line; do
  if [[ ! $line =~ ^[[:space:]]*([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]]; then
    fail 'A line of the secret env is not NAME=VALUE.'
    finish
  fi
  name=${BASH_REMATCH[1]}
  value=${BASH_REMATCH[2]}
  # GitHub masks a secret's lines, but not what stands behind the equals sign.
  [[ -z $value ]] || printf '::add-mask::%s\n' "$(escaped "$value")"
  export "$name=$value"
done < <(entries "$COMMANDS_ENVIRONMENT")

# What runs may not read this script's own input.
for part in "$COMMANDS_INSTALL" "$COMMANDS_BEFORE"; do
  while IFS= read -r line <&3; do
    run_line "$line" 3<&- || finish
  done 3< <(entries "$part")
done
while IFS= read -r line <&3; do
  ran=$((ran + 1))
  run_line "$line" 3<&-
done 3< <(entries "$COMMANDS_CHECKED")
if ((ran == 0)); then
  fail 'There are no commands to run: the input commands is empty.'
fi
finish
