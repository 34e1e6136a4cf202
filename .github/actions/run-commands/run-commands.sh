#!/usr/bin/env bash
# Runs the lines of COMMANDS_INSTALL, COMMANDS_BEFORE and COMMANDS_CHECKED, each in a bash of its own. Of the first two a
# line that fails ends it; of the last one all run, so that one run shows all that is wrong.
set -uo pipefail
declare +x COMMANDS_INSTALL COMMANDS_BEFORE COMMANDS_CHECKED COMMANDS_ENVIRONMENT COMMANDS_POSTGRES_PORT

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

# for the message of a workflow command (actions/toolkit, escapeData)
escaped() {
  local text=${1//%/%25}
  printf '%s' "${text//$'\r'/%0D}"
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
    printf '::error::%s ended with exit code %d.\n' "$(escaped "$line")" "$code"
    failed=$((failed + 1))
  fi
  return "$code"
}

finish() {
  printf '%s\n' "${rows[@]}"
  exit "$((failed > 0))"
}

if [[ -n $COMMANDS_POSTGRES_PORT ]]; then
  # The names that PostgreSQL's own programs and libraries read (PostgreSQL, "Environment Variables" of libpq).
  export PGHOST=localhost PGPORT=$COMMANDS_POSTGRES_PORT PGUSER=postgres PGPASSWORD=postgres PGDATABASE=postgres
  export DATABASE_URL="postgresql://postgres:postgres@localhost:$PGPORT/postgres"
fi

while IFS= read -r line; do
  if [[ ! $line =~ ^[[:space:]]*([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]]; then
    printf '::error::A line of the secret env is not NAME=VALUE.\n'
    exit 1
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
  printf '::error::There are no commands to run: the input commands is empty.\n'
  failed=1
fi
finish
