#!/usr/bin/env bash
# Deploys a docker compose project on this host; sent by the action ssm-pull-deploy. The inputs are in the file `values`
# beside this program and are data only. On standard output comes one line of JSON, on standard error what happens.
# This file is the whole program. To follow it: the function `deploy` tells the story.
# shellcheck disable=SC2317 # functions are called by name, see `part`
set -Eeuo pipefail
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  echo "This host has bash $BASH_VERSION; 4.4 is needed." >&2
  exit 1
fi
LC_ALL=C # strings are bytes here; not exported
umask 077
work=$1

# Starts the worker in a session of its own and shows what it says. When a command is cancelled or overdue the agent
# kills its process group with SIGKILL (amazon-ssm-agent, executers_unix.go): then the pipe `alive` closes, by which the
# worker notices, puts things right and frees the lock.
front() {
  local worker teller code=0 follow=$work/told
  # Freed when the disk is full, for the reason and the result.
  head -c 131072 /dev/zero >"$work/reserve" || echo 'The disk of the temporary folder is full.' >&2
  mkfifo "$work/alive"
  : >"$work/told"
  exec 9<>"$work/alive"
  setsid bash "$work/deploy.bash" "$work" worker $$ </dev/null >"$work/chatter" 2>&1 8<"$work/alive" 9>&- &
  worker=$!
  while [[ ! -e $work/ready ]] && kill -0 "$worker" 2>/dev/null; do sleep 0.02; done
  # With a log group everything is shown, else what a person needs: Systems Manager keeps 8,000 characters of it.
  local from=1
  if [[ -s $work/ready ]]; then { read -r from && read -r follow; } <"$work/ready"; fi
  tail -c "+$from" -s 0.1 --pid="$worker" -f "$follow" >&2 9>&- &
  teller=$!
  wait "$worker" || code=$?
  wait "$teller" || true
  if [[ -s $work/result ]]; then
    cat "$work/result"
  else
    tail -n 5 "$work/chatter" >&2
    printf '{"ssm-pull-deploy":1,"status":"failed","reason":"The program on the host ended with %d before it had a result."}\n' "$code"
    if ((code == 0)); then code=1; fi
  fi
  rm -rf "$work" || true
  exit "$code"
}

if [[ ${2:-} != worker ]]; then front; fi
