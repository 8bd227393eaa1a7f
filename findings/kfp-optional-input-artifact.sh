#!/usr/bin/env bash
# kfp 2.17.0: a component's Optional[Input[Model]] takes a model in kfp.local, and in no pod of the backend of the same release.
#
# Guess: an input that may be missing is written as for parameters, Optional[...] = None: the compiler marks it isOptional, and
#   what runs here with an artifact and without one runs in a pod.
# Seen: it compiles, kfp.local hands it over, and the missing one is None everywhere. But the backend (driver 2.17.0, seen on a
#   cluster) names no schema title of an input artifact: {"name": "169", "type": {"instanceSchema": ""}, ...} or no type at all.
#   kfp's executor then builds what the annotation says, and that is a Union: TypeError, "Cannot instantiate typing.Union", before
#   the component's first line. `model: Input[Model] = None` compiles to the same YAML and is read in both forms.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.0
cd "$folder"
cat > probe.py <<'PY'
from typing import Optional

from kfp import dsl
from kfp.dsl import Input, Model
from kfp.dsl.executor import Executor


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def optional(model: Optional[Input[Model]] = None) -> str:
    return model.uri if model else "none"


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def plain(model: Input[Model] = None) -> str:
    return model.uri if model else "none"


URI = "minio://bucket/model"
FORMS = {
    "kfp.local": {"name": "model", "type": {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}, "uri": URI},
    "backend": {"name": "169", "type": {"instanceSchema": ""}, "uri": URI},
    "missing": None,
}


def said(component, artifact) -> str:
    given = {"artifacts": {"model": {"artifacts": [artifact]}}} if artifact else {}
    asked = {"inputs": given, "outputs": {"outputFile": "output.json"}}
    try:
        executor = Executor(executor_input=asked, function_to_execute=component.python_func)
        return component.python_func(executor.get_input_artifact("model"))
    except TypeError as error:
        return f"TypeError: {error}"


marked = [component.component_spec.inputs["model"].optional for component in (optional, plain)]
seen = {(component.name, form): said(component, artifact) for component in (optional, plain) for form, artifact in FORMS.items()}
for (name, form), answer in seen.items():
    print(f"{name}, {form}: {answer}")
assert marked == [True, True]
assert seen["optional", "kfp.local"] == seen["plain", "kfp.local"] == seen["plain", "backend"] == URI
assert seen["optional", "missing"] == seen["plain", "missing"] == "none"
assert seen["optional", "backend"] == "TypeError: Cannot instantiate typing.Union"
PY
venv/bin/python -W ignore probe.py
