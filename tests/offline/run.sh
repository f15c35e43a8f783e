#!/usr/bin/env bash
# With the network cut: the demo runs, what it made verifies, and whatever is altered or missing is caught.
# Run by `make offline` as: unshare -rn tests/offline/run.sh BIN
set -euo pipefail
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$bin:$PATH
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

ip link set lo up # the sandbox is on the loopback
[ -z "$(ip route show table main)" ] || { echo "there is a route out: run me under unshare -rn" >&2; exit 2; }
cd "$temp"

began=$SECONDS
muniment demo demo >/dev/null 2>demo.log || { cat demo.log >&2; exit 1; }
echo "the demo, offline: $((SECONDS - began)) s"

version=$(muniment show --registry demo/registry --json |
  python -c 'import json, sys; print(next(v["version"] for v in json.load(sys.stdin) if "production" in v["environments"]))')
name=${version#*/}
model=demo/work/models/${name/@/-}
pack=demo/pack/${name/@/-}.pack
leaf=log/000.jsonl

checked=0
# ends CODES WHAT COMMAND...: the command must end with one of the codes, and with words when it fails.
ends() {
  local codes=$1 what=$2 code=0
  shift 2
  "$@" >out 2>err || code=$?
  if [[ " $codes " != *" $code "* ]] || { [ "$code" -ne 0 ] && ! grep -q '^error: ' err; }; then
    printf 'FAILED: %s ended with %s, not %s\n' "$what" "$code" "$codes" >&2
    cat out err >&2
    exit 1
  fi
  checked=$((checked + 1))
  printf '  %-42s %s  %s\n' "$what" "$code" "$(sed -n 's/^error: //p' err | cut -c1-90)"
}

verify() { muniment verify "$@" --trust demo/trust.json; }

flip() { # changes one bit in the middle of a file
  python - "$1" <<'END'
import pathlib, sys
path = pathlib.Path(sys.argv[1])
data = bytearray(path.read_bytes())
data[len(data) // 2] ^= 1
path.write_bytes(data)
END
}

fresh() { # a copy to spoil
  rm -rf copy
  mkdir copy
  cp -r demo/registry demo/site "$model" "$pack" demo/trust.json copy/
}

ends 0 "the registry, with its model" verify demo/registry "$model"
ends 0 "the site" verify demo/site "$model"
ends 0 "the pack, with its model" verify "$pack" "$model"
ends 3 "no trust file" muniment verify "$pack" "$model" --trust nowhere.json

blob=$(cd demo/registry && find blob -type f | sort | head -n 1)
for kind in flipped missing; do
  spoil() { if [ "$kind" = flipped ]; then flip "$1"; else rm "$1"; fi; }
  fresh && spoil "copy/${model##*/}/model.joblib"
  ends "1 3" "$kind: the model, against the registry" verify demo/registry "copy/${model##*/}"
  ends "1 3" "$kind: the model, against its pack" verify "$pack" "copy/${model##*/}"
  fresh && spoil "copy/${pack##*/}"
  ends "1 3" "$kind: the pack" verify "copy/${pack##*/}" "$model"
  for file in checkpoint "$leaf" "$blob"; do
    fresh && spoil "copy/registry/$file"
    ends "1 3" "$kind: ${file%%/*} of the registry" verify copy/registry "$model"
    spoil "copy/site/$file"
    ends "1 3" "$kind: ${file%%/*} of the site" verify copy/site "$model"
  done
done

fresh && sed -i '$d' "copy/registry/$leaf"
ends "1 3" "the log cut short by a line" verify copy/registry "$model"
fresh && head -c -1 "copy/${pack##*/}" >shortened && mv shortened "copy/${pack##*/}"
ends "1 3" "the pack cut short by a byte" verify "copy/${pack##*/}" "$model"

python "$here/tour.py" >tour.sh
bash tour.sh >tour.log 2>&1 || { cat tour.log >&2; echo "FAILED: the README's tour" >&2; exit 1; }
echo "the README's tour: $(grep -c '^muniment\|(muniment' tour.sh) commands"
python "$here/tour.py" "$here/../../docs/your-own-model.md" >own.sh
bash own.sh >own.log 2>&1 || { cat own.log >&2; echo "FAILED: docs/your-own-model.md" >&2; exit 1; }
echo "docs/your-own-model.md: $(grep -c '^muniment\|(muniment' own.sh) commands"

echo "with the network cut: $checked verifications ended as they must"
