"""The pipeline as a file that any KFP endpoint takes."""

from pathlib import Path
from typing import Any

from kfp import compiler
from kfp.dsl.graph_component import GraphComponent

from stillhouse.components.config.settings import refuse_secrets
from stillhouse.components.inspect.budget import read_budget
from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.urls import is_local
from stillhouse.errors import UserError
from stillhouse.pipelines.approval import approval
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.compiling.pods import on_cluster
from stillhouse.pipelines.retrain import graph_for


def compile_pipeline(parameters: dict[str, Any], path: Path, cluster: ClusterOptions, *, cache: bool = True) -> None:
    """Write the pipeline's KFP YAML, with its kubernetes platform spec, to `path`.

    Args:
        parameters: Defaults of the form's fields; those of the hardware come from `cluster`.
        cluster: What is fixed from now on.
        cache: Whether steps may take over what an earlier run made of the same.

    A source on this machine is not a default: no pod would find it, and its path is nobody's business. The run form
    then asks for `data_source`.

    Raises:
        UserError: `path` cannot be written, a parameter carries a key or password, or the budget is in GPU-hours and
            the hardware has no GPU.
    """
    refuse_secrets(parameters, lambda key: ".".join(key))
    given = {name: value for name, value in parameters.items() if name != "data_source" or not is_local(value)}
    hardware = cluster.chosen_hardware()
    read_budget(parameters.get("train_budget", "none"), hardware.gpu_count * cluster.nodes)
    defaults = given | hardware.form()
    pipeline = on_cluster(graph_for(parameters), cluster, experiment=parameters["model_name"], cache=cache)
    _write(pipeline, path, defaults)


def compile_approval(model_name: str, path: Path, cluster: ClusterOptions) -> None:
    """Write the form by which a person approves or rejects a candidate of `model_name`.

    Raises:
        UserError: there is no store, in which a candidate could wait, or `path` cannot be written.
    """
    if not cluster.store:
        raise UserError("A candidate waits in the store that its run wrote to; give --store s3://bucket/prefix.")
    _write(on_cluster(approval, cluster, experiment=model_name), path, {"model_name": model_name})


def _write(pipeline: GraphComponent, path: Path, defaults: dict[str, Any]) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part.yaml")
        compiler.Compiler().compile(pipeline, str(temporary), pipeline_parameters=defaults)
        temporary.replace(path)
