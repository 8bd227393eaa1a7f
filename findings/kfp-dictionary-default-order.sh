#!/usr/bin/env bash
# kfp 2.17.0: the same pipeline compiled twice gives two YAML files where a parameter's default is a dictionary.
#
# Guess: compiling is a function of the source: the same file byte for byte, with the keys of a default in the order in which
#   they were written (as lists and all else keep theirs).
# Seen: the keys of a STRUCT default come in another order in each process, within a process always in the same one. The
#   meaning is the same, but a digest of the file, a diff in review and a cache by content change with nothing changed. Sorting
#   the loaded document before comparing helps; PYTHONHASHSEED does not: the order is protobuf's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0
cat > "$folder/one.py" <<'PY'
import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11")
def take(settings: dict) -> None:
    pass


@dsl.pipeline(name="one")
def one(settings: dict = {f"key_{i}": i for i in range(8)}) -> None:
    take(settings=settings)


compiler.Compiler().compile(one, sys.argv[1])
PY
cd "$folder"
for n in 1 2 3 4 5 6; do PYTHONHASHSEED=0 venv/bin/python -W ignore one.py "$n.yaml" 2> /dev/null; done
different=$(sha256sum ./*.yaml | cut -d' ' -f1 | sort -u | wc -l)
venv/bin/python - <<'PY'
import yaml

documents = [yaml.safe_load(open(f"{n}.yaml")) for n in range(1, 7)]
assert all(one == documents[0] for one in documents)
PY
echo "six compilations: $different different files of the same meaning"
test "$different" -gt 1
