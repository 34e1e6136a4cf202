
# ---- what was before, and the way back
# Notes what is there before anything changes: env file, commit, images. What a deploy that died half-way left behind is not
# a state to go back to: then what it noted counts.
note_before() {
  local into=$state/pending
  phase 'noting what runs'
  if [[ -e $into/complete ]]; then
    fact half-way yes
    tell 'The last deploy here ended half-way, or was not taken back; what ran before it counts as the former version.'
  else
    fact notes ours
    rm -rf "$into"
    mkdir -p "$into"
    if [[ -e $env_file ]]; then cp -p "$env_file" "$into/env"; fi
    if [[ -d $directory ]] && command -v git >/dev/null && [[ -n $(git_head) ]]; then
      git_head >"$into/commit"
      in_git symbolic-ref --quiet --short HEAD >"$into/branch" || true
    fi
  fi
  hide_former "$env_file"
  hide_former "$into/env"
  running_images >"$work/running" || fail 'What runs here could not be read from Docker.'
  if [[ ! -e $work/half-way ]]; then
    cp "$work/running" "$into/images"
    cut -d '|' -f 1,2 "$work/listed" >"$into/containers"
    printf '%s\n' "${value[operation]}" >"$into/operation"
    # A power cut must not leave the mark without what it stands for.
    sync "$into"/*
    : >"$into/complete"
  fi
  cp "$into/images" "$work/before"
  if [[ -s $into/commit ]]; then cp "$into/commit" "$work/commit-before"; fi
  while IFS=$'\t' read -r _ id _; do keep_image "$id" || true; done <"$into/images"
  states_of "$work/listed" >"$work/states-before"
  # Only what it answered before can be asked of the former version.
  if [[ -n ${value[health-url]} && -s $work/running ]] && health_url_answers; then fact health-url-before yes; fi
}

# What matters of containers when nothing was to touch them: service, id, image, whether it runs.
states_of() { awk -F '|' '{ print $1, $2, $3, ($5 == "restarting" ? "running" : $5) }' "$1"; }

# The commands of `before` may have stopped or replaced what ran.
look_for_touched() {
  find_compose
  containers >"$work/listed"
  if ! states_of "$work/listed" | cmp -s - "$work/states-before"; then fact started yes; fi
}

# Whether env file, commit and containers are as this deploy found them, or as one did that was left half-way.
is_as_noted() {
  local noted=$state/pending
  if [[ -e $noted/env || -e $env_file ]] && ! cmp -s "$noted/env" "$env_file"; then return 1; fi
  if [[ -e $directory/.git ]] && command -v git >/dev/null && [[ $(git_head) != "$(cat "$noted/commit" 2>/dev/null)" ]]; then return 1; fi
  cut -d '|' -f 1,2 "$work/listed" | cmp -s - "$noted/containers"
}

# Puts an env file, a commit and images back from the folder of a release.
put_back() {
  local from=$1 service id reference digest reference_by_digest commit branch=''
  check_lock
  hide_former "$from/env"
  if [[ -e $from/env ]]; then
    if ! cmp -s "$from/env" "$env_file"; then
      cp -p "$from/env" "$work/env-back"
      replace_file "$env_file" <"$work/env-back"
      chown --reference="$from/env" "$env_file"
      chmod --reference="$from/env" "$env_file"
    fi
  elif [[ -e $from/no-env-file ]]; then
    rm -f "$env_file"
  fi
  if [[ -s $from/commit && -e $directory/.git ]]; then
    commit=$(cat "$from/commit")
    if [[ -s $from/branch ]]; then branch=$(cat "$from/branch"); fi
    if [[ -n $branch && $(in_git rev-parse --verify --quiet "refs/heads/$branch") == "$commit" ]]; then
      check_out "$branch" --
    elif [[ $commit != "$(git_head)" ]]; then
      check_out --detach "$commit"
    fi
  fi
  while IFS=$'\t' read -r service id reference digest; do
    if [[ -z $(image_id "$id") ]]; then
      tell "Pulling the former image of $service again."
      reference_by_digest=$(repository_of "$reference")@$digest
      images_lock_to_pull
      # A cancel must reach it.
      timeout --foreground "${value[timeout]}" docker pull "$reference_by_digest" 2>&1 | redacted
      check_lock
      id=$(image_id "$reference_by_digest")
      keep_image "$id"
      free_images_lock
    fi
    if [[ $reference != *@* && $(image_id "$reference") != "$id" ]]; then docker tag "$id" "$reference"; fi
  done <"$from/images"
}

# `up` must not pull again: the proof is about what was pulled.
start_services() {
  local -a up_arguments=(-d --no-build)
  if [[ ${value[recreate]} == always && -z ${going_back:-} ]]; then up_arguments+=(--force-recreate); fi
  if [[ $compose_version == 2 ]] && "${compose[@]}" up --help 2>/dev/null | grep -q -- '--pull '; then up_arguments+=(--pull never); fi
  # Only the chosen ones: the images of what they depend on were not pulled.
  if ((${#chosen[@]} > 0)); then up_arguments+=(--no-deps); fi
  dc up "${up_arguments[@]}" "$@"
}

# Fills `services` and `wanted` with those services of a release (of the chosen ones) that can be started: a container may
# run on that the configuration has no service for any more.
choose_from_release() {
  local service id names
  names=$(dc config --services 2>"$work/compose-said") || fail "The former compose files cannot be used: $(last_of compose-said 2)"
  services=() wanted=()
  while IFS=$'\t' read -r service id _; do
    if ((${#chosen[@]} > 0)) && ! is_chosen "$service"; then continue; fi
    # v2 leaves out services of profiles unless they are named.
    if ! grep -qxF -- "$service" <<<"$names" && { ((compose_version == 1)) || ! dc config --quiet "$service" </dev/null 2>/dev/null; }; then
      tell "The configuration has no service $service: its container is left as it is."
      continue
    fi
    services+=("$service")
    wanted[$service]=$id
  done <"$1/images"
}

# Removes the containers of services that a release did not have.
remove_others_than() {
  local service id
  containers | while IFS='|' read -r service id _; do
    if ! cut -f 1 "$1/images" | grep -qxF -- "$service"; then docker rm --force "$id"; fi
  done
}

# After a failure: the former env file, commit and images, running again and proven.
take_back() {
  local going_back=yes
  find_compose
  phase 'going back to what ran before'
  put_back "$state/pending"
  if [[ ! -e $work/started && ! -e $work/half-way ]]; then return; fi
  if [[ ! -s $state/pending/images ]]; then
    tell 'Nothing ran here before: what was started is stopped, its logs stay.'
    dc stop || true
    fact nothing-before yes
    return
  fi
  check_lock
  remove_others_than "$state/pending"
  choose_from_release "$state/pending"
  # Without a name compose would start all services.
  if ((${#services[@]} > 0)); then
    with_words start_services "${services[@]}" || fail "docker compose up failed: $(last_words)"
    check_lock
    wait_until_well || fail "$(fact_of unwell)"
  fi
  tell 'What ran before runs again, with its former images.'
  running_images >"$work/after"
}

# The names of the former releases, oldest first.
release_names() {
  if [[ -d $state/releases ]]; then (cd "$state/releases" && find . -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' | sort); fi
}

newest_release() {
  local name
  name=$(release_names | tail -n 1)
  if [[ -n $name ]]; then printf '%s' "$state/releases/$name"; fi
}

# Where `operation: rollback` goes: to what ran before a deploy that was left half-way, or was not taken back; else to the
# newest former release.
release_to_go_back_to() {
  local noted=$state/pending
  if [[ -e $work/half-way && -s $noted/images && $(cat "$noted/operation" 2>/dev/null) == deploy ]]; then
    printf '%s' "$noted"
  else
    newest_release
  fi
}

# Remembers what ran before this deploy as the newest former release.
record_release() {
  local newest number
  mkdir -p "$state/releases"
  newest=$(newest_release)
  number=$((10#$(basename "${newest:-0}") + 1))
  if [[ -s $state/pending/images ]]; then mv "$state/pending" "$state/releases/$(printf %06d "$number")"; else rm -rf "$state/pending"; fi
}

forget_releases() {
  release_names | head -n "-${value[keep-releases]}" | while IFS= read -r old; do rm -rf "$state/releases/$old"; done
}

# ---- the story
in_directory() { cd "$directory" && "$@"; }

run_commands() {
  if [[ -z ${value[$1]} ]]; then return; fi
  phase "running the commands of $1"
  printf '%s\n' "${value[$1]}" >"$work/$1.bash"
  local files
  # compose in these commands means the same project.
  files=$(IFS=: && printf %s "${compose_files[*]-}")
  if [[ -n $files ]]; then export COMPOSE_FILE=$files; fi
  with_words in_directory bash -Eeuo pipefail "$work/$1.bash" || fail "The commands of \`$1\` failed with $?: $(last_words)"
  if [[ -n $files ]]; then unset COMPOSE_FILE; fi
}

deploy() {
  if [[ -e $work/cancelled ]]; then exit 1; fi
  find_tools
  # The directory of the project may not be there yet, the one above must.
  [[ -d $(dirname "$directory") ]] || fail "The directory $(dirname "$directory") does not exist on this host."
  mkdir -p "$state"
  take_lock
  note_before
  local former='' service reference
  if [[ ${value[operation]} == rollback ]]; then
    former=$(release_to_go_back_to)
    [[ -n $former ]] || fail "There is nothing earlier to go back to: no former release of $directory is known on this host."
    phase "putting back the release before the last deploy"
    while IFS=$'\t' read -r service _ reference _; do image_of[$service]=$reference; done <"$former/images"
    log_in
    fact files-changed yes
    put_back "$former"
    read_new_services
    choose_from_release "$former"
    ((${#services[@]} > 0)) || fail 'The former release had none of the chosen services.'
  else
    check_out_configuration
    [[ -d $directory ]] || fail "The directory $directory does not exist on this host."
    write_env_file
    read_new_services
    log_in
    check_disk
    pull_images
  fi
  fact before-begun yes
  run_commands before
  phase 'starting the services'
  fact started yes
  local -a starting=(${chosen[@]+"${chosen[@]}"})
  if [[ -n $former ]]; then
    starting=("${services[@]}")
    if ((${#chosen[@]} == 0)); then remove_others_than "$former"; fi
  fi
  with_words start_services ${starting[@]+"${starting[@]}"} || {
    gather_from_unwell
    fail "docker compose up failed: $(last_words)"
  }
  phase 'waiting until all is well'
  wait_until_well || fail "$(fact_of unwell)"
  run_commands after
  running_images >"$work/after"
  if [[ -e $directory/.git ]] && command -v git >/dev/null; then git_head >"$work/commit-after"; fi
  if [[ -n $former ]]; then
    fact status rolled-back
    fact former "$former"
  elif is_as_noted; then
    fact status unchanged
  else
    fact status deployed
  fi
  tell '✓ Proven: what runs is what was pulled, and it is well.'
}

# A part of its own, which no cancel stops: until it begins the way back is where it was.
keep_release() {
  if ! lock_renewed; then
    tell 'Another deploy has the lock by now: what it notes counts.'
    return
  fi
  case $(fact_of status) in
  deployed) record_release ;;
  rolled-back) rm -rf "$(fact_of former)" "$state/pending" ;;
  *) rm -rf "$state/pending" ;;
  esac
}

clean_up() {
  if ! holds_lock; then return; fi
  find_compose
  forget_releases
  if [[ ${value[prune]} != true ]]; then return; fi
  tell '• removing images that are not needed any more'
  prune_images
}
