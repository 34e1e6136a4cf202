
# ---- the env file of the project
# A value as compose reads it back byte for byte. Plain ones stay bare, most others go into single quotes; what is left
# needs double quotes, which compose v2 (compose-go/dotenv) and v1 (python-dotenv) read differently.
# shellcheck disable=SC2016 # the dollars are meant
env_quoted() {
  local text=$1 end=''
  if [[ $text =~ ^[A-Za-z0-9_./:@%+,=~^{}-]*$ ]]; then
    printf '%s' "$text"
  elif [[ $text != *[\'\\]* && $text != *'${'* ]]; then
    printf "'%s'" "$text"
  else
    if ((compose_version == 1)) && [[ $text == *\\ ]]; then
      # python-dotenv takes a backslash before the closing quote for one that belongs to the quote.
      text=${text%?} end='${:-\}'
    fi
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    if ((compose_version == 1)); then
      # No quotes keep python-dotenv from ${…}: a variable without a name, whose default is the dollar.
      text=${text//'${'/'${:-$}{'}
    else
      text=${text//\$/\\\$}
    fi
    printf '"%s"' "$text$end"
  fi
}

# Prints the env file with our keys set where they stood, new ones at the end, everything else as it was.
# Reads the names from the array `env_names` and the values from `env_values`.
env_file_with_ours() {
  local line key rest quote ours exported line_end=$'\n' written=$'\n'
  local -A done_keys=()
  while [[ -n $line_end ]]; do
    IFS= read -r line || line_end=''
    if [[ -z $line && -z $line_end ]]; then break; fi
    key='' quote='' ours=no
    if [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$ ]]; then
      exported=${BASH_REMATCH[1]:+export } key=${BASH_REMATCH[2]} rest=${BASH_REMATCH[3]} quote=${BASH_REMATCH[3]:0:1}
      if [[ -n ${env_values[$key]+set} ]]; then ours=yes; fi
    fi
    if [[ $ours == no ]]; then
      printf '%s%s' "$line" "$line_end"
      written=$line_end
    fi
    # A quoted value may go on over several lines, whosever it is.
    if [[ $quote == [\"\'] ]]; then
      rest=${rest:1}
      while [[ ${rest//\\?/} != *"$quote"* && -n $line_end ]]; do
        IFS= read -r rest || line_end=''
        if [[ $ours == no ]]; then
          printf '%s%s' "$rest" "$line_end"
          if [[ -n $rest$line_end ]]; then written=$line_end; fi
        fi
      done
    fi
    if [[ $ours == yes && -z ${done_keys[$key]+set} ]]; then
      printf '%s%s=%s\n' "$exported" "$key" "$(env_quoted "${env_values[$key]}")"
      done_keys[$key]=1
    fi
  done
  if [[ -z $written ]] && ((${#env_names[@]} > ${#done_keys[@]})); then printf '\n'; fi
  for key in ${env_names[@]+"${env_names[@]}"}; do
    if [[ -z ${done_keys[$key]+set} ]]; then printf '%s=%s\n' "$key" "$(env_quoted "${env_values[$key]}")"; fi
  done
}

# Puts standard input in the place of a file at once: whoever reads it sees the old or the new one. Mode and owner stay;
# a new file belongs to the owner of its folder.
replace_file() {
  local file=$1 next
  if [[ -L $file ]]; then file=$(readlink -f "$file"); fi
  next=$(mktemp "$(dirname "$file")/.$(basename "$file").XXXXXX")
  # Removed by the worker when this is cut off: it may hold secrets.
  fact next-file "$next"
  if [[ -e $file ]]; then
    cp -p "$file" "$next"
  else
    chown --reference="$(dirname "$file")" "$next" 2>/dev/null || true
  fi
  if ! cat >"$next" || ! sync "$next" || ! mv -f "$next" "$file"; then
    rm -f "$next"
    return 1
  fi
}

# The value of `ssm:/name`, `secretsmanager:id` or either with `#json-key`, read with this host's own role. An x at the end
# keeps the line breaks there.
secret_value() {
  local source=$1 key='' kind id answer
  kind=${source%%:*} id=${source#*:}
  if [[ $id == *'#'* ]]; then key=${id#*#} id=${id%%#*}; fi
  case $kind in
  ssm) answer=$(aws ssm get-parameter --name="$id" --with-decryption --output json) || return ;;
  secretsmanager) answer=$(aws secretsmanager get-secret-value --secret-id="$id" --output json) || return ;;
  esac
  printf %s "$answer" | python3 -c '
import base64, json, sys
answer = json.load(sys.stdin)
if "Parameter" in answer:
    value = answer["Parameter"]["Value"]
elif "SecretString" in answer:
    value = answer["SecretString"]
else:
    value = base64.b64decode(answer["SecretBinary"]).decode()
key = sys.argv[1]
if key:
    found = json.loads(value)
    if not isinstance(found, dict) or key not in found:
        sys.exit("the value has no key " + key)
    value = found[key] if isinstance(found[key], str) else json.dumps(found[key])
if "\0" in value:
    sys.exit("the value holds a NUL byte")
sys.stdout.buffer.write(value.encode() + b"x")
' "$key"
}

declare -a env_names=()
declare -A env_values=()
read_env_values() {
  local pair source text quoted
  for pair in ${env_pairs[@]+"${env_pairs[@]}"}; do
    env_names+=("${pair%%=*}")
    env_values[${pair%%=*}]=${pair#*=}
  done
  for pair in ${env_sources[@]+"${env_sources[@]}"}; do
    source=${pair#*=}
    if ! text=$(secret_value "$source" 2>"$work/aws-said"); then
      fail "The value of ${pair%%=*} could not be read from $source: $(last_of aws-said 1)"
    fi
    text=${text%x}
    hide "$text"
    # Also as it stands in the env file.
    quoted=$(env_quoted "$text")
    if [[ $quoted == \"*\" ]]; then hide "${quoted:1:-1}"; fi
    env_names+=("${pair%%=*}")
    env_values[${pair%%=*}]=$text
  done
}

# Hides what an env file of an earlier deploy has under the names that came from env-from: a former version may say it too.
hide_former() {
  local line text quote
  if [[ ! -s $state/secret-names || ! -f $1 || ! -r $1 ]]; then return; fi
  while IFS= read -r line || [[ -n $line ]]; do
    if ! [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$ ]]; then continue; fi
    text=${BASH_REMATCH[3]} quote=${BASH_REMATCH[3]:0:1}
    if ! grep -qxF -- "${BASH_REMATCH[2]}" "$state/secret-names"; then continue; fi
    if [[ $quote == [\"\'] ]]; then
      text=${text:1}
      while [[ ${text//\\?/} != *"$quote"* ]] && IFS= read -r line; do text+=$'\n'$line; done
      text=${text%"$quote"*}
    fi
    hide "$text"
    # As the containers get it.
    text=${text//\\\"/\"} text=${text//\\\$/\$}
    hide "${text//\\\\/\\}"
  done <"$1"
}

write_env_file() {
  if ((${#env_pairs[@]} + ${#env_sources[@]} == 0)); then return; fi
  phase 'writing the env file'
  read_env_values
  if ((${#env_sources[@]} > 0)); then
    printf '%s\n' "${env_sources[@]%%=*}" | sort -u - <(cat "$state/secret-names" 2>/dev/null) >"$work/secret-names"
    replace_file "$state/secret-names" <"$work/secret-names"
  fi
  local old=/dev/null
  if [[ -e $env_file ]]; then old=$env_file; fi
  env_file_with_ours <"$old" >"$work/env" || fail "The env file $env_file could not be read."
  if cmp -s "$old" "$work/env"; then return; fi
  fact files-changed yes
  if [[ ! -e $env_file ]]; then : >"$state/pending/no-env-file"; fi
  replace_file "$env_file" <"$work/env" || fail "The env file $env_file could not be written (is the disk full?)."
}
