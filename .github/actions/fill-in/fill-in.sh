#!/usr/bin/env bash
# Fills `{REPOSITORY}`, `{image}` and `{version}` into the texts of FILL_IN_…, and leaves them as outputs of the step.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "${BASH_SOURCE[0]%/*}/../run-commands/failure.sh"

declare -A image_of=()
read -ra repositories <<<"$FILL_REPOSITORIES"
read -ra references <<<"$FILL_REFERENCES"
for index in "${!repositories[@]}"; do
  image_of[${repositories[index]}]=${references[index]-}
done

# Before a build, and where an existing tag is delivered, the list of images says which repositories there are.
if ((${#image_of[@]} == 0)) && [[ -n $FILL_IMAGE_TAG$FILL_PLACEHOLDER ]]; then
  while read -r repository; do
    case $repository in
      public.ecr.aws/*/*) address=ecr-public:${repository#*/} name=${repository#*/*/} ;;
      *.amazonaws.com*/*) address=$repository name=${repository#*/} ;;
      # The list does not say under which alias of ECR Public its repository is.
      *) if [[ $FILL_REGISTRY == public ]]; then address='' name=$repository; else address=ecr:$repository name=$repository; fi ;;
    esac
    image_of[$name]=${FILL_PLACEHOLDER:-${address:+$address:$FILL_IMAGE_TAG}}
  done < <(grep -oE "repository[\"']?[[:space:]]*:[[:space:]]*[\"']?[A-Za-z0-9._/-]+" <<<"$FILL_IMAGE_LIST" | sed -E "s/.*[\"'[:space:]:]//")
fi

# The address by which an image is pulled (Amazon ECR, "Registry concepts"; China has a suffix of its own).
whole_address() {
  local suffix=amazonaws.com
  [[ $FILL_REGION != cn-* ]] || suffix=amazonaws.com.cn
  case $1 in
    ecr-public:*) printf 'public.ecr.aws/%s' "${1#ecr-public:}" ;;
    ecr:*) printf '%s.dkr.ecr.%s.%s/%s' "$FILL_ACCOUNT" "$FILL_REGION" "$suffix" "${1#ecr:}" ;;
    *) printf '%s' "$1" ;;
  esac
}

# meaning_of NAME FORM: FORM is `reference` or `address`
meaning_of() {
  local name=$1 form=$2 image
  if [[ $name == version ]]; then
    printf '%s' "$FILL_VERSION"
    return
  fi
  if [[ $name == image && ${#image_of[@]} == 1 ]]; then
    image=${image_of[*]}
  else
    image=${image_of[$name]-}
  fi
  if [[ -z $image && $FILL_REGISTRY == public && -n ${image_of[$name]+known} || -z $image && $name == image && ${#image_of[@]} == 1 ]]; then
    failure fill-in "{$name} is an existing image of a public registry whose alias is not known: give the repository in images as public.ecr.aws/ALIAS/NAME." >&2
    return 1
  fi
  if [[ -z $image ]]; then
    failure fill-in "{$name} stands for no image of this delivery. There are: ${!image_of[*]}" >&2
    return 1
  fi
  if [[ $form == address ]]; then whole_address "$image"; else printf '%s' "$image"; fi
}

# filled TEXT FORM PATTERN: TEXT with the meaning of each {NAME} whose name the pattern matches; ${NAME} stays as it is
filled() {
  local rest=$1 form=$2 pattern=$3 text='' inside before name meaning
  while [[ $rest == *'}'* ]]; do
    inside=${rest%%'}'*}
    rest=${rest#*'}'}
    before=${inside%'{'*}
    name=${inside##*'{'}
    if [[ $inside == *'{'* && $before != *'$' && $name =~ ^($pattern)$ ]]; then
      meaning=$(meaning_of "$name" "$form") || return 1
      text+=$before$meaning
    else
      text+="$inside}"
    fi
  done
  printf '%s' "$text$rest"
}

# put NAME TEXT: an output of the step; the delimiter cannot be in a text that was there before it
put() {
  local delimiter
  delimiter=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s<<%s\n%s\n%s\n' "$1" "$delimiter" "$2" "$delimiter" >>"$GITHUB_OUTPUT"
}

put repositories "${!image_of[*]}"
put references "${image_of[*]}"
any='[a-z0-9][a-z0-9._/-]*'
text=$(filled "$FILL_IN_IMAGES" reference "$any")
put images "$text"
text=$(filled "$FILL_IN_IMAGE" reference "$any")
put image "$text"
text=$(filled "$FILL_IN_TEMPLATE_VALUES" address "$any")
put template-values "$text"
text=$(filled "$FILL_IN_ENV" address "$any")
put env "$text"
# They may be in a file, as smoke-test takes them.
if [[ $FILL_IN_CHECKS != *$'\n'?* && -f ${FILL_IN_CHECKS%$'\n'} ]]; then FILL_IN_CHECKS=$(<"${FILL_IN_CHECKS%$'\n'}"); fi
text=$(filled "$FILL_IN_CHECKS" reference version)
put checks "$text"
text=$FILL_IN_SERVICES
if [[ -n $FILL_ROLLBACK_TO ]]; then
  text=''
  while IFS= read -r line; do text+=${line%%=*}$'\n'; done <<<"$FILL_IN_SERVICES"
  text=${text%$'\n'}
fi
put services "$text"
