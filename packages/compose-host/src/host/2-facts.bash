
# ---- the inputs: name, value, name, value, …, each ended by a NUL byte
declare -A value=()
declare -a compose_files=() chosen=() env_pairs=() env_sources=()
while IFS= read -r -d '' name && IFS= read -r -d '' text; do
  case $name in
  compose-file) compose_files+=("$text") ;;
  service) chosen+=("$text") ;;
  env) env_pairs+=("$text") ;;
  env-from) env_sources+=("$text") ;;
  *) value[$name]=$text ;;
  esac
done <"$work/values"

# The agent's environment is bare: no HOME, a short PATH.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
if [[ -z ${HOME:-} ]]; then
  HOME=$(getent passwd "$(id -u)" | cut -d : -f 6 || true)
  HOME=${HOME:-/root}
fi
export PATH HOME
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-${AWS_REGION:-${value[region]}}}

directory=${value[directory]}
# Two names of one directory are one project.
if [[ -d $directory ]]; then directory=$(cd "$directory" && pwd -P); fi
# What must stay on this host: /opt/shop has it in /opt/.shop.deploy
state=$(dirname "$directory")/.$(basename "$directory").deploy
env_file=${value[env-file]}
if [[ $env_file != /* ]]; then env_file=$directory/$env_file; fi
# The images of this project carry this name too, so that no other clean-up takes them.
keep_name=ssm-pull-deploy/$(printf %s "$directory${COMPOSE_PROJECT_NAME:-}" | sha256sum | cut -c 1-12)

now() { TZ=UTC printf '%(%Y-%m-%dT%H:%M:%SZ)T' -1; }

# Says what happens: to the log of the host, and to whoever started this. A full disk is no reason to stop half-way.
tell() {
  local text
  text=$(without_secrets "$*")
  printf '%s\n' "$text" >>"$work/told" || true
  printf '%s %s\n' "$(now)" "$text" || true
}

# Ends the deploy with a reason; the first reason counts.
fail() {
  if [[ ! -s $work/reason ]]; then fact reason "$(without_secrets "$*")"; fi
  tell "✗ $*"
  exit 1
}

# On a full disk the reserve makes room: what happened must still be said.
fact() { printf '%s' "$2" >"$work/$1" || { rm "$work/reserve" && printf '%s' "$2" >"$work/$1"; }; }
fact_of() { if [[ -e $work/$1 ]]; then printf '%s' "$(<"$work/$1")"; fi; }

phase() {
  check_lock
  fact phase "$1"
  tell "• $1"
}

# Notes what failed without a word of ours; counts only when nothing else says why.
unforeseen() {
  local code=$? line=$1
  fact unforeseen "A command failed with $code in line $line of the program on the host, while $(fact_of phase)."
}

# Runs a command whose last words may be wanted: they go to the log and are kept.
with_words() { "$@" 2>&1 | redacted | tee "$work/said"; }
last_words() { last_of said 3; }
last_of() { grep -v '^[[:space:]]*$' "$work/$1" | tail -n "$2" | paste -s -d ' ' - | redacted | cut -c 1-600; }

# Takes the values behind env-from out of what passes. This goes line by line, so each line of a value is hidden.
hide() { printf '%s\n' "$1" >>"$work/hidden"; }
redacted() {
  local line secret
  local -a hidden=()
  # Long ones first: one may hold another.
  if [[ -e $work/hidden ]]; then mapfile -t hidden < <(awk 'length >= 4 { print length, $0 }' "$work/hidden" | sort -rn | cut -d ' ' -f 2-); fi
  while IFS= read -r line || [[ -n $line ]]; do
    for secret in ${hidden[@]+"${hidden[@]}"}; do line=${line//"$secret"/***}; done
    printf '%s\n' "$line"
  done
}
without_secrets() { redacted <<<"$1"; }

# A text as JSON.
json() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\r'/\\r}
  text=${text//$'\t'/\\t}
  printf '"%s"' "${text//[$'\001'-$'\037'$'\177']/?}"
}
