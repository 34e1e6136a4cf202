
# ---- the worker: the story, the way back, the result
cancelled=''
trap 'cancelled=yes' TERM

# Whoever started this is gone: everything that runs for the deploy is told to stop. A shell that has only just been
# forked from one with a trap can lose the signal, so `deploy` looks for the file when it begins.
watch_for_cancel() {
  trap '' TERM
  IFS= read -r -u 8 _ || true
  : >"$work/cancelled"
  kill -TERM -- "-$$"
}

# What was told to stop may take 10 s for it, then it is ended: nothing of it may run beside the way back.
end_the_rest() {
  local tries
  for ((tries = 0; tries < 75; tries++)); do
    find_members $$
    if ((${#members[@]} == 0)); then return; fi
    # Also what was started after the last look.
    if ((tries >= 50)); then kill -KILL "${members[@]}" 2>/dev/null; fi
    sleep 0.2
  done
}

# Runs one part in a shell of its own, in which `set -e` holds. Not for use with `if`, `!`, `&&` or `||`: these switch
# `set -e` off in all that they call.
part() {
  local pid code again
  (
    set -Eeuo pipefail
    trap 'unforeseen "$LINENO"' ERR
    "$@"
  ) &
  pid=$!
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

# Prints the entries of `services`, as far as 16,000 characters hold them.
services_json() {
  local service digest entry length=0
  local -A before=() after=() names=()
  if [[ -e $work/before ]]; then
    while IFS=$'\t' read -r service _ _ digest; do before[$service]=$digest names[$service]=1; done <"$work/before"
  fi
  if [[ -e $work/after ]]; then
    while IFS=$'\t' read -r service _ _ digest; do after[$service]=$digest names[$service]=1; done <"$work/after"
  fi
  while IFS= read -r service; do
    if [[ -z $service ]]; then continue; fi
    entry="{\"name\":$(json "$service")"
    if [[ -n ${before[$service]:-} ]]; then entry+=",\"before\":$(json "${before[$service]}")"; fi
    if [[ -n ${after[$service]:-} ]]; then entry+=",\"after\":$(json "${after[$service]}")"; fi
    if ((length > 0)); then entry=,$entry; fi
    length=$((length + ${#entry} + 1))
    if ((length > 16000)); then break; fi
    printf '%s}' "$entry"
  done < <(printf '%s\n' ${names[@]+"${!names[@]}"} | sort)
}

# One line: Systems Manager keeps the first 24,000 characters of it.
write_result() {
  local result line comma='' name
  rm -f "$work/reserve"
  result="{\"ssm-pull-deploy\":1,\"status\":$(json "$1"),\"reason\":$(json "$(fact_of reason | cut -c 1-1500)")"
  result+=",\"phase\":$(json "$(fact_of phase-failed)"),\"takeBack\":$(json "$2"),\"services\":[$(services_json)]"
  for name in lock-holder commit-before commit-after; do
    if [[ -s $work/$name ]]; then result+=",\"$name\":$(json "$(fact_of "$name" | cut -c 1-500)")"; fi
  done
  result+=",\"seconds\":$SECONDS,\"log\":$(json "$log"),\"evidence\":["
  if [[ -e $work/evidence-failed ]]; then
    while IFS= read -r line; do
      line=$comma$(json "$line")
      if ((${#result} + ${#line} > 23000)); then break; fi
      result+=$line
      comma=,
    done < <(head -n 24 "$work/evidence-failed")
  fi
  printf '%s]}\n' "$result" >"$work/result.part"
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
  local reason code
  # Without the lock everything belongs to whoever holds it.
  if ! holds_lock; then return; fi
  if [[ -e $work/before-begun && ! -e $work/started ]]; then
    part look_for_touched
    code=$?
    if ((code != 0)); then fact started yes; fi
  fi
  # Containers that were not touched run what they ran.
  if [[ ! -e $work/started && -e $work/running ]]; then cp "$work/running" "$work/after"; fi
  if [[ ! -e $work/files-changed && ! -e $work/started ]]; then
    # What an earlier deploy left half-way is still so.
    if [[ -e $work/notes ]]; then rm -rf "$state/pending"; fi
    return
  fi
  if [[ ${value[rollback]} != true ]]; then
    back=off
    tell 'Nothing is taken back (rollback: false).'
    return
  fi
  reason=$(fact_of reason)
  rm -f "$work/reason" "$work/unforeseen"
  part take_back
  code=$?
  if ((code != 0)); then
    back=failed
    if [[ ! -s $work/reason ]]; then fact reason "$(fact_of unforeseen)"; fi
    fact reason "$reason What ran before could not be brought back: $(fact_of reason)"
    tell '✗ What ran before could not be brought back.'
    return
  fi
  fact reason "$reason"
  if holds_lock; then rm -rf "$state/pending"; fi
  back='done'
  if [[ -e $work/nothing-before ]]; then
    back=nothing-before
  elif [[ -e $work/started && $status != cancelled && ${value[operation]} != rollback ]]; then
    status=rolled-back
  fi
}

# Half of a file goes when it is too long.
halve() {
  if [[ -e $1 ]] && (($(stat -c %s "$1") > 1048576)); then tail -c 524288 "$1" >"$1.part" && mv "$1.part" "$1"; fi
}

worker() {
  local front=$1 code=0 back='' status=failed watcher cleaned
  log=$work/chatter
  if [[ -d $(dirname "$directory") ]] && mkdir -p "$state" 2>/dev/null; then
    log=$state/log
    # Not under one that writes to it, be it only that it waits for the lock.
    # shellcheck disable=SC2094 # opened for flock only
    (
      flock --nonblock 7 || exit 0
      halve "$log"
      halve "$state/deploys.log"
    ) 7>>"$log" || true
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
  flock --shared 1 || true
  mv "$work/ready.part" "$work/ready"

  own_process=$(process $$)
  { printf '%s\n' "$own_process" && process "$front"; } >"$work/processes" || true
  remove_left_work || true
  set +e
  watch_for_cancel &
  watcher=$!
  part deploy
  code=$?
  # From here on nothing is stopped half-way: a cancel comes too late, or its way back has begun.
  kill -KILL "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  if [[ -e $work/cancelled ]]; then cancelled=yes; fi
  if [[ -n $cancelled ]]; then end_the_rest; fi
  if [[ -e $work/next-file ]]; then rm -f "$(fact_of next-file)"; fi
  if ((code == 0)); then
    status=$(fact_of status)
    part keep_release
    cleaned=$?
    if ((cleaned != 0)); then
      # Else the next deploy would take this one for one that was left half-way.
      rm -f "$state/pending/complete"
      tell 'The way back from this deploy could not be kept; the deploy itself is not touched by that.'
    fi
    part clean_up
    cleaned=$?
    ((cleaned == 0)) || tell 'Not everything could be cleaned up; the deploy itself is not touched by that.'
  else
    if [[ ! -s $work/reason ]]; then fact reason "$(fact_of unforeseen)"; fi
    cp "$work/phase" "$work/phase-failed" 2>/dev/null
    cp "$work/evidence" "$work/evidence-failed" 2>/dev/null
    if [[ -n $cancelled ]]; then
      status=cancelled
      fact reason 'The deploy was cancelled.'
    fi
    go_back
    # What a version that failed brought is not needed any more; many in a row would fill the disk.
    if [[ $back == 'done' && -z $cancelled ]]; then part clean_up; fi
  fi
  write_result "$status" "$back"
  if holds_lock; then audit "$status"; fi
  printf '%s ---- %s\n' "$(now)" "$status"
  free_lock
  # The other end of the pipe is closed: nobody is left who would read the result and remove the folder.
  if read -r -t 0 -u 8 _; then rm -rf "$work"; fi
  case $status in deployed | unchanged) exit 0 ;; esac
  if [[ $status == rolled-back && ${value[operation]} == rollback && $code == 0 ]]; then exit 0; fi
  exit 1
}

worker "$3"
