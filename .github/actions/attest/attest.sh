#!/usr/bin/env bash
# Signs each statement that the inputs ask for and puts it in the registry's inbox; a release comes last and names them.
# Every value comes from the environment and goes to muniment behind `=` or `--`, so that none can become an option.
set -eo pipefail

said=$(mktemp -d "$RUNNER_TEMP/attest.XXXXXX")
options=("--registry=$REGISTRY" --json)
[ -z "$TRUST_CONFIG" ] || options+=("--trust-config=$TRUST_CONFIG")

field() { "${MUNIMENT%/*}/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

statements=() submitted=()
keep() {
  statements+=("$(field "$1" statement)")
  submitted+=("$(field "$1" submitted)")
}

attest() {
  local document=()
  [ -z "${2:-}" ] || document=("--from=$2")
  "$MUNIMENT" attest "${document[@]}" "${options[@]}" -- "$1" "$ARTIFACT" >"$said/$1"
  keep "$said/$1"
}

[ "$SIGNATURE" != true ] || attest signature
[ -z "$RECIPE" ] || attest provenance "$RECIPE"
[ -z "$DATASET" ] || attest dataset "$DATASET"
[ -z "$EVALUATION" ] || attest evaluation "$EVALUATION"
[ -z "$TEST_RESULT" ] || attest test-result "$TEST_RESULT"
if [ -n "$CARD" ]; then
  "$MUNIMENT" bom "--card=$CARD" "${options[@]}" -- "$ARTIFACT" >"$said/bom"
  keep "$said/bom"
fi
if [ -n "$VERSION" ]; then
  "$MUNIMENT" release "--kind=$KIND" "${statements[@]/#/--evidence=}" "${options[@]}" -- "$VERSION" "$ARTIFACT" >"$said/release"
  keep "$said/release"
fi

if [ ${#statements[@]} -eq 0 ]; then
  echo "::error title=Nothing to attest::Give at least one of signature, recipe, dataset, evaluation, test-result, card."
  exit 2
fi

mark=$("${MUNIMENT%/*}/python" -c 'import secrets; print(secrets.token_hex(16))')
{
  printf 'statements<<%s\n' "$mark" && printf '%s\n' "${statements[@]}" "$mark"
  printf 'submitted<<%s\n' "$mark" && printf '%s\n' "${submitted[@]}" "$mark"
} >>"$GITHUB_OUTPUT"
