#!/usr/bin/env bash
# Copies what the globs in RESULTS_JUNIT and RESULTS_COVERAGE find to `junit` and `coverage` beside the report records.
set -euo pipefail
shopt -s globstar nullglob

# collected FOLDER GLOBS: under names that cannot clash
collected() {
  local folder=$RUNNER_TEMP/deploy-reports/$1 glob file count=0 found IFS=
  while read -r glob || [[ -n $glob ]]; do
    glob=${glob%$'\r'}
    [[ ! $glob =~ ^[[:space:]]*(#|$) ]] || continue
    # Unquoted, so that the shell expands the glob; with IFS empty it splits nothing.
    # shellcheck disable=SC2206
    found=($glob)
    for file in "${found[@]}"; do
      [[ -f $file ]] || continue
      count=$((count + 1))
      mkdir -p "$folder"
      cp -- "$file" "$folder/$count-${file##*/}"
    done
  done <<<"$2"
}

collected junit "$RESULTS_JUNIT"
collected coverage "$RESULTS_COVERAGE"
