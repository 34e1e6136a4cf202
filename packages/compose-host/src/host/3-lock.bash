
# ---- one deploy at a time for this directory
# The lock is a file of lines: who holds it, until when (seconds since the epoch), which process of which boot.
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }
# When a process was started, in ticks since the boot; `gone` when it is not there, or only waits to be collected.
started_at() {
  local -a fields=()
  if { read -r -a fields <"/proc/$1/stat"; } 2>/dev/null && [[ ${fields[2]} != Z ]]; then
    printf '%s\n' "${fields[21]}"
  else
    echo gone
  fi
}

# Fills `members` with the processes of a group, but for its leader and zombies; starts none itself. In `stat` the state,
# the parent and the group follow the name, which may hold blanks.
declare -a members=()
find_members() {
  local file stat pid state group
  members=()
  for file in /proc/[0-9]*/stat; do
    pid=${file//[!0-9]/}
    { read -r stat <"$file"; } 2>/dev/null || continue
    read -r state _ group _ <<<"${stat##*) }"
    if [[ $group == "$1" && $pid != "$1" && $state != Z ]]; then members+=("$pid"); fi
  done
}

# Whether a process, or something of its group, is there. Arguments: its id, boot, start.
process_lives() {
  local start
  if [[ $2 != "$(boot_id)" ]]; then return 1; fi
  start=$(started_at "$1")
  if [[ $start == gone ]]; then
    find_members "$1"
    ((${#members[@]} > 0))
  else
    # Else another process has its number now.
    [[ $start == "$3" ]]
  fi
}

# What a process is known by, in the words of `process_lives`, one a line; that of the worker is in `own_process`.
process() { printf '%s\n' "$1" "$(boot_id)" "$(started_at "$1")"; }

# Folders of deploys that were killed or cut off by a restart hold secrets. Only our own: others can make some too. One
# is left over when neither its worker nor who reads the worker's result is there.
remove_left_work() {
  local folder
  local -a of=()
  for folder in "$(dirname "$work")"/ssm-pull-deploy.??????; do
    if [[ -L $folder || ! -d $folder || ! -O $folder || $folder == "$work" ]]; then continue; fi
    if [[ -e $folder/processes ]]; then
      mapfile -t of <"$folder/processes"
      if ((${#of[@]} == 6)) && ! process_lives "${of[@]:0:3}" && ! process_lives "${of[@]:3}"; then
        if [[ -e $folder/next-file ]]; then rm -f "$(<"$folder/next-file")"; fi
        rm -rf "$folder"
      fi
    elif [[ -n $(find "$folder" -maxdepth 0 -mmin +60) ]]; then
      # Killed before it had begun.
      rm -rf "$folder"
    fi
  done
}

lock_line() { sed -n "${1}p" "$state/lock" 2>/dev/null; }

# A lock is left over when its time is over, or when its process is not there any more.
lock_is_held() {
  [[ -s $state/lock ]] || return 1
  local until pid boot start
  until=$(lock_line 2) pid=$(lock_line 3) boot=$(lock_line 4) start=$(lock_line 5)
  [[ $until =~ ^[0-9]+$ ]] && (($(date +%s) < until)) || return 1
  if [[ -n $pid ]]; then process_lives "$pid" "$boot" "$start"; fi
}

# Takes the lock if nobody holds it. flock makes the look and the writing one step.
lock_taken() {
  (
    flock 7
    if lock_is_held; then exit 1; fi
    : >"$state/lock" || exit 2
    lock_text >"$state/lock" || exit 2
  ) 7>"$state/lock.guard"
}
lock_text() { printf '%s\n' "${value[holder]}" "$(($(date +%s) + value[timeout] + value[health-timeout] + 600))" "$own_process"; }

# The file decides, not what this deploy noted: it may have been cut off in between, or its time was over and somebody else
# has the lock now.
holds_lock() {
  local -a lock=()
  { mapfile -t lock <"$state/lock"; } 2>/dev/null || return 1
  [[ ${lock[2]:-}$'\n'${lock[3]:-}$'\n'${lock[4]:-} == "$own_process" ]]
}

take_lock() {
  local until=$((SECONDS + value[lock-timeout])) told='' holder code=0
  phase 'taking the lock'
  until lock_taken || code=$?; ((code == 0)); do
    if ((code != 1)); then fail "The lock $state/lock could not be written; is the disk full?"; fi
    code=0
    holder=$(lock_line 1)
    if ((SECONDS >= until)); then
      fact lock-holder "$holder"
      fail "Another deploy of this directory holds the lock: ${holder:-unknown}. Given up after ${value[lock-timeout]} s."
    fi
    if [[ $told != "$holder" ]]; then tell "Waiting for another deploy of this directory: $holder"; fi
    told=$holder
    sleep 0.5
  done
  fact locked yes
}

# A deploy that was held up for longer than its lock lasts (a machine that slept) leaves everything to the next one. Else
# the lock lasts from now again: a way back may take long too.
check_lock() {
  if [[ -e $work/locked ]] && ! lock_renewed; then
    fail "The lock of this directory ran out, and another deploy has it: $(lock_line 1)"
  fi
}

lock_renewed() {
  (
    flock 7
    holds_lock || exit 1
    # At once, for whoever reads it; on a full disk it stays as it was.
    if lock_text >"$state/lock.part"; then mv -f "$state/lock.part" "$state/lock"; else rm -f "$state/lock.part"; fi
    exit 0
  ) 7>"$state/lock.guard"
}

free_lock() {
  if [[ ! -e $state/lock ]]; then return; fi
  (
    flock 7
    if holds_lock; then rm -f "$state/lock"; fi
  ) 7>"$state/lock.guard"
}
