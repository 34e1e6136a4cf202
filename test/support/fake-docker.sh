#!/bin/bash
# A docker with compose that only remembers: for what is not about containers. It keeps in the folder FAKE_DOCKER:
#   calls       what it was asked
#   image.TAG   the id of the image app:TAG; `pull` makes it. The tags bad* cannot be pulled, for full* the disk is too small
#   layer.ID    what an image takes of the disk
#   local       the ids of images that no registry has
#   container   what runs: id, image id, tag, time of its start. sick* has exited, ill* is not healthy
# FAKE_SERVICES is the number of services, FAKE_PULL and FAKE_UP how long these take (s), FAKE_PULL_TAG which tags take so
# long. FAKE_DEAF makes `up` take no notice of SIGTERM. FAKE_SAYS is what compose and the containers say.
# FAKE_TAG_FAILS is the tag that `docker tag` cannot set. FAKE_NEEDS_TAG makes compose refuse without TAG. FAKE_LAYER_KIB is
# what an image takes of the disk. FAKE_ORPHAN is a service whose container runs on although the configuration has dropped it.
# FAKE_LOST is what Docker says instead of what runs. FAKE_STATE is what it says
# of the containers: status, exit code, health, restarts, restart policy. FAKE_ROOT is the folder in which it says it has everything.
set -u
d=$FAKE_DOCKER
mkdir -p "$d"
printf '%s\n' "$*" >>"$d/calls"

services() { seq -f 'web%g' "${FAKE_SERVICES:-1}" | sed '1s/1$//'; }
# Refuses what the configuration does not have, as compose does.
must_have() {
  local name
  for name in "$@"; do
    if [[ $name != -* ]] && ! services | grep -qxF -- "$name"; then
      echo "no such service: $name" >&2
      exit 1
    fi
  done
}
made_id() { printf 'sha256:%s' "$(printf %s "$1" | sha256sum | cut -c 1-64)"; }
id_of() {
  case $1 in
  sha256:*) if grep -qsx -- "$1" "$d"/image.* "$d"/kept/*; then echo "$1"; fi ;;
  *) cat "$d/image.${1##*:}" 2>/dev/null ;;
  esac
}

if [[ $1 == compose ]]; then
  shift
  env_file=.env
  while [[ ${1-} == -* ]]; do
    if [[ $1 == --env-file ]]; then env_file=$2; fi
    shift 2
  done
  tag=$(sed -n 's/^TAG=//p' "$env_file" 2>/dev/null | tail -n 1)
  if [[ -z $tag && -n ${FAKE_NEEDS_TAG-} ]]; then
    echo 'required variable TAG is missing a value' >&2
    exit 1
  fi
  tag=${tag:-1}
  case ${1-} in
  config)
    shift
    must_have "$@"
    case "$*" in
    --services) services && exit ;;
    --quiet*) exit ;;
    esac
    echo 'services:'
    for name in $(services); do printf '  %s:\n    image: app:%s\n' "$name" "$tag"; done
    ;;
  ps) if [[ -e $d/container ]]; then for name in $(services) ${FAKE_ORPHAN-}; do echo "$name"; done; fi ;;
  up)
    if [[ $* == *--help* ]]; then exit 0; fi
    must_have "${@:2}"
    if [[ -n ${FAKE_DEAF-} ]]; then trap '' TERM; fi
    if [[ -n ${FAKE_SAYS-} ]]; then printf '%s\n' "$FAKE_SAYS" >&2; fi
    sleep "${FAKE_UP:-0}"
    image=$(id_of "$tag")
    if [[ -z $image ]]; then exit 1; fi
    if [[ $* == *--force-recreate* || $(cut -d ' ' -f 2,3 "$d/container" 2>/dev/null) != "$image $tag" ]]; then
      printf 'c%s %s %s %s\n' "$RANDOM$RANDOM" "$image" "$tag" "$(date -u -d '1 minute ago' +%Y-%m-%dT%H:%M:%SZ)" >"$d/container.part"
      mv "$d/container.part" "$d/container"
    fi
    ;;
  stop) rm -f "$d/container" ;;
  esac
  exit 0
fi

case "$1 ${2-}" in
'version '*) echo 20.10 ;;
'info '*) echo "${FAKE_ROOT:-$d}" ;;
'pull '*)
  tag=${*: -1}
  tag=${tag##*:}
  # shellcheck disable=SC2053 # a pattern
  if [[ $tag == ${FAKE_PULL_TAG:-*} ]]; then sleep "${FAKE_PULL:-0}"; fi
  if [[ $tag == bad* ]]; then
    echo "Error response from daemon: manifest for app:$tag not found: manifest unknown" >&2
    exit 1
  fi
  id=$(made_id "$tag")
  if [[ $tag == full* ]] || ! head -c "$((${FAKE_LAYER_KIB:-0} * 1024))" /dev/zero >"$d/layer.$id"; then
    rm -f "$d/layer.$id"
    echo 'failed to register layer: Error processing tar file(exit status 1): write /app/model.bin: no space left on device' >&2
    exit 1
  fi
  if [[ ! -e $d/image.$tag ]]; then echo "$id" >"$d/image.$tag"; fi
  echo "Status: Downloaded newer image for app:$tag"
  ;;
'image inspect')
  reference=${*: -1}
  id=$(id_of "$reference")
  if [[ -z $id ]]; then exit 1; fi
  case "$*" in
  *RepoDigests*) if ! grep -qsx -- "$id" "$d/local"; then echo "app@$id"; fi ;;
  *RepoTags*) grep -lsx -- "$id" "$d"/kept/* | sed 's|.*/|ssm-pull-deploy/|' ;;
  *Size*) echo 1000 ;;
  *) echo "$id" ;;
  esac
  ;;
