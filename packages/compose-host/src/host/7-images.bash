
# ---- images
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }

# A reference without its tag and digest; a colon before the last slash is a port.
repository_of() {
  local repository=${1%%@*}
  if [[ ${repository##*/} == *:* ]]; then repository=${repository%:*}; fi
  printf '%s' "$repository"
}

registry_names() { docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" 2>/dev/null | grep @ || true; }

# The digest by which the registry knows a local image; its id where no registry does (built here).
declare -A digest_cache=()
image_digest() {
  local id=$1 reference=$2 repository line found=''
  repository=$(repository_of "$reference")
  if [[ -n ${digest_cache[$id $reference]:-} ]]; then
    printf '%s' "${digest_cache[$id $reference]}"
    return
  fi
  while IFS= read -r line; do
    if [[ -z $found || ${line%@*} == "$repository" ]]; then found=${line#*@}; fi
  done < <(registry_names "$id")
  printf '%s' "${found:-$id}"
}

# Keeps an image from every clean-up but our own; also one that no registry has, whose only name a pull may take.
keep_image() { docker tag "$1" "$keep_name:$(short_id "$1")"; }
short_id() {
  local hex=${1#sha256:}
  printf '%s' "${hex:0:20}"
}

engine_root() {
  if [[ ! -e $work/engine-root ]]; then docker info --format '{{.DockerRootDir}}' >"$work/engine-root"; fi
  fact_of engine-root
}

free_kib() { df -Pk "$1" | awk 'NR == 2 { print $4 }'; }

# A pull that fills the disk takes more down than this project. What an image needs is not known before; a quarter of
# what its forerunners take is a cautious guess, because most layers stay.
check_disk() {
  local root free need=262144 image size sum=0
  phase 'checking the disk'
  root=$(engine_root)
  if [[ ! -d $root ]]; then return; fi
  for image in "${image_of[@]}"; do
    size=$(docker image inspect --format '{{.Size}}' "$image" 2>/dev/null || echo 0)
    sum=$((sum + size / 1024))
  done
  if ((sum / 4 > need)); then need=$((sum / 4)); fi
  free=$(free_kib "$root")
  if ((free < need)) && [[ ${value[prune]} == true ]]; then
    tell "$((free / 1024)) MiB are free under $root; removing former images first."
    prune_images
    free=$(free_kib "$root")
  fi
  if ((free < need)); then
    fail "The disk is too full to pull: $((free / 1024)) MiB are free under $root, at least $((need / 1024)) MiB are needed. Nothing was stopped."
  fi
  free=$(free_kib "$directory")
  ((free >= 1024)) || fail "The disk that holds $directory is full. Nothing was stopped."
}

pull_one() {
  local reference=$1 platform=$2 try said=$work/pulled.$3
  local -a platform_argument=()
  if [[ -n $platform ]]; then platform_argument=(--platform "$platform"); fi
  for try in 1 2 3; do
    if docker pull ${platform_argument[@]+"${platform_argument[@]}"} "$reference" >"$said" 2>&1; then
      redacted <"$said"
      return 0
    fi
    redacted <"$said"
    if ((try < 3)); then
      tell "Pull $try of 3 failed: $reference"
      sleep "$((try * try))"
    fi
  done
  printf '%s' "$(grep -v '^[[:space:]]*$' "$said" | tail -n 1 | cut -c 1-500)" >"$work/pull-failed.$3"
  return 1
}

# What was pulled has no name that keeps it yet, and several projects share an engine: nobody prunes while somebody pulls.
# The lock is on the docker command, which everybody who can run it can read; the engine's folder is root's alone. Anybody
# can hold it, so nobody waits for it without an end.
images_lock() {
  local docker_command
  docker_command=$(realpath "$(type -P docker)")
  if [[ -r $docker_command ]]; then exec 6<"$docker_command" && flock "$@" 6; fi
}
# For a pull, which cannot be left out.
images_lock_to_pull() {
  images_lock --shared --timeout 120 || tell 'Another project removes images for minutes already; pulling all the same.'
}
free_images_lock() { exec 6<&-; }

# Pulls every image of the services, some at a time, before anything stops. Fills `wanted`: service → image id.
declare -A wanted=()
pull_images() {
  local service reference number=0 pid id failed=''
  local -A pulling=()
  local -a pids=()
  phase 'pulling'
  images_lock_to_pull
  for service in "${services[@]}"; do
    reference=${image_of[$service]}
    case ${pull_policy_of[$service]:-} in never | build) continue ;; esac
    if [[ -n ${pulling[$reference]+set} ]]; then continue; fi
    pulling[$reference]=$number
    if ((${#pids[@]} >= 3)); then wait "${pids[${#pids[@]} - 3]}" || true; fi
    pull_one "$reference" "${platform_of[$service]:-}" "$number" &
    pids+=($!)
    number=$((number + 1))
  done
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" || true; done
  for reference in "${!pulling[@]}"; do
    if [[ -e $work/pull-failed.${pulling[$reference]} ]]; then
      failed+="${failed:+; }$reference: $(cat "$work/pull-failed.${pulling[$reference]}")"
    fi
  done
  if [[ -n $failed ]]; then
    if grep -qi 'no space left' <<<"$failed"; then fail "The disk ran full while pulling; nothing was stopped. $failed"; fi
    fail "Pulling failed three times; nothing was stopped. $failed"
  fi
  for service in "${services[@]}"; do
    reference=${image_of[$service]}
    id=$(image_id "$reference") || fail "The image $reference of $service is not on this host after the pull."
    wanted[$service]=$id
    keep_image "$id"
    tell "Pulled $service: $(image_digest "$id" "$reference")"
  done
  free_images_lock
}

# Removes the images of this project that neither run nor belong to a former release, and dangling ones.
prune_images() {
  local id release line names
  local -A keep=()
  local -a used=()
  if ! images_lock --exclusive --timeout 10; then
    tell 'Another project pulls images: the next deploy removes what is not needed any more.'
    return
  fi
  for release in "$state"/releases/*/images "$state"/pending/images; do
    if [[ -e $release ]]; then while IFS=$'\t' read -r _ line _; do keep[$line]=1; done <"$release"; fi
  done
  for id in ${wanted[@]+"${wanted[@]}"}; do keep[$id]=1; done
  mapfile -t used < <(docker ps --all --quiet --no-trunc)
  if ((${#used[@]} > 0)); then
    # A container may go while we look.
    while IFS= read -r id; do keep[$id]=1; done < <(docker inspect --format '{{.Image}}' "${used[@]}" 2>/dev/null || true)
  fi
  while IFS= read -r id; do
    if [[ -n ${keep[$id]+set} ]]; then continue; fi
    # What Docker says holds the names of images, and a name may be made of a secret of an earlier deploy.
    printf 'Not needed any more: %s\n' "$id"
    docker rmi "$keep_name:$(short_id "$id")" >/dev/null || true
    # Another directory may need the image for its way back; what no registry has cannot be had again.
    names=$(docker image inspect --format '{{range .RepoTags}}{{println .}}{{end}}' "$id" 2>/dev/null || true)
    if [[ $names != *ssm-pull-deploy/* && -n $(registry_names "$id") ]]; then docker rmi --force "$id" >/dev/null || true; fi
  done < <(docker images --quiet --no-trunc "$keep_name" | sort -u)
  docker image prune --force | grep '^Total' || true
  free_images_lock
}
