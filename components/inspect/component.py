"""KFP face of inspect."""

from typing import NamedTuple

from kfp import dsl

from stillhouse.components.kubernetes.images import LIGHT


@dsl.component(base_image=LIGHT, install_kfp_package=False)
def inspect(
    data_columns: dict,
    data_source: str,
    data_task: str,
    model_base: str,
    model_name: str,
    model_student: dict,
    model_teacher: dict,
    step_overrides: dict,
    train_budget: str,
    train_pretraining: str,
    train_seed: int,
    gpus: str = "0",
    pretrains: bool = True,
    scheduled_time: str = "",
) -> NamedTuple(  # type: ignore[valid-type]
    "Inspected",
    [
        ("snapshot", str),
        ("champion", str),
        ("pretrain_gpu_count", str),
        ("prepare", str),
        ("pretrain", str),
        ("finetune", str),
        ("distill", str),
        ("evaluate", str),
        ("promote", str),
    ],
):
    """Resolve every mutable name to a digest or version, and the parameters to each step's settings."""
    parameters = dict(locals())  # of the recipe; what else is given has a word of its own
    for name in ("gpus", "pretrains", "scheduled_time"):
        del parameters[name]
    from stillhouse.components.inspect.inspect import inspect as step
    from stillhouse.components.runtime.step_run import step_run

    with step_run("inspect") as run:
        return step(parameters, gpus=gpus, pretrains=pretrains, scheduled_time=scheduled_time, run=run)
