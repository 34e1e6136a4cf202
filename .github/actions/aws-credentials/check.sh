#!/usr/bin/env bash
# Says which of CREDENTIALS_ROLE and CREDENTIALS_REGION are missing, and where they are set.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "${BASH_SOURCE[0]%/*}/../run-commands/failure.sh"

missing=0
# wanted VALUE WHAT VARIABLE INPUT
wanted() {
  [[ -z $1 ]] || return 0
  missing=1
  failure aws-credentials "There is no $2: set the variable $3 of the repository or environment, or the input $4."
}
wanted "$CREDENTIALS_ROLE" 'role to assume' AWS_ROLE_ARN role-to-assume
wanted "$CREDENTIALS_REGION" 'AWS region' AWS_REGION aws-region
exit "$missing"
