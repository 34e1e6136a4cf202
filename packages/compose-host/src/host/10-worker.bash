
# ---- the worker: the story, the way back, the result
cancelled=''
trap 'cancelled=yes' TERM

# Whoever started this is gone: everything that runs for the deploy is told to stop, and ended if it does not.
watch_for_cancel() {
  local tries part
  trap '' TERM
  IFS= read -r -u 8 _ || true
  : >"$work/cancelled"
  part=$(cat "$work/part" 2>/dev/null || true)
  kill -TERM -- "-$$"
  for ((tries = 0; tries < 50; tries++)); do
    if [[ -z $part ]] || ! kill -0 "$part" 2>/dev/null; then return; fi
    sleep 0.2
  done
  kill -KILL "$part" 2>/dev/null || true
}

# Runs one part in a shell of its own, so that `set -e` holds in it whatever is done with its result.
part() {
  local pid code again
  (
    set -Eeuo pipefail
    trap 'unforeseen "$LINENO"' ERR
    "$@"
  ) &
  pid=$!
  printf '%d' "$pid" >"$work/part"
  # The trap interrupts `wait`; then the part may still be ending.
  while :; do
    wait "$pid"
    code=$?
    if ((code <= 128)) || ! kill -0 "$pid" 2>/dev/null; then break; fi
  done
  if ((code > 128)); then
    wait "$pid"
    again=$?
    if ((again != 127)); then code=$again; fi
  fi
  return "$code"
}

services_json() {
  local service digest comma=''
  local -A before=() after=() names=()
  if [[ -e $work/before ]]; then
    while IFS=$'\t' read -r service _ _ digest; do before[$service]=$digest names[$service]=1; done <"$work/before"
  fi
  if [[ -e $work/after ]]; then
    while IFS=$'\t' read -r service _ _ digest; do after[$service]=$digest names[$service]=1; done <"$work/after"
  fi
  while IFS= read -r service; do
    if [[ -z $service ]]; then continue; fi
    printf '%s{"name":%s' "$comma" "$(json "$service")"
    comma=,
    if [[ -n ${before[$service]:-} ]]; then printf ',"before":%s' "$(json "${before[$service]}")"; fi
    if [[ -n ${after[$service]:-} ]]; then printf ',"after":%s' "$(json "${after[$service]}")"; fi
    printf '}'
  done < <(printf '%s\n' ${names[@]+"${!names[@]}"} | sort | head -n 80)
}

# One line: Systems Manager keeps the first 24,000 characters of it.
write_result() {
  local line comma='' name
  {
    printf '{"ssm-pull-deploy":1,"status":%s,"reason":%s' "$(json "$1")" "$(json "$(without_secrets "$(fact_of reason | cut -c 1-1500)")")"
    printf ',"phase":%s,"takeBack":%s' "$(json "$(fact_of phase-failed)")" "$(json "$2")"
    printf ',"services":[%s]' "$(services_json)"
    for name in lock-holder commit-before commit-after; do
      if [[ -s $work/$name ]]; then printf ',"%s":%s' "$name" "$(json "$(fact_of "$name")")"; fi
    done
    printf ',"seconds":%d,"log":%s,"evidence":[' "$SECONDS" "$(json "$log")"
    if [[ -e $work/evidence-failed ]]; then
      while IFS= read -r line; do
        printf '%s%s' "$comma" "$(json "$line")"
        comma=,
      done < <(head -n 24 "$work/evidence-failed")
    fi
    printf ']}\n'
  } >"$work/result.part"
  mv "$work/result.part" "$work/result"
}

# One line per deploy stays: when, who, what.
audit() {
  printf '%s %s by %s: %s;%s%s\n' "$(now)" "${value[operation]}" "${value[holder]}" "$1" \
    "$(if [[ -s $work/commit-after ]]; then printf ' commit %s' "$(fact_of commit-after)"; fi)" \
    "$(if [[ -e $work/after ]]; then cut -f 1,4 "$work/after" | tr '\t' ' ' | sed 's/^/ /' | paste -s -d , -; fi)" >>"$state/deploys.log"
}

# The way back after a failure, as far as anything changed. Prints nothing; leaves the status in `status`, what became of
# it in `back`.
go_back() {
  # Containers that were not touched run what they ran.
  if [[ ! -e $work/started && -e $work/before ]]; then cp "$work/before" "$work/after"; fi
  if [[ ! -e $work/files-changed && ! -e $work/started ]]; then
    rm -rf "$state/pending"
  elif [[ ${value[rollback]} != true ]]; then
    back=off
    tell 'Nothing is taken back (rollback: false).'
  elif ! part take_back; then
    back=failed
    fact reason "$(fact_of reason) What ran before could not be brought back: $(fact_of take-back-failed)"
    tell '✗ What ran before could not be brought back.'
  else
    rm -rf "$state/pending"
    back='done'
    if [[ -e $work/nothing-before ]]; then
      back=nothing-before
    elif [[ -e $work/started && $status != cancelled ]]; then
      status=rolled-back
    fi
  fi
}

worker() {
  local code=0 back='' status=failed watcher
  log=$work/chatter
  if [[ -d $(dirname "$directory") ]] && mkdir -p "$state" 2>/dev/null; then
    log=$state/log
    # Half of it goes when it is too long.
    if [[ -e $log ]] && (($(stat -c %s "$log") > 1048576)); then tail -c 524288 "$log" >"$log.part" && mv "$log.part" "$log"; fi
  fi
  if ! printf '%s ---- %s of %s by %s\n' "$(now)" "${value[operation]}" "$directory" "${value[holder]}" >>"$log"; then
    log=$work/chatter
  fi
  if [[ ${value[follow]} == true ]]; then
    printf '%d\n%s\n' "$(($(stat -c %s "$log" 2>/dev/null || echo 0) + 1))" "$log" >"$work/ready.part"
  else
    : >"$work/ready.part"
  fi
  exec >>"$log" 2>&1
  mv "$work/ready.part" "$work/ready"

  set +e
  watch_for_cancel &
  watcher=$!
  part deploy
  code=$?
  if ((code == 0)); then
    status=$(fact_of status)
    part clean_up || tell 'Not everything could be cleaned up; the deploy itself is not touched by that.'
  else
    if [[ ! -s $work/reason ]]; then fact reason "$(fact_of unforeseen)"; fi
    cp "$work/phase" "$work/phase-failed" 2>/dev/null
    cp "$work/evidence" "$work/evidence-failed" 2>/dev/null
    if [[ -n $cancelled ]]; then
      status=cancelled
      fact reason 'The deploy was cancelled.'
    fi
    go_back
  fi
  write_result "$status" "$back"
  if [[ -e $work/holds-lock ]]; then audit "$status"; fi
  printf '%s ---- %s\n' "$(now)" "$status"
  free_lock
  kill -KILL "$watcher" 2>/dev/null
  if [[ -e $work/cancelled ]]; then rm -rf "$work"; fi
  case $status in deployed | unchanged) exit 0 ;; esac
  if [[ $status == rolled-back && ${value[operation]} == rollback && $code == 0 ]]; then exit 0; fi
  exit 1
}

worker
