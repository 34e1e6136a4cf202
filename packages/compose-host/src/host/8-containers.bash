
# ---- containers
declare -a known_ids=()
container_ids() {
  if [[ ! -d $directory ]]; then return; fi
  if ((compose_version == 2)); then
    dc ps --all --quiet 2>/dev/null && return
  else
    ids_in_v1 && return
  fi
  # The configuration may be one that compose reads only once this deploy has brought a file or a value: then by the
  # folder that compose wrote on the containers.
  local folder
  folder=$(cd "$directory" && realpath -m "$(dirname "${compose_files[0]:-compose.yml}")")
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project.working_dir=$folder"
}

# v1 lists only the services of the file as it is now; the label of the project has all.
ids_in_v1() {
  local found project=''
  found=$(dc ps --quiet 2>/dev/null) || return 1
  if [[ -n $found ]]; then
    project=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "${found%%$'\n'*}" 2>/dev/null) || true
  fi
  # No container of these services: there may be some of others.
  [[ -n $project ]] || return 1
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project"
}

# Whether Docker said that something is gone, and nothing else.
GONE='no such (object|container)'
only_gone() { grep -qiE "$GONE" "$1" && ! grep -qviE "^[[:space:]]*$|$GONE" "$1"; }

# Prints the containers of this project (those of `known_ids`, when they are known), one a line: service, id, image id,
# image as named, status, exit code, health, restarts, restart policy, start.
containers() {
  local -a ids=(${known_ids[@]+"${known_ids[@]}"})
  if ((${#ids[@]} == 0)); then
    local found
    found=$(container_ids) || return 1
    if [[ -z $found ]]; then return; fi
    mapfile -t ids <<<"$found"
  fi
  local lines code=0
  # shellcheck disable=SC2016
  lines=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}|{{.ID}}|{{.Image}}|{{.Config.Image}}|{{.State.Status}}|{{.State.ExitCode}}|{{with .State.Health}}{{.Status}}{{else}}-{{end}}|{{.RestartCount}}|{{with .HostConfig.RestartPolicy}}{{or .Name "no"}}{{if .MaximumRetryCount}}:{{.MaximumRetryCount}}{{end}}{{end}}|{{.State.StartedAt}}|{{index .Config.Labels "com.docker.compose.oneoff"}}' "${ids[@]}" 2>"$work/inspect-said") || code=$?
  # A container may have gone meanwhile. Any other failure must not look as if nothing ran.
  if ((code != 0)) && ! only_gone "$work/inspect-said"; then
    cat "$work/inspect-said"
    return 1
  fi
  grep -i '|false$' <<<"$lines" | sort || true
}

# What runs now, as lines `service TAB image id TAB image as named TAB digest`. Leaves the containers in `listed`.
running_images() {
  local service id image reference
  containers >"$work/listed" || return 1
  while IFS='|' read -r service id image reference _; do
    printf '%s\t%s\t%s\t%s\n' "$service" "$image" "$reference" "$(image_digest "$image" "$reference")"
  done <"$work/listed" | sort -u
}

# How long a container without a health check must have run before it counts as there (s). Docker itself takes a start for
# successful after so long (Docker documentation, "Start containers automatically").
STEADY=10

# Looks at one container: prints nothing when all is well, `wait …` while it may still become well, `dead …` when not.
# Arguments: the fields of `containers`, and the image id that it shall have.
container_state() {
  local service=$1 image=$3 status=$5 exit_code=$6 health=$7 restarts=$8 policy=$9 started=${10} want=${11} age
  if [[ -n $want && $image != "$want" ]]; then
    printf 'dead %s runs another image than was pulled: %s instead of %s' "$service" "$(image_digest "$image" "$4")" "$(image_digest "$want" "$4")"
    return
  fi
  case $status in
  running)
    if [[ $health == healthy ]]; then return; fi
    if [[ $health != - ]]; then
      printf 'wait %s is %s' "$service" "$health"
      return
    fi
    age=$(($(date +%s) - $(date -d "$started" +%s)))
    if ((restarts >= 5 && age < 60)); then
      printf 'dead %s was restarted %d times; it exits soon after its start' "$service" "$restarts"
    elif ((age < STEADY && age < value[health-timeout] / 2)); then
      printf 'wait %s has just started' "$service"
    fi
    ;;
  exited | dead)
    # Docker restarts neither of these after a 0.
    if [[ $exit_code == 0 && ($policy == no || $policy == on-failure*) ]]; then return; fi
    if [[ $policy == no ]] || [[ $policy == on-failure:* && $restarts -ge ${policy#*:} ]]; then
      printf 'dead %s exited with %s' "$service" "$exit_code"
    else
      printf 'wait %s exited with %s' "$service" "$exit_code"
    fi
    ;;
  restarting)
    if ((restarts >= 5)); then
      printf 'dead %s was restarted %d times; it exits with %s soon after its start' "$service" "$restarts" "$exit_code"
    else
      printf 'wait %s exited with %s and is restarted' "$service" "$exit_code"
    fi
    ;;
  *) printf 'wait %s is %s' "$service" "$status" ;;
  esac
}

# The last words of the containers that are not well.
gather_evidence() {
  local service id line
  : >"$work/evidence"
  while IFS='|' read -r service id; do
    if [[ -z $id ]]; then continue; fi
    {
      # shellcheck disable=SC2016
      docker inspect --format '{{with .State.Health}}{{range .Log}}{{if .ExitCode}}{{println "health check:" .Output}}{{end}}{{end}}{{end}}' "$id" 2>/dev/null | grep -v '^[[:space:]]*$' | tail -n 2
      docker logs --tail 12 "$id" 2>&1
    } | redacted | while IFS= read -r line; do
      printf '%s | %s\n' "$service" "${line:0:300}" >>"$work/evidence"
    done || true
  done
  cat "$work/evidence"
}

# The last words of whatever is not well now: `up` gives up itself when a dependency does not become healthy.
gather_from_unwell() {
  local line bad=''
  local -a fields=()
  while IFS= read -r line; do
    IFS='|' read -r -a fields <<<"$line"
    if [[ -n $(container_state "${fields[@]:0:10}" '') ]]; then bad+="${fields[0]}|${fields[1]}"$'\n'; fi
  done < <(containers)
  gather_evidence <<<"${bad%$'\n'}" | sed 's/^/  /'
}

# Waits until every container that shall run has the image that it shall have, and is well; then asks the health URL.
# Uses the arrays `services` and `wanted`.
wait_until_well() {
  local until=$((SECONDS + value[health-timeout])) line state unwell dead bad service shown='' seen looks=0
  local -a fields=() known_ids=()
  while :; do
    # compose takes its time: it is asked now and then only.
    if ((looks++ % 10 == 0)); then mapfile -t known_ids < <(container_ids); fi
    unwell='' dead='' bad=''
    seen=' '
    while IFS= read -r line; do
      IFS='|' read -r -a fields <<<"$line"
      service=${fields[0]}
      if [[ -z ${wanted[$service]+set} ]]; then continue; fi
      seen+="$service "
      state=$(container_state "${fields[@]:0:10}" "${wanted[$service]}")
      if [[ -z $state ]]; then continue; fi
      bad+="$service|${fields[1]}"$'\n'
      if [[ $state == dead* ]]; then dead+="${dead:+; }${state#dead }"; fi
      unwell+="${unwell:+; }${state#* }"
    done < <(containers)
    for service in "${services[@]}"; do
      if [[ $seen != *" $service "* ]]; then unwell+="${unwell:+; }$service has no container" looks=0; fi
    done
    if [[ -z $unwell ]]; then
      if [[ -n ${going_back:-} && ! -e $work/health-url-before ]] || health_url_answers; then return 0; fi
      unwell="${value[health-url]} does not answer well: $(last_of health-said 2)"
    fi
    if [[ -n $dead ]] || ((SECONDS >= until)); then
      gather_evidence <<<"${bad%$'\n'}" | sed 's/^/  /'
      if [[ -z $dead ]]; then unwell="after ${value[health-timeout]} s: $unwell"; fi
      fact unwell "$(without_secrets "${dead:-$unwell}")"
      return 1
    fi
    if [[ $unwell != "$shown" ]]; then
      # Once as it is, and not again for every restart.
      if [[ -z $shown ]]; then tell "  $unwell"; fi
      shown=$unwell
    fi
    sleep 0.3
  done
}

# 2xx after redirects. The URL goes to curl on standard input: it may hold a password.
health_url_answers() {
  local url=${value[health-url]} escaped
  if [[ -z $url ]]; then return 0; fi
  if command -v curl >/dev/null; then
    escaped=${url//\\/\\\\}
    escaped=${escaped//\"/\\\"}
    curl --disable --globoff --fail --silent --show-error --location --max-time 5 --output /dev/null --config - <<<"url = \"$escaped\"" 2>"$work/health-said" && return 0
  elif command -v wget >/dev/null; then
    wget --no-config --no-verbose --timeout=5 --tries=1 --output-document=/dev/null --input-file=- <<<"$url" 2>"$work/health-said" && return 0
  else
    fail 'This host has neither curl nor wget to ask health-url.'
  fi
  return 1
}
