
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
    HOME=${home:-/} setpriv --reuid="$uid" --regid="$gid" --init-groups "$@" 2>"$work/setpriv" && return
    # --init-groups needs a name for the number.
    HOME=${home:-/} setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"
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
  for name in "tags/$1" "heads/$1" "${1#refs/}"; do
    in_git rev-parse --verify --quiet "refs/ssm-pull-deploy/$name^{commit}" && return
  done
  [[ $1 =~ ^[0-9a-f]{4,64}$ ]] || return 1
  commit=$(in_git rev-parse --verify --quiet "$1^{commit}") && [[ $commit == "$1"* ]] && printf '%s' "$commit"
}

check_out_configuration() {
  local ref=${value[git-ref]} repository=${value[git-repository]} commit
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
  local remote=${repository:-origin}
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
