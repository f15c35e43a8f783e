#!/usr/bin/env bash
# Installs muniment from the checkout that holds this action, so that the action's version is the tool's version, into
# an environment of its own that the job's Python does not see. Gives the output `muniment`: the command's path.
set -euo pipefail

actions=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
checkout=$(cd "$actions/../.." && pwd -P)
place=$RUNNER_TEMP/muniment-$(printf '%s' "$checkout" | cksum | cut -d ' ' -f 1)

if [ ! -x "$place/bin/muniment" ]; then
  "${PYTHON:-python3}" -m venv "$place"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$actions/lock.txt"
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$checkout"
fi
echo "muniment=$place/bin/muniment" >>"$GITHUB_OUTPUT"
