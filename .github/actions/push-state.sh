#!/usr/bin/env bash
# Commits all of the folder $STATE, with the message given, and pushes it with $TOKEN. A push that is not forced fails
# where another run was faster.
set -euo pipefail
[ -d "$STATE" ] || exit 0
cd -- "$STATE"
git add --all --force -- .
git diff --cached --quiet -- . && exit 0
git -c user.name="muniment" -c user.email="muniment@users.noreply.github.com" commit --quiet -m "$1" -- .
# shellcheck disable=SC2016 # git's own shell reads the token
git -c credential.helper='!f() { echo username=x-access-token; echo "password=$TOKEN"; }; f' push --quiet origin HEAD
