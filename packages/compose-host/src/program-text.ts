// Made of the files in host/ by `node packages/compose-host/src/embed.ts`; change those.
export const START = `# What Systems Manager starts with sh (dash on Debian and Ubuntu): unpacks the program and its values, both made of
# letters only, and goes on in bash. The agent's folder for the command can be read by its users, this one cannot.
set -eu
umask 077
work=$(mktemp -d "\${TMPDIR:-/tmp}/ssm-pull-deploy.XXXXXX")
# For a failure up to here; \`exec\` at the end leaves the folder to the program.
trap 'rm -rf "$work"' EXIT
printf %s "\${program:?}" | base64 -d | gzip -dc >"$work/deploy.bash"
printf %s "\${values:?}" | base64 -d | gzip -dc >"$work/values"
command -v bash >/dev/null || { echo 'This host has no bash.' >&2; exit 1; }
exec bash "$work/deploy.bash" "$work"
`
export const PROGRAM = `#!/usr/bin/env bash
# Deploys a docker compose project on this host; sent by the action ssm-pull-deploy. The inputs are in the file \`values\`
# beside this program and are data only. On standard output comes one line of JSON, on standard error what happens.
# This file is the whole program. To follow it: the function \`deploy\` tells the story.
# shellcheck disable=SC2317 # functions are called by name, see \`part\`
set -Eeuo pipefail
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404)); then
  echo "This host has bash $BASH_VERSION; 4.4 is needed." >&2
  exit 1
fi
LC_ALL=C # strings are bytes here; not exported
umask 077
work=$1

# Starts the worker in a session of its own and shows what it says. When a command is cancelled or overdue the agent
# kills its process group with SIGKILL (amazon-ssm-agent, executers_unix.go): then the pipe \`alive\` closes, by which the
# worker notices, puts things right and frees the lock.
front() {
  local worker teller code=0 follow=$work/told
  # Freed when the disk is full, for the reason and the result.
  head -c 131072 /dev/zero >"$work/reserve" || echo 'The disk of the temporary folder is full.' >&2
  mkfifo "$work/alive"
  : >"$work/told"
  exec 9<>"$work/alive"
  setsid bash "$work/deploy.bash" "$work" worker $$ </dev/null >"$work/chatter" 2>&1 8<"$work/alive" 9>&- &
  worker=$!
  while [[ ! -e $work/ready ]] && kill -0 "$worker" 2>/dev/null; do sleep 0.02; done
  # With a log group everything is shown, else what a person needs: Systems Manager keeps 8,000 characters of it.
  local from=1
  if [[ -s $work/ready ]]; then { read -r from && read -r follow; } <"$work/ready"; fi
  tail -c "+$from" -s 0.1 --pid="$worker" -f "$follow" >&2 9>&- &
  teller=$!
  wait "$worker" || code=$?
  wait "$teller" || true
  if [[ -s $work/result ]]; then
    cat "$work/result"
  else
    tail -n 5 "$work/chatter" >&2
    printf '{"ssm-pull-deploy":1,"status":"failed","reason":"The program on the host ended with %d before it had a result."}\\n' "$code"
    if ((code == 0)); then code=1; fi
  fi
  rm -rf "$work" || true
  exit "$code"
}

if [[ \${2:-} != worker ]]; then front; fi

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
if [[ -z \${HOME:-} ]]; then
  HOME=$(getent passwd "$(id -u)" | cut -d : -f 6 || true)
  HOME=\${HOME:-/root}
fi
export PATH HOME
export AWS_DEFAULT_REGION=\${AWS_DEFAULT_REGION:-\${AWS_REGION:-\${value[region]}}}

directory=\${value[directory]}
# Two names of one directory are one project.
if [[ -d $directory ]]; then directory=$(cd "$directory" && pwd -P); fi
# What must stay on this host: /opt/shop has it in /opt/.shop.deploy
state=$(dirname "$directory")/.$(basename "$directory").deploy
env_file=\${value[env-file]}
if [[ $env_file != /* ]]; then env_file=$directory/$env_file; fi
# The images of this project carry this name too, so that no other clean-up takes them.
keep_name=ssm-pull-deploy/$(printf %s "$directory\${COMPOSE_PROJECT_NAME:-}" | sha256sum | cut -c 1-12)

now() { TZ=UTC printf '%(%Y-%m-%dT%H:%M:%SZ)T' -1; }

# Says what happens: to the log of the host, and to whoever started this. A full disk is no reason to stop half-way.
tell() {
  local text
  text=$(without_secrets "$*")
  printf '%s\\n' "$text" >>"$work/told" || true
  printf '%s %s\\n' "$(now)" "$text" || true
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
hide() { printf '%s\\n' "$1" >>"$work/hidden"; }
redacted() {
  local line secret
  local -a hidden=()
  # Long ones first: one may hold another.
  if [[ -e $work/hidden ]]; then mapfile -t hidden < <(awk 'length >= 4 { print length, $0 }' "$work/hidden" | sort -rn | cut -d ' ' -f 2-); fi
  while IFS= read -r line || [[ -n $line ]]; do
    for secret in \${hidden[@]+"\${hidden[@]}"}; do line=\${line//"$secret"/***}; done
    printf '%s\\n' "$line"
  done
}
without_secrets() { redacted <<<"$1"; }

# A text as JSON.
json() {
  local text=$1
  text=\${text//\\\\/\\\\\\\\}
  text=\${text//\\"/\\\\\\"}
  text=\${text//$'\\n'/\\\\n}
  text=\${text//$'\\r'/\\\\r}
  text=\${text//$'\\t'/\\\\t}
  printf '"%s"' "\${text//[$'\\001'-$'\\037'$'\\177']/?}"
}

# ---- one deploy at a time for this directory
# The lock is a file of lines: who holds it, until when (seconds since the epoch), which process of which boot.
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }
# When a process was started, in ticks since the boot; \`gone\` when it is not there, or only waits to be collected.
started_at() {
  local -a fields=()
  if { read -r -a fields <"/proc/$1/stat"; } 2>/dev/null && [[ \${fields[2]} != Z ]]; then
    printf '%s\\n' "\${fields[21]}"
  else
    echo gone
  fi
}

# Fills \`members\` with the processes of a group, but for its leader and zombies; starts none itself. In \`stat\` the state,
# the parent and the group follow the name, which may hold blanks.
declare -a members=()
find_members() {
  local file stat pid state group
  members=()
  for file in /proc/[0-9]*/stat; do
    pid=\${file//[!0-9]/}
    { read -r stat <"$file"; } 2>/dev/null || continue
    read -r state _ group _ <<<"\${stat##*) }"
    if [[ $group == "$1" && $pid != "$1" && $state != Z ]]; then members+=("$pid"); fi
  done
}

# Whether a process, or something of its group, is there. Arguments: its id, boot, start.
process_lives() {
  local start
  if [[ $2 != "$(boot_id)" ]]; then return 1; fi
  start=$(started_at "$1")
  if [[ $start == gone ]]; then
    find_members "$1"
    ((\${#members[@]} > 0))
  else
    # Else another process has its number now.
    [[ $start == "$3" ]]
  fi
}

# What a process is known by, in the words of \`process_lives\`, one a line; that of the worker is in \`own_process\`.
process() { printf '%s\\n' "$1" "$(boot_id)" "$(started_at "$1")"; }

# Folders of deploys that were killed or cut off by a restart hold secrets. Only our own: others can make some too. One
# is left over when neither its worker nor who reads the worker's result is there.
remove_left_work() {
  local folder
  local -a of=()
  for folder in "$(dirname "$work")"/ssm-pull-deploy.??????; do
    if [[ -L $folder || ! -d $folder || ! -O $folder || $folder == "$work" ]]; then continue; fi
    if [[ -e $folder/processes ]]; then
      mapfile -t of <"$folder/processes"
      if ((\${#of[@]} == 6)) && ! process_lives "\${of[@]:0:3}" && ! process_lives "\${of[@]:3}"; then
        if [[ -e $folder/next-file ]]; then rm -f "$(<"$folder/next-file")"; fi
        rm -rf "$folder"
      fi
    elif [[ -n $(find "$folder" -maxdepth 0 -mmin +60) ]]; then
      # Killed before it had begun.
      rm -rf "$folder"
    fi
  done
}

lock_line() { sed -n "\${1}p" "$state/lock" 2>/dev/null; }

# A lock is left over when its time is over, or when its process is not there any more.
lock_is_held() {
  [[ -s $state/lock ]] || return 1
  local until pid boot start
  until=$(lock_line 2) pid=$(lock_line 3) boot=$(lock_line 4) start=$(lock_line 5)
  [[ $until =~ ^[0-9]+$ ]] && (($(date +%s) < until)) || return 1
  if [[ -n $pid ]]; then process_lives "$pid" "$boot" "$start"; fi
}

# Takes the lock if nobody holds it. flock makes the look and the writing one step.
lock_taken() {
  (
    flock 7
    if lock_is_held; then exit 1; fi
    : >"$state/lock" || exit 2
    lock_text >"$state/lock" || exit 2
  ) 7>"$state/lock.guard"
}
lock_text() { printf '%s\\n' "\${value[holder]}" "$(($(date +%s) + value[timeout] + value[health-timeout] + 600))" "$own_process"; }

# The file decides, not what this deploy noted: it may have been cut off in between, or its time was over and somebody else
# has the lock now.
holds_lock() {
  local -a lock=()
  { mapfile -t lock <"$state/lock"; } 2>/dev/null || return 1
  [[ \${lock[2]:-}$'\\n'\${lock[3]:-}$'\\n'\${lock[4]:-} == "$own_process" ]]
}

take_lock() {
  local until=$((SECONDS + value[lock-timeout])) told='' holder code=0
  phase 'taking the lock'
  until lock_taken || code=$?; ((code == 0)); do
    if ((code != 1)); then fail "The lock $state/lock could not be written; is the disk full?"; fi
    code=0
    holder=$(lock_line 1)
    if ((SECONDS >= until)); then
      fact lock-holder "$holder"
      fail "Another deploy of this directory holds the lock: \${holder:-unknown}. Given up after \${value[lock-timeout]} s."
    fi
    if [[ $told != "$holder" ]]; then tell "Waiting for another deploy of this directory: $holder"; fi
    told=$holder
    sleep 0.5
  done
  fact locked yes
}

# A deploy that was held up for longer than its lock lasts (a machine that slept) leaves everything to the next one. Else
# the lock lasts from now again: a way back may take long too.
check_lock() {
  if [[ -e $work/locked ]] && ! lock_renewed; then
    fail "The lock of this directory ran out, and another deploy has it: $(lock_line 1)"
  fi
}

lock_renewed() {
  (
    flock 7
    holds_lock || exit 1
    # At once, for whoever reads it; on a full disk it stays as it was.
    if lock_text >"$state/lock.part"; then mv -f "$state/lock.part" "$state/lock"; else rm -f "$state/lock.part"; fi
    exit 0
  ) 7>"$state/lock.guard"
}

free_lock() {
  if [[ ! -e $state/lock ]]; then return; fi
  (
    flock 7
    if holds_lock; then rm -f "$state/lock"; fi
  ) 7>"$state/lock.guard"
}

# ---- the env file of the project
# A value as compose reads it back byte for byte. Plain ones stay bare, most others go into single quotes; what is left
# needs double quotes, which compose v2 (compose-go/dotenv) and v1 (python-dotenv) read differently.
# shellcheck disable=SC2016 # the dollars are meant
env_quoted() {
  local text=$1 end=''
  if [[ $text =~ ^[A-Za-z0-9_./:@%+,=~^{}-]*$ ]]; then
    printf '%s' "$text"
  elif [[ $text != *[\\'\\\\]* && $text != *'\${'* ]]; then
    printf "'%s'" "$text"
  else
    if ((compose_version == 1)) && [[ $text == *\\\\ ]]; then
      # python-dotenv takes a backslash before the closing quote for one that belongs to the quote.
      text=\${text%?} end='\${:-\\}'
    fi
    text=\${text//\\\\/\\\\\\\\}
    text=\${text//\\"/\\\\\\"}
    if ((compose_version == 1)); then
      # No quotes keep python-dotenv from \${…}: a variable without a name, whose default is the dollar.
      text=\${text//'\${'/'\${:-$}{'}
    else
      text=\${text//\\$/\\\\\\$}
    fi
    printf '"%s"' "$text$end"
  fi
}

# Prints the env file with our keys set where they stood, new ones at the end, everything else as it was.
# Reads the names from the array \`env_names\` and the values from \`env_values\`.
env_file_with_ours() {
  local line key rest quote ours exported line_end=$'\\n' written=$'\\n'
  local -A done_keys=()
  while [[ -n $line_end ]]; do
    IFS= read -r line || line_end=''
    if [[ -z $line && -z $line_end ]]; then break; fi
    key='' quote='' ours=no
    if [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$ ]]; then
      exported=\${BASH_REMATCH[1]:+export } key=\${BASH_REMATCH[2]} rest=\${BASH_REMATCH[3]} quote=\${BASH_REMATCH[3]:0:1}
      if [[ -n \${env_values[$key]+set} ]]; then ours=yes; fi
    fi
    if [[ $ours == no ]]; then
      printf '%s%s' "$line" "$line_end"
      written=$line_end
    fi
    # A quoted value may go on over several lines, whosever it is.
    if [[ $quote == [\\"\\'] ]]; then
      rest=\${rest:1}
      while [[ \${rest//\\\\?/} != *"$quote"* && -n $line_end ]]; do
        IFS= read -r rest || line_end=''
        if [[ $ours == no ]]; then
          printf '%s%s' "$rest" "$line_end"
          if [[ -n $rest$line_end ]]; then written=$line_end; fi
        fi
      done
    fi
    if [[ $ours == yes && -z \${done_keys[$key]+set} ]]; then
      printf '%s%s=%s\\n' "$exported" "$key" "$(env_quoted "\${env_values[$key]}")"
      done_keys[$key]=1
    fi
  done
  if [[ -z $written ]] && ((\${#env_names[@]} > \${#done_keys[@]})); then printf '\\n'; fi
  for key in \${env_names[@]+"\${env_names[@]}"}; do
    if [[ -z \${done_keys[$key]+set} ]]; then printf '%s=%s\\n' "$key" "$(env_quoted "\${env_values[$key]}")"; fi
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

# The value of \`ssm:/name\`, \`secretsmanager:id\` or either with \`#json-key\`, read with this host's own role. An x at the end
# keeps the line breaks there.
secret_value() {
  local source=$1 key='' kind id answer
  kind=\${source%%:*} id=\${source#*:}
  if [[ $id == *'#'* ]]; then key=\${id#*#} id=\${id%%#*}; fi
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
if "\\0" in value:
    sys.exit("the value holds a NUL byte")
sys.stdout.buffer.write(value.encode() + b"x")
' "$key"
}

declare -a env_names=()
declare -A env_values=()
read_env_values() {
  local pair source text quoted
  for pair in \${env_pairs[@]+"\${env_pairs[@]}"}; do
    env_names+=("\${pair%%=*}")
    env_values[\${pair%%=*}]=\${pair#*=}
  done
  for pair in \${env_sources[@]+"\${env_sources[@]}"}; do
    source=\${pair#*=}
    if ! text=$(secret_value "$source" 2>"$work/aws-said"); then
      fail "The value of \${pair%%=*} could not be read from $source: $(last_of aws-said 1)"
    fi
    text=\${text%x}
    hide "$text"
    # Also as it stands in the env file.
    quoted=$(env_quoted "$text")
    if [[ $quoted == \\"*\\" ]]; then hide "\${quoted:1:-1}"; fi
    env_names+=("\${pair%%=*}")
    env_values[\${pair%%=*}]=$text
  done
}

# Hides what an env file of an earlier deploy has under the names that came from env-from: a former version may say it too.
hide_former() {
  local line text quote
  if [[ ! -s $state/secret-names || ! -f $1 || ! -r $1 ]]; then return; fi
  while IFS= read -r line || [[ -n $line ]]; do
    if ! [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$ ]]; then continue; fi
    text=\${BASH_REMATCH[3]} quote=\${BASH_REMATCH[3]:0:1}
    if ! grep -qxF -- "\${BASH_REMATCH[2]}" "$state/secret-names"; then continue; fi
    if [[ $quote == [\\"\\'] ]]; then
      text=\${text:1}
      while [[ \${text//\\\\?/} != *"$quote"* ]] && IFS= read -r line; do text+=$'\\n'$line; done
      text=\${text%"$quote"*}
    fi
    hide "$text"
    # As the containers get it.
    text=\${text//\\\\\\"/\\"} text=\${text//\\\\\\$/\\$}
    hide "\${text//\\\\\\\\/\\\\}"
  done <"$1"
}

write_env_file() {
  if ((\${#env_pairs[@]} + \${#env_sources[@]} == 0)); then return; fi
  phase 'writing the env file'
  read_env_values
  if ((\${#env_sources[@]} > 0)); then
    printf '%s\\n' "\${env_sources[@]%%=*}" | sort -u - <(cat "$state/secret-names" 2>/dev/null) >"$work/secret-names"
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

# ---- configuration from git
# As the owner of the directory: git refuses the directory of another user, and new files shall belong to that one.
as_owner() {
  local uid gid home
  uid=$(stat -c %u "$1") gid=$(stat -c %g "$1")
  shift
  if [[ $uid == "$(id -u)" ]]; then
    "$@"
  else
    home=$(getent passwd "$uid" | cut -d : -f 6 || true)
    HOME=\${home:-/} setpriv --reuid="$uid" --regid="$gid" --init-groups "$@" 2>"$work/setpriv" && return
    # --init-groups needs a name for the number.
    HOME=\${home:-/} setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"
  fi
}

in_git() { as_owner "$directory" env GIT_TERMINAL_PROMPT=0 git -C "$directory" -c advice.detachedHead=false "$@"; }

git_head() { if [[ -d $directory/.git || -f $directory/.git ]]; then in_git rev-parse --verify --quiet HEAD || true; fi; }

# Files of git are no secrets, unlike ours.
check_out() { (umask 022 && in_git checkout "$@"); }

check_local_changes() {
  local changes
  changes=$(in_git status --porcelain --untracked-files=no -- . ":(exclude,top)$(realpath -m --relative-to="$directory" "$env_file")") ||
    fail "git status failed in $directory."
  if [[ -n $changes ]]; then
    fail "There are local changes in $directory; nothing was touched. Changed: $(head -n 5 <<<"$changes" | cut -c 4- | paste -s -d , -)"
  fi
}

# The commit of a branch, a tag or a commit id, as the remote has it.
fetched_commit() {
  local name commit
  for name in "tags/$1" "heads/$1" "\${1#refs/}"; do
    in_git rev-parse --verify --quiet "refs/ssm-pull-deploy/$name^{commit}" && return
  done
  [[ $1 =~ ^[0-9a-f]{4,64}$ ]] || return 1
  commit=$(in_git rev-parse --verify --quiet "$1^{commit}") && [[ $commit == "$1"* ]] && printf '%s' "$commit"
}

check_out_configuration() {
  local ref=\${value[git-ref]} repository=\${value[git-repository]} commit
  if [[ -z $ref && -z $repository ]]; then return; fi
  phase 'checking out the configuration'
  if [[ ! -e $directory ]]; then
    [[ -n $repository ]] || fail "The directory $directory does not exist, and no git-repository is given to clone it from."
    # On the same disk: a directory that is there is whole.
    rm -rf "$state/clone"
    with_words env GIT_TERMINAL_PROMPT=0 git clone -- "$repository" "$state/clone" || fail "git clone failed: $(last_words)"
    chown -R --reference="$(dirname "$directory")" "$state/clone"
    # The mode that git would have given it: our umask is for secrets.
    chmod -R u=rwX,go=rX "$state/clone"
    fact files-changed yes
    mv -T "$state/clone" "$directory"
    fact cloned yes
  fi
  [[ -e $directory/.git ]] || fail "$directory is no git repository, so git-ref cannot be checked out in it."
  if [[ ! -e $work/cloned ]]; then check_local_changes; fi
  if [[ -z $ref ]]; then return; fi
  local remote=\${repository:-origin}
  if in_git fetch --force --tags -- "$remote" "$ref"; then
    commit=$(in_git rev-parse --verify --quiet 'FETCH_HEAD^{commit}')
  else
    # A short commit id, or a server that gives no commit by its id: everything, then look. Only into what was fetched:
    # a branch or tag of this directory may be an old one.
    with_words in_git fetch --force --prune --no-tags -- "$remote" '+refs/heads/*:refs/ssm-pull-deploy/heads/*' '+refs/tags/*:refs/ssm-pull-deploy/tags/*' ||
      fail "git fetch from $remote failed: $(last_words)"
    commit=$(fetched_commit "$ref") || fail "There is no $ref in $remote."
  fi
  if [[ $commit != "$(git_head)" ]]; then
    fact files-changed yes
    with_words check_out --detach "$commit" || fail "git checkout of $ref failed: $(last_words)"
    fact commit-changed yes
  fi
}

# ---- docker compose, v2 as a plugin of docker, or v1 as docker-compose
declare -a compose=() compose_arguments=()
compose_version=2
find_tools() {
  local tool
  phase 'looking at the host'
  for tool in docker setsid flock realpath sha256sum; do
    command -v "$tool" >/dev/null || fail "This host has no $tool."
  done
  if ((\${#env_sources[@]} > 0)) || [[ \${value[registry-login]} != none ]]; then
    for tool in aws python3; do
      command -v "$tool" >/dev/null || fail "This host has no $tool, which env-from and registry-login need (AWS CLI and Python 3)."
    done
  fi
  if [[ -n \${value[git-ref]}\${value[git-repository]} ]]; then
    command -v git >/dev/null || fail 'This host has no git, which git-ref and git-repository need.'
  fi
  docker version --format '{{.Server.Version}}' >/dev/null || fail 'No Docker Engine answers on this host; is it running?'
  find_compose
}

find_compose() {
  local file
  # What \`log_in\` made, when this is a later part.
  if [[ -e $work/docker-config ]]; then DOCKER_CONFIG=$(fact_of docker-config) && export DOCKER_CONFIG; fi
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
    if [[ $(docker-compose version --short 2>/dev/null) == 1.* ]]; then compose_version=1; fi
  else
    fail 'This host has neither docker compose (v2) nor docker-compose (v1).'
  fi
  for file in \${compose_files[@]+"\${compose_files[@]}"}; do compose_arguments+=(-f "$file"); done
}

# compose as the person on the host calls it in the directory, always with the env file of this project.
dc() {
  local -a env_argument=()
  if [[ -e $env_file ]]; then env_argument=(--env-file "$env_file"); fi
  (cd "$directory" && "\${compose[@]}" \${compose_arguments[@]+"\${compose_arguments[@]}"} \${env_argument[@]+"\${env_argument[@]}"} "$@")
}

# Reads which image each service has, from the normalised configuration: two blanks before a service, four before its keys.
declare -a services=()
declare -A image_of=() platform_of=() pull_policy_of=()
read_services() {
  local line section='' service='' text absent=''
  services=() image_of=() platform_of=() pull_policy_of=()
  local -A profiled=() scaled_away=()
  local -a all=()
  dc config \${1+"$@"} >"$work/config" || return 1
  while IFS= read -r line; do
    if [[ $line =~ ^[A-Za-z] ]]; then section=\${line%%:*} service=''; fi
    if [[ $section != services ]]; then continue; fi
    if [[ $line =~ ^\\ \\ ([^\\ ].*):( \\{\\})?$ ]]; then
      service=$(unquoted "\${BASH_REMATCH[1]}")
      all+=("$service")
    elif [[ $line =~ ^\\ {4}(image|platform|pull_policy):\\ (.+)$ ]]; then
      text=$(unquoted "\${BASH_REMATCH[2]}")
      case \${BASH_REMATCH[1]} in
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
  for service in \${all[@]+"\${all[@]}"}; do
    if [[ -n \${scaled_away[$service]+set} ]]; then continue; fi
    if is_chosen "$service"; then
      services+=("$service")
    # v1 prints services of profiles that are not active as well; v2 only active ones.
    elif ((\${#chosen[@]} == 0)) && [[ $compose_version == 2 || -z \${profiled[$service]+set} ]]; then
      services+=("$service")
    fi
  done
  for service in \${chosen[@]+"\${chosen[@]}"}; do
    if [[ " \${all[*]} " != *" $service "* ]]; then absent+=" $service"; fi
  done
  if [[ -n $absent ]]; then
    fact absent "The configuration has no service$absent; it has: \${all[*]}."
    return 1
  fi
}

is_chosen() {
  local name
  for name in \${chosen[@]+"\${chosen[@]}"}; do if [[ $name == "$1" ]]; then return 0; fi; done
  return 1
}

unquoted() {
  case $1 in
  \\"*\\" | \\'*\\') printf '%s' "\${1:1:-1}" ;;
  *) printf '%s' "$1" ;;
  esac
}

read_new_services() {
  [[ -d $directory ]] || fail "The directory $directory does not exist on this host."
  # v2 leaves out services of profiles unless they are named.
  if ! { if ((compose_version == 2)); then read_services \${chosen[@]+"\${chosen[@]}"}; else read_services; fi; } 2>"$work/compose-said"; then
    redacted <"$work/compose-said"
    local said
    said=$(fact_of absent)
    grep -v 'variable is not set' "$work/compose-said" >"$work/said" || true
    fail "The compose files cannot be used: \${said:-$(last_words)}"
  fi
  redacted <"$work/compose-said"
  ((\${#services[@]} > 0)) || fail 'The compose files have no service to deploy.'
  local service
  for service in "\${services[@]}"; do
    [[ -n \${image_of[$service]:-} ]] || fail "The service $service has no image; nothing is built on the host. Give it an image: in the compose file."
  done
}

# Logs in with the role of this host, into a folder that goes with this deploy.
log_in() {
  local kind=\${value[registry-login]} region token host image
  if [[ $kind == none ]]; then return; fi
  phase "logging in to $kind"
  local -A hosts=()
  for image in "\${image_of[@]}"; do
    host=\${image%%/*}
    if [[ $kind == ecr && $host =~ ^[0-9]{12}\\.dkr[.-]ecr(-fips)?\\.([a-z0-9-]+)\\. ]]; then hosts[$host]=\${BASH_REMATCH[2]}; fi
    # The registry of a rehearsal is on this machine.
    if [[ $host =~ ^(127\\.0\\.0\\.1|localhost):[0-9]+$ ]]; then hosts[$host]=$AWS_DEFAULT_REGION; fi
  done
  if [[ $kind == ecr-public ]]; then hosts[public.ecr.aws]=us-east-1; fi
  if ((\${#hosts[@]} == 0)); then
    tell 'No image comes from ECR: no login.'
    return
  fi
  local before=\${DOCKER_CONFIG:-$HOME/.docker}
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
  for host in "\${!hosts[@]}"; do
    region=\${hosts[$host]}
    if [[ $kind == ecr ]]; then
      token=$(aws ecr get-authorization-token --region "$region" --query 'authorizationData[0].authorizationToken' --output text 2>"$work/aws-said") || login_failed "$kind"
    else
      token=$(aws ecr-public get-authorization-token --region us-east-1 --query authorizationData.authorizationToken --output text 2>"$work/aws-said") || login_failed "$kind"
    fi
    hide "$token"
    token=$(base64 -d <<<"$token")
    hide "\${token#AWS:}"
    docker login --username AWS --password-stdin "$host" <<<"\${token#AWS:}" >/dev/null 2>"$work/aws-said" || login_failed "$kind"
  done
}

login_failed() {
  fail "The login to $1 failed with the role of this host: $(last_of aws-said 1)"
}

# ---- images
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }

# A reference without its tag and digest; a colon before the last slash is a port.
repository_of() {
  local repository=\${1%%@*}
  if [[ \${repository##*/} == *:* ]]; then repository=\${repository%:*}; fi
  printf '%s' "$repository"
}

registry_names() { docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" 2>/dev/null | grep @ || true; }

# The digest by which the registry knows a local image; its id where no registry does (built here).
declare -A digest_cache=()
image_digest() {
  local id=$1 reference=$2 repository line found=''
  repository=$(repository_of "$reference")
  if [[ -n \${digest_cache[$id $reference]:-} ]]; then
    printf '%s' "\${digest_cache[$id $reference]}"
    return
  fi
  while IFS= read -r line; do
    if [[ -z $found || \${line%@*} == "$repository" ]]; then found=\${line#*@}; fi
  done < <(registry_names "$id")
  printf '%s' "\${found:-$id}"
}

# Keeps an image from every clean-up but our own; also one that no registry has, whose only name a pull may take.
keep_image() { docker tag "$1" "$keep_name:$(short_id "$1")"; }
short_id() {
  local hex=\${1#sha256:}
  printf '%s' "\${hex:0:20}"
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
  for image in "\${image_of[@]}"; do
    size=$(docker image inspect --format '{{.Size}}' "$image" 2>/dev/null || echo 0)
    sum=$((sum + size / 1024))
  done
  if ((sum / 4 > need)); then need=$((sum / 4)); fi
  free=$(free_kib "$root")
  if ((free < need)) && [[ \${value[prune]} == true ]]; then
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
    if docker pull \${platform_argument[@]+"\${platform_argument[@]}"} "$reference" >"$said" 2>&1; then
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

# Pulls every image of the services, some at a time, before anything stops. Fills \`wanted\`: service → image id.
declare -A wanted=()
pull_images() {
  local service reference number=0 pid id failed=''
  local -A pulling=()
  local -a pids=()
  phase 'pulling'
  images_lock_to_pull
  for service in "\${services[@]}"; do
    reference=\${image_of[$service]}
    case \${pull_policy_of[$service]:-} in never | build) continue ;; esac
    if [[ -n \${pulling[$reference]+set} ]]; then continue; fi
    pulling[$reference]=$number
    if ((\${#pids[@]} >= 3)); then wait "\${pids[\${#pids[@]} - 3]}" || true; fi
    pull_one "$reference" "\${platform_of[$service]:-}" "$number" &
    pids+=($!)
    number=$((number + 1))
  done
  for pid in \${pids[@]+"\${pids[@]}"}; do wait "$pid" || true; done
  for reference in "\${!pulling[@]}"; do
    if [[ -e $work/pull-failed.\${pulling[$reference]} ]]; then
      failed+="\${failed:+; }$reference: $(cat "$work/pull-failed.\${pulling[$reference]}")"
    fi
  done
  if [[ -n $failed ]]; then
    if grep -qi 'no space left' <<<"$failed"; then fail "The disk ran full while pulling; nothing was stopped. $failed"; fi
    fail "Pulling failed three times; nothing was stopped. $failed"
  fi
  for service in "\${services[@]}"; do
    reference=\${image_of[$service]}
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
    if [[ -e $release ]]; then while IFS=$'\\t' read -r _ line _; do keep[$line]=1; done <"$release"; fi
  done
  for id in \${wanted[@]+"\${wanted[@]}"}; do keep[$id]=1; done
  mapfile -t used < <(docker ps --all --quiet --no-trunc)
  if ((\${#used[@]} > 0)); then
    # A container may go while we look.
    while IFS= read -r id; do keep[$id]=1; done < <(docker inspect --format '{{.Image}}' "\${used[@]}" 2>/dev/null || true)
  fi
  while IFS= read -r id; do
    if [[ -n \${keep[$id]+set} ]]; then continue; fi
    # What Docker says holds the names of images, and a name may be made of a secret of an earlier deploy.
    printf 'Not needed any more: %s\\n' "$id"
    docker rmi "$keep_name:$(short_id "$id")" >/dev/null || true
    # Another directory may need the image for its way back; what no registry has cannot be had again.
    names=$(docker image inspect --format '{{range .RepoTags}}{{println .}}{{end}}' "$id" 2>/dev/null || true)
    if [[ $names != *ssm-pull-deploy/* && -n $(registry_names "$id") ]]; then docker rmi --force "$id" >/dev/null || true; fi
  done < <(docker images --quiet --no-trunc "$keep_name" | sort -u)
  docker image prune --force | grep '^Total' || true
  free_images_lock
}

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
  folder=$(cd "$directory" && realpath -m "$(dirname "\${compose_files[0]:-compose.yml}")")
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project.working_dir=$folder"
}

# v1 lists only the services of the file as it is now; the label of the project has all.
ids_in_v1() {
  local found project=''
  found=$(dc ps --quiet 2>/dev/null) || return 1
  if [[ -n $found ]]; then
    project=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "\${found%%$'\\n'*}" 2>/dev/null) || true
  fi
  # No container of these services: there may be some of others.
  [[ -n $project ]] || return 1
  docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project"
}

# Whether Docker said that something is gone, and nothing else.
GONE='no such (object|container)'
only_gone() { grep -qiE "$GONE" "$1" && ! grep -qviE "^[[:space:]]*$|$GONE" "$1"; }

# Prints the containers of this project (those of \`known_ids\`, when they are known), one a line: service, id, image id,
# image as named, status, exit code, health, restarts, restart policy, start.
containers() {
  local -a ids=(\${known_ids[@]+"\${known_ids[@]}"})
  if ((\${#ids[@]} == 0)); then
    local found
    found=$(container_ids) || return 1
    if [[ -z $found ]]; then return; fi
    mapfile -t ids <<<"$found"
  fi
  local lines code=0
  # shellcheck disable=SC2016
  lines=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}|{{.ID}}|{{.Image}}|{{.Config.Image}}|{{.State.Status}}|{{.State.ExitCode}}|{{with .State.Health}}{{.Status}}{{else}}-{{end}}|{{.RestartCount}}|{{with .HostConfig.RestartPolicy}}{{or .Name "no"}}{{if .MaximumRetryCount}}:{{.MaximumRetryCount}}{{end}}{{end}}|{{.State.StartedAt}}|{{index .Config.Labels "com.docker.compose.oneoff"}}' "\${ids[@]}" 2>"$work/inspect-said") || code=$?
  # A container may have gone meanwhile. Any other failure must not look as if nothing ran.
  if ((code != 0)) && ! only_gone "$work/inspect-said"; then
    cat "$work/inspect-said"
    return 1
  fi
  grep -i '|false$' <<<"$lines" | sort || true
}

# What runs now, as lines \`service TAB image id TAB image as named TAB digest\`. Leaves the containers in \`listed\`.
running_images() {
  local service id image reference
  containers >"$work/listed" || return 1
  while IFS='|' read -r service id image reference _; do
    printf '%s\\t%s\\t%s\\t%s\\n' "$service" "$image" "$reference" "$(image_digest "$image" "$reference")"
  done <"$work/listed" | sort -u
}

# How long a container without a health check must have run before it counts as there (s). Docker itself takes a start for
# successful after so long (Docker documentation, "Start containers automatically").
STEADY=10

# Looks at one container: prints nothing when all is well, \`wait …\` while it may still become well, \`dead …\` when not.
# Arguments: the fields of \`containers\`, and the image id that it shall have.
container_state() {
  local service=$1 image=$3 status=$5 exit_code=$6 health=$7 restarts=$8 policy=$9 started=\${10} want=\${11} age
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
    if [[ $policy == no ]] || [[ $policy == on-failure:* && $restarts -ge \${policy#*:} ]]; then
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
      printf '%s | %s\\n' "$service" "\${line:0:300}" >>"$work/evidence"
    done || true
  done
  cat "$work/evidence"
}

# The last words of whatever is not well now: \`up\` gives up itself when a dependency does not become healthy.
gather_from_unwell() {
  local line bad=''
  local -a fields=()
  while IFS= read -r line; do
    IFS='|' read -r -a fields <<<"$line"
    if [[ -n $(container_state "\${fields[@]:0:10}" '') ]]; then bad+="\${fields[0]}|\${fields[1]}"$'\\n'; fi
  done < <(containers)
  gather_evidence <<<"\${bad%$'\\n'}" | sed 's/^/  /'
}

# Waits until every container that shall run has the image that it shall have, and is well; then asks the health URL.
# Uses the arrays \`services\` and \`wanted\`.
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
      service=\${fields[0]}
      if [[ -z \${wanted[$service]+set} ]]; then continue; fi
      seen+="$service "
      state=$(container_state "\${fields[@]:0:10}" "\${wanted[$service]}")
      if [[ -z $state ]]; then continue; fi
      bad+="$service|\${fields[1]}"$'\\n'
      if [[ $state == dead* ]]; then dead+="\${dead:+; }\${state#dead }"; fi
      unwell+="\${unwell:+; }\${state#* }"
    done < <(containers)
    for service in "\${services[@]}"; do
      if [[ $seen != *" $service "* ]]; then unwell+="\${unwell:+; }$service has no container" looks=0; fi
    done
    if [[ -z $unwell ]]; then
      if [[ -n \${going_back:-} && ! -e $work/health-url-before ]] || health_url_answers; then return 0; fi
      unwell="\${value[health-url]} does not answer well: $(last_of health-said 2)"
    fi
    if [[ -n $dead ]] || ((SECONDS >= until)); then
      gather_evidence <<<"\${bad%$'\\n'}" | sed 's/^/  /'
      if [[ -z $dead ]]; then unwell="after \${value[health-timeout]} s: $unwell"; fi
      fact unwell "$(without_secrets "\${dead:-$unwell}")"
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
  local url=\${value[health-url]} escaped
  if [[ -z $url ]]; then return 0; fi
  if command -v curl >/dev/null; then
    escaped=\${url//\\\\/\\\\\\\\}
    escaped=\${escaped//\\"/\\\\\\"}
    curl --disable --globoff --fail --silent --show-error --location --max-time 5 --output /dev/null --config - <<<"url = \\"$escaped\\"" 2>"$work/health-said" && return 0
  elif command -v wget >/dev/null; then
    wget --no-config --no-verbose --timeout=5 --tries=1 --output-document=/dev/null --input-file=- <<<"$url" 2>"$work/health-said" && return 0
  else
    fail 'This host has neither curl nor wget to ask health-url.'
  fi
  return 1
}

# ---- what was before, and the way back
# Notes what is there before anything changes: env file, commit, images. What a deploy that died half-way left behind is not
# a state to go back to: then what it noted counts.
note_before() {
  local into=$state/pending
  phase 'noting what runs'
  if [[ -e $into/complete ]]; then
    fact half-way yes
    tell 'The last deploy here ended half-way, or was not taken back; what ran before it counts as the former version.'
  else
    fact notes ours
    rm -rf "$into"
    mkdir -p "$into"
    if [[ -e $env_file ]]; then cp -p "$env_file" "$into/env"; fi
    if [[ -d $directory ]] && command -v git >/dev/null && [[ -n $(git_head) ]]; then
      git_head >"$into/commit"
      in_git symbolic-ref --quiet --short HEAD >"$into/branch" || true
    fi
  fi
  hide_former "$env_file"
  hide_former "$into/env"
  running_images >"$work/running" || fail 'What runs here could not be read from Docker.'
  if [[ ! -e $work/half-way ]]; then
    cp "$work/running" "$into/images"
    cut -d '|' -f 1,2 "$work/listed" >"$into/containers"
    printf '%s\\n' "\${value[operation]}" >"$into/operation"
    # A power cut must not leave the mark without what it stands for.
    sync "$into"/*
    : >"$into/complete"
  fi
  cp "$into/images" "$work/before"
  if [[ -s $into/commit ]]; then cp "$into/commit" "$work/commit-before"; fi
  while IFS=$'\\t' read -r _ id _; do keep_image "$id" || true; done <"$into/images"
  states_of "$work/listed" >"$work/states-before"
  # Only what it answered before can be asked of the former version.
  if [[ -n \${value[health-url]} && -s $work/running ]] && health_url_answers; then fact health-url-before yes; fi
}

# What matters of containers when nothing was to touch them: service, id, image, whether it runs.
states_of() { awk -F '|' '{ print $1, $2, $3, ($5 == "restarting" ? "running" : $5) }' "$1"; }

# The commands of \`before\` may have stopped or replaced what ran.
look_for_touched() {
  find_compose
  containers >"$work/listed"
  if ! states_of "$work/listed" | cmp -s - "$work/states-before"; then fact started yes; fi
}

# Whether env file, commit and containers are as this deploy found them, or as one did that was left half-way.
is_as_noted() {
  local noted=$state/pending
  if [[ -e $noted/env || -e $env_file ]] && ! cmp -s "$noted/env" "$env_file"; then return 1; fi
  if [[ -e $directory/.git ]] && command -v git >/dev/null && [[ $(git_head) != "$(cat "$noted/commit" 2>/dev/null)" ]]; then return 1; fi
  cut -d '|' -f 1,2 "$work/listed" | cmp -s - "$noted/containers"
}

# Puts an env file, a commit and images back from the folder of a release.
put_back() {
  local from=$1 service id reference digest reference_by_digest commit branch=''
  check_lock
  hide_former "$from/env"
  if [[ -e $from/env ]]; then
    if ! cmp -s "$from/env" "$env_file"; then
      cp -p "$from/env" "$work/env-back"
      replace_file "$env_file" <"$work/env-back"
      chown --reference="$from/env" "$env_file"
      chmod --reference="$from/env" "$env_file"
    fi
  elif [[ -e $from/no-env-file ]]; then
    rm -f "$env_file"
  fi
  if [[ -s $from/commit && -e $directory/.git ]]; then
    commit=$(cat "$from/commit")
    if [[ -s $from/branch ]]; then branch=$(cat "$from/branch"); fi
    if [[ -n $branch && $(in_git rev-parse --verify --quiet "refs/heads/$branch") == "$commit" ]]; then
      check_out "$branch" --
    elif [[ $commit != "$(git_head)" ]]; then
      check_out --detach "$commit"
    fi
  fi
  while IFS=$'\\t' read -r service id reference digest; do
    if [[ -z $(image_id "$id") ]]; then
      tell "Pulling the former image of $service again."
      reference_by_digest=$(repository_of "$reference")@$digest
      images_lock_to_pull
      # A cancel must reach it.
      timeout --foreground "\${value[timeout]}" docker pull "$reference_by_digest" 2>&1 | redacted
      check_lock
      id=$(image_id "$reference_by_digest")
      keep_image "$id"
      free_images_lock
    fi
    if [[ $reference != *@* && $(image_id "$reference") != "$id" ]]; then docker tag "$id" "$reference"; fi
  done <"$from/images"
}

# \`up\` must not pull again: the proof is about what was pulled.
start_services() {
  local -a up_arguments=(-d --no-build)
  if [[ \${value[recreate]} == always && -z \${going_back:-} ]]; then up_arguments+=(--force-recreate); fi
  if [[ $compose_version == 2 ]] && "\${compose[@]}" up --help 2>/dev/null | grep -q -- '--pull '; then up_arguments+=(--pull never); fi
  # Only the chosen ones: the images of what they depend on were not pulled.
  if ((\${#chosen[@]} > 0)); then up_arguments+=(--no-deps); fi
  dc up "\${up_arguments[@]}" "$@"
}

# Fills \`services\` and \`wanted\` with those services of a release (of the chosen ones) that can be started: a container may
# run on that the configuration has no service for any more.
choose_from_release() {
  local service id names
  names=$(dc config --services 2>"$work/compose-said") || fail "The former compose files cannot be used: $(last_of compose-said 2)"
  services=() wanted=()
  while IFS=$'\\t' read -r service id _; do
    if ((\${#chosen[@]} > 0)) && ! is_chosen "$service"; then continue; fi
    # v2 leaves out services of profiles unless they are named.
    if ! grep -qxF -- "$service" <<<"$names" && { ((compose_version == 1)) || ! dc config --quiet "$service" </dev/null 2>/dev/null; }; then
      tell "The configuration has no service $service: its container is left as it is."
      continue
    fi
    services+=("$service")
    wanted[$service]=$id
  done <"$1/images"
}

# Removes the containers of services that a release did not have.
remove_others_than() {
  local service id
  containers | while IFS='|' read -r service id _; do
    if ! cut -f 1 "$1/images" | grep -qxF -- "$service"; then docker rm --force "$id"; fi
  done
}

# After a failure: the former env file, commit and images, running again and proven.
take_back() {
  local going_back=yes
  find_compose
  phase 'going back to what ran before'
  put_back "$state/pending"
  if [[ ! -e $work/started && ! -e $work/half-way ]]; then return; fi
  if [[ ! -s $state/pending/images ]]; then
    tell 'Nothing ran here before: what was started is stopped, its logs stay.'
    dc stop || true
    fact nothing-before yes
    return
  fi
  check_lock
  remove_others_than "$state/pending"
  choose_from_release "$state/pending"
  # Without a name compose would start all services.
  if ((\${#services[@]} > 0)); then
    with_words start_services "\${services[@]}" || fail "docker compose up failed: $(last_words)"
    check_lock
    wait_until_well || fail "$(fact_of unwell)"
  fi
  tell 'What ran before runs again, with its former images.'
  running_images >"$work/after"
}

# The names of the former releases, oldest first.
release_names() {
  if [[ -d $state/releases ]]; then (cd "$state/releases" && find . -mindepth 1 -maxdepth 1 -type d -name '[0-9]*' | sort); fi
}

newest_release() {
  local name
  name=$(release_names | tail -n 1)
  if [[ -n $name ]]; then printf '%s' "$state/releases/$name"; fi
}

# Where \`operation: rollback\` goes: to what ran before a deploy that was left half-way, or was not taken back; else to the
# newest former release.
release_to_go_back_to() {
  local noted=$state/pending
  if [[ -e $work/half-way && -s $noted/images && $(cat "$noted/operation" 2>/dev/null) == deploy ]]; then
    printf '%s' "$noted"
  else
    newest_release
  fi
}

# Remembers what ran before this deploy as the newest former release.
record_release() {
  local newest number
  mkdir -p "$state/releases"
  newest=$(newest_release)
  number=$((10#$(basename "\${newest:-0}") + 1))
  if [[ -s $state/pending/images ]]; then mv "$state/pending" "$state/releases/$(printf %06d "$number")"; else rm -rf "$state/pending"; fi
}

forget_releases() {
  release_names | head -n "-\${value[keep-releases]}" | while IFS= read -r old; do rm -rf "$state/releases/$old"; done
}

# ---- the story
in_directory() { cd "$directory" && "$@"; }

run_commands() {
  if [[ -z \${value[$1]} ]]; then return; fi
  phase "running the commands of $1"
  printf '%s\\n' "\${value[$1]}" >"$work/$1.bash"
  local files
  # compose in these commands means the same project.
  files=$(IFS=: && printf %s "\${compose_files[*]-}")
  if [[ -n $files ]]; then export COMPOSE_FILE=$files; fi
  with_words in_directory bash -Eeuo pipefail "$work/$1.bash" || fail "The commands of \\\`$1\\\` failed with $?: $(last_words)"
  if [[ -n $files ]]; then unset COMPOSE_FILE; fi
}

deploy() {
  if [[ -e $work/cancelled ]]; then exit 1; fi
  find_tools
  # The directory of the project may not be there yet, the one above must.
  [[ -d $(dirname "$directory") ]] || fail "The directory $(dirname "$directory") does not exist on this host."
  mkdir -p "$state"
  take_lock
  note_before
  local former='' service reference
  if [[ \${value[operation]} == rollback ]]; then
    former=$(release_to_go_back_to)
    [[ -n $former ]] || fail "There is nothing earlier to go back to: no former release of $directory is known on this host."
    phase "putting back the release before the last deploy"
    while IFS=$'\\t' read -r service _ reference _; do image_of[$service]=$reference; done <"$former/images"
    log_in
    fact files-changed yes
    put_back "$former"
    read_new_services
    choose_from_release "$former"
    ((\${#services[@]} > 0)) || fail 'The former release had none of the chosen services.'
  else
    check_out_configuration
    [[ -d $directory ]] || fail "The directory $directory does not exist on this host."
    write_env_file
    read_new_services
    log_in
    check_disk
    pull_images
  fi
  fact before-begun yes
  run_commands before
  phase 'starting the services'
  fact started yes
  local -a starting=(\${chosen[@]+"\${chosen[@]}"})
  if [[ -n $former ]]; then
    starting=("\${services[@]}")
    if ((\${#chosen[@]} == 0)); then remove_others_than "$former"; fi
  fi
  with_words start_services \${starting[@]+"\${starting[@]}"} || {
    gather_from_unwell
    fail "docker compose up failed: $(last_words)"
  }
  phase 'waiting until all is well'
  wait_until_well || fail "$(fact_of unwell)"
  run_commands after
  running_images >"$work/after"
  if [[ -e $directory/.git ]] && command -v git >/dev/null; then git_head >"$work/commit-after"; fi
  if [[ -n $former ]]; then
    fact status rolled-back
    fact former "$former"
  elif is_as_noted; then
    fact status unchanged
  else
    fact status deployed
  fi
  tell '✓ Proven: what runs is what was pulled, and it is well.'
}

# A part of its own, which no cancel stops: until it begins the way back is where it was.
keep_release() {
  if ! lock_renewed; then
    tell 'Another deploy has the lock by now: what it notes counts.'
    return
  fi
  case $(fact_of status) in
  deployed) record_release ;;
  rolled-back) rm -rf "$(fact_of former)" "$state/pending" ;;
  *) rm -rf "$state/pending" ;;
  esac
}

clean_up() {
  if ! holds_lock; then return; fi
  find_compose
  forget_releases
  if [[ \${value[prune]} != true ]]; then return; fi
  tell '• removing images that are not needed any more'
  prune_images
}

# ---- the worker: the story, the way back, the result
cancelled=''
trap 'cancelled=yes' TERM

# Whoever started this is gone: everything that runs for the deploy is told to stop. A shell that has only just been
# forked from one with a trap can lose the signal, so \`deploy\` looks for the file when it begins.
watch_for_cancel() {
  trap '' TERM
  IFS= read -r -u 8 _ || true
  : >"$work/cancelled"
  kill -TERM -- "-$$"
}

# What was told to stop may take 10 s for it, then it is ended: nothing of it may run beside the way back.
end_the_rest() {
  local tries
  for ((tries = 0; tries < 75; tries++)); do
    find_members $$
    if ((\${#members[@]} == 0)); then return; fi
    # Also what was started after the last look.
    if ((tries >= 50)); then kill -KILL "\${members[@]}" 2>/dev/null; fi
    sleep 0.2
  done
}

# Runs one part in a shell of its own, in which \`set -e\` holds. Not for use with \`if\`, \`!\`, \`&&\` or \`||\`: these switch
# \`set -e\` off in all that they call.
part() {
  local pid code again
  (
    set -Eeuo pipefail
    trap 'unforeseen "$LINENO"' ERR
    "$@"
  ) &
  pid=$!
  # The trap interrupts \`wait\`; then the part may still be ending.
  while :; do
    wait "$pid"
    code=$?
    if ((code <= 128)) || ! kill -0 "$pid" 2>/dev/null; then break; fi
  done
  if ((code > 128)); then
    wait "$pid"
    again=$?
    if ((again != 127)); then code=$again; fi
  fi
  return "$code"
}

# Prints the entries of \`services\`, as far as 16,000 characters hold them.
services_json() {
  local service digest entry length=0
  local -A before=() after=() names=()
  if [[ -e $work/before ]]; then
    while IFS=$'\\t' read -r service _ _ digest; do before[$service]=$digest names[$service]=1; done <"$work/before"
  fi
  if [[ -e $work/after ]]; then
    while IFS=$'\\t' read -r service _ _ digest; do after[$service]=$digest names[$service]=1; done <"$work/after"
  fi
  while IFS= read -r service; do
    if [[ -z $service ]]; then continue; fi
    entry="{\\"name\\":$(json "$service")"
    if [[ -n \${before[$service]:-} ]]; then entry+=",\\"before\\":$(json "\${before[$service]}")"; fi
    if [[ -n \${after[$service]:-} ]]; then entry+=",\\"after\\":$(json "\${after[$service]}")"; fi
    if ((length > 0)); then entry=,$entry; fi
    length=$((length + \${#entry} + 1))
    if ((length > 16000)); then break; fi
    printf '%s}' "$entry"
  done < <(printf '%s\\n' \${names[@]+"\${!names[@]}"} | sort)
}

# One line: Systems Manager keeps the first 24,000 characters of it.
write_result() {
  local result line comma='' name
  rm -f "$work/reserve"
  result="{\\"ssm-pull-deploy\\":1,\\"status\\":$(json "$1"),\\"reason\\":$(json "$(fact_of reason | cut -c 1-1500)")"
  result+=",\\"phase\\":$(json "$(fact_of phase-failed)"),\\"takeBack\\":$(json "$2"),\\"services\\":[$(services_json)]"
  for name in lock-holder commit-before commit-after; do
    if [[ -s $work/$name ]]; then result+=",\\"$name\\":$(json "$(fact_of "$name" | cut -c 1-500)")"; fi
  done
  result+=",\\"seconds\\":$SECONDS,\\"log\\":$(json "$log"),\\"evidence\\":["
  if [[ -e $work/evidence-failed ]]; then
    while IFS= read -r line; do
      line=$comma$(json "$line")
      if ((\${#result} + \${#line} > 23000)); then break; fi
      result+=$line
      comma=,
    done < <(head -n 24 "$work/evidence-failed")
  fi
  printf '%s]}\\n' "$result" >"$work/result.part"
  mv "$work/result.part" "$work/result"
}

# One line per deploy stays: when, who, what.
audit() {
  printf '%s %s by %s: %s;%s%s\\n' "$(now)" "\${value[operation]}" "\${value[holder]}" "$1" \\
    "$(if [[ -s $work/commit-after ]]; then printf ' commit %s' "$(fact_of commit-after)"; fi)" \\
    "$(if [[ -e $work/after ]]; then cut -f 1,4 "$work/after" | tr '\\t' ' ' | sed 's/^/ /' | paste -s -d , -; fi)" >>"$state/deploys.log"
}

# The way back after a failure, as far as anything changed. Prints nothing; leaves the status in \`status\`, what became of
# it in \`back\`.
go_back() {
  local reason code
  # Without the lock everything belongs to whoever holds it.
  if ! holds_lock; then return; fi
  if [[ -e $work/before-begun && ! -e $work/started ]]; then
    part look_for_touched
    code=$?
    if ((code != 0)); then fact started yes; fi
  fi
  # Containers that were not touched run what they ran.
  if [[ ! -e $work/started && -e $work/running ]]; then cp "$work/running" "$work/after"; fi
  if [[ ! -e $work/files-changed && ! -e $work/started ]]; then
    # What an earlier deploy left half-way is still so.
    if [[ -e $work/notes ]]; then rm -rf "$state/pending"; fi
    return
  fi
  if [[ \${value[rollback]} != true ]]; then
    back=off
    tell 'Nothing is taken back (rollback: false).'
    return
  fi
  reason=$(fact_of reason)
  rm -f "$work/reason" "$work/unforeseen"
  part take_back
  code=$?
  if ((code != 0)); then
    back=failed
    if [[ ! -s $work/reason ]]; then fact reason "$(fact_of unforeseen)"; fi
    fact reason "$reason What ran before could not be brought back: $(fact_of reason)"
    tell '✗ What ran before could not be brought back.'
    return
  fi
  fact reason "$reason"
  if holds_lock; then rm -rf "$state/pending"; fi
  back='done'
  if [[ -e $work/nothing-before ]]; then
    back=nothing-before
  elif [[ -e $work/started && $status != cancelled && \${value[operation]} != rollback ]]; then
    status=rolled-back
  fi
}

# Half of a file goes when it is too long.
halve() {
  if [[ -e $1 ]] && (($(stat -c %s "$1") > 1048576)); then tail -c 524288 "$1" >"$1.part" && mv "$1.part" "$1"; fi
}

worker() {
  local front=$1 code=0 back='' status=failed watcher cleaned
  log=$work/chatter
  if [[ -d $(dirname "$directory") ]] && mkdir -p "$state" 2>/dev/null; then
    log=$state/log
    # Not under one that writes to it, be it only that it waits for the lock.
    # shellcheck disable=SC2094 # opened for flock only
    (
      flock --nonblock 7 || exit 0
      halve "$log"
      halve "$state/deploys.log"
    ) 7>>"$log" || true
  fi
  if ! printf '%s ---- %s of %s by %s\\n' "$(now)" "\${value[operation]}" "$directory" "\${value[holder]}" >>"$log"; then
    log=$work/chatter
  fi
  if [[ \${value[follow]} == true ]]; then
    printf '%d\\n%s\\n' "$(($(stat -c %s "$log" 2>/dev/null || echo 0) + 1))" "$log" >"$work/ready.part"
  else
    : >"$work/ready.part"
  fi
  exec >>"$log" 2>&1
  flock --shared 1 || true
  mv "$work/ready.part" "$work/ready"

  own_process=$(process $$)
  { printf '%s\\n' "$own_process" && process "$front"; } >"$work/processes" || true
  remove_left_work || true
  set +e
  watch_for_cancel &
  watcher=$!
  part deploy
  code=$?
  # From here on nothing is stopped half-way: a cancel comes too late, or its way back has begun.
  kill -KILL "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  if [[ -e $work/cancelled ]]; then cancelled=yes; fi
  if [[ -n $cancelled ]]; then end_the_rest; fi
  if [[ -e $work/next-file ]]; then rm -f "$(fact_of next-file)"; fi
  if ((code == 0)); then
    status=$(fact_of status)
    part keep_release
    cleaned=$?
    if ((cleaned != 0)); then
      # Else the next deploy would take this one for one that was left half-way.
      rm -f "$state/pending/complete"
      tell 'The way back from this deploy could not be kept; the deploy itself is not touched by that.'
    fi
    part clean_up
    cleaned=$?
    ((cleaned == 0)) || tell 'Not everything could be cleaned up; the deploy itself is not touched by that.'
  else
    if [[ ! -s $work/reason ]]; then fact reason "$(fact_of unforeseen)"; fi
    cp "$work/phase" "$work/phase-failed" 2>/dev/null
    cp "$work/evidence" "$work/evidence-failed" 2>/dev/null
    if [[ -n $cancelled ]]; then
      status=cancelled
      fact reason 'The deploy was cancelled.'
    fi
    go_back
    # What a version that failed brought is not needed any more; many in a row would fill the disk.
    if [[ $back == 'done' && -z $cancelled ]]; then part clean_up; fi
  fi
  write_result "$status" "$back"
  if holds_lock; then audit "$status"; fi
  printf '%s ---- %s\\n' "$(now)" "$status"
  free_lock
  # The other end of the pipe is closed: nobody is left who would read the result and remove the folder.
  if read -r -t 0 -u 8 _; then rm -rf "$work"; fi
  case $status in deployed | unchanged) exit 0 ;; esac
  if [[ $status == rolled-back && \${value[operation]} == rollback && $code == 0 ]]; then exit 0; fi
  exit 1
}

worker "$3"
`
