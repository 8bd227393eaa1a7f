"""The pipeline as a file that any KFP endpoint takes."""

from pathlib import Path
from typing import Any

from kfp import compiler

from stillhouse.components.storage.disk import writing
from stillhouse.pipelines.retrain import retrain


def compile_pipeline(parameters: dict[str, Any], path: Path) -> None:
    """Write the pipeline's KFP YAML to `path`, with `parameters` as its defaults.

    Raises:
        UserError: `path` cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part.yaml")
        compiler.Compiler().compile(retrain, str(temporary), pipeline_parameters=parameters)
        temporary.replace(path)
