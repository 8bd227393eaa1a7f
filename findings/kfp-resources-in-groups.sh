#!/usr/bin/env bash
# kfp 2.17.0: a task's output that only sets another task's resources compiles beside it, and not inside a dsl.If.
#
# Guess: set_accelerator_limit(other.output) works wherever an argument of the task does; the compiler hands outputs into groups.
# Seen: in one level of the pipeline it compiles; inside a group the compiler hands down what is an argument of a task and forgets what is a resource: AssertionError,
#   "component_input_parameter: pipelinechannel--ask-Output not found". With the same output as an argument as well, it compiles.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0
cd "$folder"
cat > probe.py <<'PY'
from contextlib import nullcontext

from kfp import dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def ask() -> int:
    return 1


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def work(number: int) -> int:
    return number


def compiles(grouped: bool, as_argument: bool) -> str:
    def graph(wanted: str = "yes"):
        asked = ask()
        with dsl.If(wanted == "yes") if grouped else nullcontext():
            task = work(number=asked.output if as_argument else 7)
            task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(asked.output)

    try:
        dsl.pipeline(name="resources")(graph)
    except AssertionError as error:
        return str(error).splitlines()[0]
    return "compiles"


seen = {
    "beside it": compiles(grouped=False, as_argument=False),
    "in a group": compiles(grouped=True, as_argument=False),
    "in a group, an argument too": compiles(grouped=True, as_argument=True),
}
for name, found in seen.items():
    print(f"{name}: {found}")
assert seen["beside it"] == seen["in a group, an argument too"] == "compiles"
assert "pipelinechannel--ask-Output not found" in seen["in a group"]
PY
"$folder/venv/bin/python" -W ignore probe.py
