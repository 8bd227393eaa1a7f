#!/usr/bin/env bash
# kfp 2.17.0, kfp.local: an integer parameter beyond 2^53 arrives as another integer.
#
# Guess: a parameter declared `int` is handed over exactly, or refused.
# Seen: 9007199254740993 arrives as 9007199254740992, as an argument, as a component's output and from task to task: all values travel as
#   JSON numbers of 64-bit floats. Row ids, hashes and 64-bit seeds have to travel as strings. And a None inside a list or dict argument raises ValueError,
#   while the annotation and the compiler take it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0
cd "$folder"
cat > probe.py <<'PY'
import logging
from typing import List

from kfp import dsl, local

logging.disable(logging.CRITICAL)
local.init(local.SubprocessRunner(use_venv=False), raise_on_error=True)


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def show(number: int) -> str:
    return repr(number)


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def make() -> int:
    return 2**53 + 1


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def count(items: List[int]) -> int:
    return len(items)


@dsl.pipeline
def chain() -> str:
    return show(number=make().output).output


def main() -> None:
    seen = [int(show(number=2**53 + 1).output), make().output, int(chain().output)]
    print(f"sent {2**53 + 1}, arrived {seen}")
    assert seen == [2**53] * 3
    try:
        count(items=[1, None])
    except ValueError as error:
        print(f"None in a list: {error}")
    else:
        raise AssertionError("None in a list was taken")


if __name__ == "__main__":
    main()
PY
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/python" probe.py 2>&1 | grep -E '^(sent|None in)' | tee seen
test "$(wc -l < seen)" -eq 2
