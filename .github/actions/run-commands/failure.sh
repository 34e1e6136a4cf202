# shellcheck shell=bash
# Sourced by the scripts of these actions: how they say what failed.

# for the message of a workflow command (actions/toolkit, escapeData)
escaped() {
  local text=${1//%/%25}
  text=${text//$'\r'/%0D}
  printf '%s' "${text//$'\n'/%0A}"
}

# as a text of JSON
json_text() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# failure ACTION TEXT [RESOURCE]: an annotation, and the report record (packages/pipeline-report) by which the summary of the
# run says why.
failure() {
  local action=$1 text=$2 resource=${3:+,\"resource\":$(json_text "${3-}")} folder=$RUNNER_TEMP/deploy-reports now run
  TZ=UTC printf -v now '%(%Y-%m-%dT%H:%M:%SZ)T' -1
  run=$(printf '"repository":%s,"id":%s,"attempt":%s,"job":%s' "$(json_text "${GITHUB_REPOSITORY-}")" \
    "$(json_text "${GITHUB_RUN_ID-}")" "$(json_text "${GITHUB_RUN_ATTEMPT-}")" "$(json_text "${GITHUB_JOB-}")")
  mkdir -p "$folder"
  printf '{"schema":1,"action":"%s","status":"failed","verdict":%s,"startedAt":"%s","seconds":0,"run":{%s},"failures":[{"what":%s%s}]}\n' \
    "$action" "$(json_text "$text")" "$now" "$run" "$(json_text "$text")" "$resource" >"$folder/$action-$BASHPID-$RANDOM.json"
  printf '::error::%s\n' "$(escaped "$text")"
}
