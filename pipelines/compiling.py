"""The pipeline as a file that any KFP endpoint takes."""

from pathlib import Path
from typing import Any

from kfp import compiler

from stillhouse.components.settings import refuse_secrets
from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.urls import is_local
from stillhouse.pipelines.retrain import retrain


def compile_pipeline(parameters: dict[str, Any], path: Path) -> None:
    """Write the pipeline's KFP YAML to `path`, with `parameters` as its defaults.

    A source on this machine is no default: no pod would find it, and its path is nobody's business. The run form then
    asks for `data_source`.

    Raises:
        UserError: `path` cannot be written, or a parameter carries a key or password.
    """
    refuse_secrets(parameters, lambda key: ".".join(key))
    defaults = {name: value for name, value in parameters.items() if name != "data_source" or not is_local(value)}
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part.yaml")
        compiler.Compiler().compile(retrain, str(temporary), pipeline_parameters=defaults)
        temporary.replace(path)
