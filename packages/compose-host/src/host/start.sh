# What Systems Manager starts with sh (dash on Debian and Ubuntu): unpacks the program and its values, both made of
# letters only, and goes on in bash. The agent's folder for the command can be read by its users, this one cannot.
set -eu
umask 077
work=$(mktemp -d "${TMPDIR:-/tmp}/ssm-pull-deploy.XXXXXX")
# For a failure up to here; `exec` at the end leaves the folder to the program.
trap 'rm -rf "$work"' EXIT
printf %s "${program:?}" | base64 -d | gzip -dc >"$work/deploy.bash"
printf %s "${values:?}" | base64 -d | gzip -dc >"$work/values"
command -v bash >/dev/null || { echo 'This host has no bash.' >&2; exit 1; }
exec bash "$work/deploy.bash" "$work"
