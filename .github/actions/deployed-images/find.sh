#!/usr/bin/env bash
# Of DEPLOYED_IMAGES, with DEPLOYED_DIGESTS beside them, those that lie in a repository of this account, as an output in JSON.
# DEPLOYED_ONLY leaves out what a delivery did not bring, e.g. a sidecar.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "${BASH_SOURCE[0]%/*}/../run-commands/failure.sh"
read -ra images <<<"$DEPLOYED_IMAGES"
read -ra digests <<<"$DEPLOYED_DIGESTS"
if ((${#digests[@]} > 0 && ${#images[@]} != ${#digests[@]})); then
  failure deployed-images 'It is not known of every container which image it runs, so none is tagged.'
  exit 1
fi

declare -A seen=()
entries=()
for index in "${!images[@]}"; do
  # Of another registry or account, e.g. a sidecar's: not ours to tag.
  [[ ${images[index]} =~ ^(ecr|ecr-public):([a-z0-9][a-z0-9._/-]*)([:@].*)?$ ]] || continue
  kind=${BASH_REMATCH[1]}
  name=${BASH_REMATCH[2]}
  # The reference of a public repository begins with its alias.
  if [[ $kind == ecr ]]; then repository=$name; else repository=${name#*/}; fi
  [[ -z $DEPLOYED_ONLY || " $DEPLOYED_ONLY " == *" $repository "* ]] || continue
  [[ -z ${seen[$kind:$name]-} ]] || continue
  seen[$kind:$name]=1
  if ((${#digests[@]} > 0)); then reference=$kind:$name@${digests[index]}; else reference=${images[index]}; fi
  if [[ $kind == ecr ]]; then
    entries+=("{\"name\":\"$name\",\"registry\":\"private\",\"reference\":\"$reference\"}")
  else
    entries+=("{\"name\":\"public.ecr.aws/$name\",\"registry\":\"public\",\"reference\":\"$reference\"}")
  fi
done
if ((${#entries[@]} > 10)); then
  failure deployed-images "${#entries[@]} images run now, and only 10 of them can be tagged. Set stable-tag to nothing."
  exit 1
fi
if ((${#entries[@]} > 0)); then
  IFS=,
  printf 'images=[%s]\n' "${entries[*]}" >>"$GITHUB_OUTPUT"
fi
