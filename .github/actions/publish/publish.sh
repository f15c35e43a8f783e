#!/usr/bin/env bash
# Publishes the registry in a folder; with PUSH=true to the branch it was checked out from, by muniment's own pushes:
# entries first, without force, and only what was pushed is signed. Then the folder is brought up to date.
# Every value comes from the environment and goes on behind `=` or `--`, so that none can become an option.
set -eo pipefail

options=()
while IFS= read -r place; do
  [ -z "$place" ] || options+=("--cosignatures=$place")
done <<<"$COSIGNATURES"

# The token is given by a helper that reads it from the environment: no command line and no file holds it.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=credential.helper
# shellcheck disable=SC2016 # git runs it, not this shell
export GIT_CONFIG_VALUE_0='!f() { echo username=x-access-token; echo "password=$TOKEN"; }; f'
export GIT_TERMINAL_PROMPT=0

here() { git -C "$REGISTRY" -c user.name=muniment -c user.email=muniment@users.noreply.github.com "$@"; }

fail() {
  echo "::error title=Could not be done::$1"
  exit 3
}

# What git calls the repository, as muniment writes it.
address() {
  case "$1" in
    https://* | ssh://* | file://*) printf 'git+%s' "$1" ;;
    /*) printf 'git+file://%s' "$1" ;;
    *@*:*) printf 'git+ssh://%s/%s' "${1%%:*}" "${1#*:}" ;;
    *) return 1 ;;
  esac
}

# Submissions that an earlier job left in the folder. Their names are digests, so others' pushes never conflict.
push_inbox() {
  here add --force --ignore-removal -- inbox
  if here diff --cached --quiet -- inbox; then return 0; fi
  here commit --quiet -m "Submissions" -- inbox
  for try in {1..20}; do
    ! here push --quiet origin "HEAD:refs/heads/$branch" || return 0
    echo "others pushed first; trying again" >&2
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    here fetch --quiet origin "refs/heads/$branch"
    here rebase --quiet FETCH_HEAD
  done
  fail "The submissions could not be pushed, $try times."
}

place=$REGISTRY
if [ "$PUSH" = true ]; then
  branch=$(here symbolic-ref --quiet --short HEAD) || fail "The registry's folder is on no branch: check one out."
  place=$(address "$(here remote get-url origin)") || fail "The registry's folder has no remote that can be pushed to."
  folder=$(here rev-parse --show-prefix)
  place="$place#$branch${folder:+:${folder%/}},inbox=$branch"
  if [ -n "$(find "$REGISTRY/inbox" -maxdepth 1 -type f -name '*.sigstore.json' -print -quit 2>/dev/null)" ]; then
    push_inbox
  fi
fi

# 1 means that something was refused: the rest is published all the same, and the action's last step fails.
code=0
"$MUNIMENT" publish "${options[@]}" -- "$place" || code=$?
echo "code=$code" >>"$GITHUB_OUTPUT"
[ "$code" -le 1 ] || exit "$code"

if [ "$PUSH" = true ]; then
  here fetch --quiet origin "refs/heads/$branch"
  here merge --quiet --ff-only FETCH_HEAD
fi
