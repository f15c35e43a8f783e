#!/usr/bin/env bash
# Installs muniment as the actions do, with every dependency held to its hash, and starts what was installed.
set -euo pipefail
actions=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.github/actions" && pwd)
RUNNER_TEMP=$(mktemp -d)
export RUNNER_TEMP GITHUB_OUTPUT=$RUNNER_TEMP/output
trap 'rm -rf "$RUNNER_TEMP"' EXIT

bash "$actions/install.sh"
command=$(sed -n 's/^muniment=//p' "$GITHUB_OUTPUT")
cd /
"$command" --version
"$command" sandbox create "$RUNNER_TEMP/sandbox" >/dev/null
