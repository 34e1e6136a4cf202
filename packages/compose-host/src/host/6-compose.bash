
# ---- docker compose, v2 as a plugin of docker, or v1 as docker-compose
declare -a compose=() compose_arguments=()
compose_version=2
find_tools() {
  local tool
  phase 'looking at the host'
  for tool in docker setsid flock realpath sha256sum; do
    command -v "$tool" >/dev/null || fail "This host has no $tool."
  done
  if ((${#env_sources[@]} > 0)) || [[ ${value[registry-login]} != none ]]; then
    for tool in aws python3; do
      command -v "$tool" >/dev/null || fail "This host has no $tool, which env-from and registry-login need (AWS CLI and Python 3)."
    done
  fi
  if [[ -n ${value[git-ref]}${value[git-repository]} ]]; then
    command -v git >/dev/null || fail 'This host has no git, which git-ref and git-repository need.'
  fi
  docker version --format '{{.Server.Version}}' >/dev/null || fail 'No Docker Engine answers on this host; is it running?'
  find_compose
}

find_compose() {
  local file
  # What `log_in` made, when this is a later part.
  if [[ -e $work/docker-config ]]; then DOCKER_CONFIG=$(fact_of docker-config) && export DOCKER_CONFIG; fi
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
    if [[ $(docker-compose version --short 2>/dev/null) == 1.* ]]; then compose_version=1; fi
  else
    fail 'This host has neither docker compose (v2) nor docker-compose (v1).'
  fi
  for file in ${compose_files[@]+"${compose_files[@]}"}; do compose_arguments+=(-f "$file"); done
}

# compose as the person on the host calls it in the directory, always with the env file of this project.
dc() {
  local -a env_argument=()
  if [[ -e $env_file ]]; then env_argument=(--env-file "$env_file"); fi
  (cd "$directory" && "${compose[@]}" ${compose_arguments[@]+"${compose_arguments[@]}"} ${env_argument[@]+"${env_argument[@]}"} "$@")
}

# Reads which image each service has, from the normalised configuration: two blanks before a service, four before its keys.
declare -a services=()
declare -A image_of=() platform_of=() pull_policy_of=()
read_services() {
  local line section='' service='' text absent=''
  services=() image_of=() platform_of=() pull_policy_of=()
  local -A profiled=() scaled_away=()
  local -a all=()
  dc config ${1+"$@"} >"$work/config" || return 1
  while IFS= read -r line; do
    if [[ $line =~ ^[A-Za-z] ]]; then section=${line%%:*} service=''; fi
    if [[ $section != services ]]; then continue; fi
    if [[ $line =~ ^\ \ ([^\ ].*):( \{\})?$ ]]; then
      service=$(unquoted "${BASH_REMATCH[1]}")
      all+=("$service")
    elif [[ $line =~ ^\ {4}(image|platform|pull_policy):\ (.+)$ ]]; then
      text=$(unquoted "${BASH_REMATCH[2]}")
      case ${BASH_REMATCH[1]} in
      image) image_of[$service]=$text ;;
      platform) platform_of[$service]=$text ;;
      pull_policy) pull_policy_of[$service]=$text ;;
      esac
    elif [[ $line == '    profiles:' ]]; then
      profiled[$service]=yes
    elif [[ $line == '      replicas: 0' || $line == '    scale: 0' ]]; then
      scaled_away[$service]=yes
    fi
  done <"$work/config"
  rm -f "$work/config"
  for service in ${all[@]+"${all[@]}"}; do
    if [[ -n ${scaled_away[$service]+set} ]]; then continue; fi
    if is_chosen "$service"; then
      services+=("$service")
    # v1 prints services of profiles that are not active as well; v2 only active ones.
    elif ((${#chosen[@]} == 0)) && [[ $compose_version == 2 || -z ${profiled[$service]+set} ]]; then
      services+=("$service")
    fi
  done
  for service in ${chosen[@]+"${chosen[@]}"}; do
    if [[ " ${all[*]} " != *" $service "* ]]; then absent+=" $service"; fi
  done
  if [[ -n $absent ]]; then
    fact absent "The configuration has no service$absent; it has: ${all[*]}."
    return 1
  fi
}

is_chosen() {
  local name
  for name in ${chosen[@]+"${chosen[@]}"}; do if [[ $name == "$1" ]]; then return 0; fi; done
  return 1
}

unquoted() {
  case $1 in
  \"*\" | \'*\') printf '%s' "${1:1:-1}" ;;
  *) printf '%s' "$1" ;;
  esac
}

read_new_services() {
  [[ -d $directory ]] || fail "The directory $directory does not exist on this host."
  # v2 leaves out services of profiles unless they are named.
  if ! { if ((compose_version == 2)); then read_services ${chosen[@]+"${chosen[@]}"}; else read_services; fi; } 2>"$work/compose-said"; then
    redacted <"$work/compose-said"
    local said
    said=$(fact_of absent)
    grep -v 'variable is not set' "$work/compose-said" >"$work/said" || true
    fail "The compose files cannot be used: ${said:-$(last_words)}"
  fi
  redacted <"$work/compose-said"
  ((${#services[@]} > 0)) || fail 'The compose files have no service to deploy.'
  local service
  for service in "${services[@]}"; do
    [[ -n ${image_of[$service]:-} ]] || fail "The service $service has no image; nothing is built on the host. Give it an image: in the compose file."
  done
}

# Logs in with the role of this host, into a folder that goes with this deploy.
log_in() {
  local kind=${value[registry-login]} region token host image
  if [[ $kind == none ]]; then return; fi
  phase "logging in to $kind"
  local -A hosts=()
  for image in "${image_of[@]}"; do
    host=${image%%/*}
    if [[ $kind == ecr && $host =~ ^[0-9]{12}\.dkr[.-]ecr(-fips)?\.([a-z0-9-]+)\. ]]; then hosts[$host]=${BASH_REMATCH[2]}; fi
    # The registry of a rehearsal is on this machine.
    if [[ $host =~ ^(127\.0\.0\.1|localhost):[0-9]+$ ]]; then hosts[$host]=$AWS_DEFAULT_REGION; fi
  done
  if [[ $kind == ecr-public ]]; then hosts[public.ecr.aws]=us-east-1; fi
  if ((${#hosts[@]} == 0)); then
    tell 'No image comes from ECR: no login.'
    return
  fi
  local before=${DOCKER_CONFIG:-$HOME/.docker}
  mkdir -p "$work/docker"
  if [[ -d $before/cli-plugins ]]; then ln -s "$before/cli-plugins" "$work/docker/cli-plugins"; fi
  if [[ -s $before/config.json ]]; then
    # A credential store would keep our password.
    python3 -c '
import json, sys
config = json.load(open(sys.argv[1]))
config.pop("credsStore", None)
json.dump(config, sys.stdout)
' "$before/config.json" >"$work/docker/config.json" || rm -f "$work/docker/config.json"
  fi
  export DOCKER_CONFIG=$work/docker
  fact docker-config "$DOCKER_CONFIG"
  for host in "${!hosts[@]}"; do
    region=${hosts[$host]}
    if [[ $kind == ecr ]]; then
      token=$(aws ecr get-authorization-token --region "$region" --query 'authorizationData[0].authorizationToken' --output text 2>"$work/aws-said") || login_failed "$kind"
    else
      token=$(aws ecr-public get-authorization-token --region us-east-1 --query authorizationData.authorizationToken --output text 2>"$work/aws-said") || login_failed "$kind"
    fi
    hide "$token"
    token=$(base64 -d <<<"$token")
    hide "${token#AWS:}"
    docker login --username AWS --password-stdin "$host" <<<"${token#AWS:}" >/dev/null 2>"$work/aws-said" || login_failed "$kind"
  done
}

login_failed() {
  fail "The login to $1 failed with the role of this host: $(last_of aws-said 1)"
}