'inspect '*)
  case "$*" in
  *com.docker.compose.service*)
    if [[ -v FAKE_LOST ]]; then
      if [[ -n $FAKE_LOST ]]; then echo "$FAKE_LOST" >&2; fi
      exit 1
    fi
    read -r id image tag started <"$d/container"
    state='running|0|-'
    case $tag in
    sick*) state='exited|1|-' ;;
    ill*) state='running|0|unhealthy' ;;
    esac
    for name in $(services); do
      echo "$name|$id$name|$image|app:$tag|${FAKE_STATE:-$state|0|no}|$started|False"
    done
    if [[ -n ${FAKE_ORPHAN-} ]]; then
      made_id dropped >"$d/image.dropped"
      echo "$FAKE_ORPHAN|o$FAKE_ORPHAN|$(made_id dropped)|app:dropped|running|0|-|0|no|$started|False"
    fi
    ;;
  *Image*) if [[ -e $d/container ]]; then cut -d ' ' -f 2 "$d/container"; fi ;;
  esac
  ;;
'tag '*)
  # a name that keeps an image
  if [[ $3 == ssm-pull-deploy/* ]]; then
    mkdir -p "$d/kept"
    echo "$2" >"$d/kept/${3#*/}"
  else
    if [[ $3 == *":${FAKE_TAG_FAILS-}" ]]; then exit 1; fi
    echo "$2" >"$d/image.${3##*:}"
  fi
  ;;
'images '*)
  name=${*: -1}
  cat "$d/kept/${name#*/}":* 2>/dev/null
  ;;
'rmi ssm-pull-deploy/'*) rm -f "$d/kept/${2#*/}" ;;
'rmi '*)
  for file in "$d"/image.* "$d"/kept/*; do
    if grep -qsx -- "${*: -1}" "$file"; then
      echo "Untagged: app:${file##*.}"
      rm -f "$file"
    fi
  done
  rm -f "$d/layer.${*: -1}"
  ;;
'ps '*) if [[ -e $d/container ]]; then cut -d ' ' -f 1 "$d/container"; fi ;;
'logs '*) printf '%s\n' "${FAKE_SAYS:-last words}" ;;
esac
exit 0
