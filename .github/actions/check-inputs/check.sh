#!/usr/bin/env bash
# Fails with each line of CHECK_PROBLEMS, and where CHECK_DATABASES is not a list of 1 to 10 names.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "${BASH_SOURCE[0]%/*}/../run-commands/failure.sh"

wrong=0
refuse() {
  wrong=1
  failure check-inputs "$1"
}

while IFS= read -r line; do
  if [[ $line == *[![:space:]]* ]]; then refuse "$line"; fi
done <<<"$CHECK_PROBLEMS"

# toJSON gives each entry of a list a line of its own (actions/languageservices, data/index, "toJSON").
if [[ -n $CHECK_DATABASES ]]; then
  mapfile -t lines <<<"$CHECK_DATABASES"
  names=0
  others=0
  for line in "${lines[@]:1}"; do
    if [[ $line =~ ^'  "'.*[^[:space:]].*'"',?$ ]]; then names=$((names + 1)); elif [[ $line != ']' ]]; then others=$((others + 1)); fi
  done
  if [[ ${lines[0]} != '[' ]] || ((names == 0 || others > 0)); then
    refuse 'databases is not a JSON list of names, such as ["north", "south"].'
  elif ((names > 10)); then
    refuse 'databases: there are more than 10; call this workflow once for every 10.'
  fi
fi
exit "$wrong"
