
# ---- one deploy at a time for this directory
# The lock is a file of lines: who holds it, until when (seconds since the epoch), which process of which boot.
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }
started_at() { cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null || echo gone; }

lock_line() { sed -n "${1}p" "$state/lock" 2>/dev/null; }

# A lock is left over when its time is over, or when its process is not there any more.
lock_is_held() {
  [[ -s $state/lock ]] || return 1
  local until pid boot start
  until=$(lock_line 2) pid=$(lock_line 3) boot=$(lock_line 4) start=$(lock_line 5)
  [[ $until =~ ^[0-9]+$ ]] && (($(date +%s) < until)) || return 1
  if [[ -n $pid ]]; then
    [[ $boot == "$(boot_id)" && $(started_at "$pid") == "$start" ]] || return 1
  fi
  return 0
}

# Takes the lock if nobody holds it. flock makes the look and the writing one step.
lock_taken() {
  (
    flock 7
    if lock_is_held; then exit 1; fi
    : >"$state/lock" || exit 2
    printf '%s\n' "${value[holder]}" "$(($(date +%s) + value[timeout] + 600))" "$$" "$(boot_id)" "$(started_at $$)" >"$state/lock" || exit 2
  ) 7>"$state/lock.guard"
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
  fact holds-lock yes
}

free_lock() {
  if [[ -e $work/holds-lock && $(lock_line 3) == "$$" ]]; then rm -f "$state/lock"; fi
  rm -f "$work/holds-lock"
}
