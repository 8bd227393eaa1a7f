"""KFP face of distill."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from stillhouse.components.kubernetes.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def distill(
    settings: str,
    dataset: Input[Dataset],
    teacher: Input[Model],
    student: Output[Model],
    metrics: Output[Metrics],
    gpu_count: str = "0",
):
    """Train a small student on the teacher's soft answers."""
    from stillhouse.components.distill.distill import distill as step
    from stillhouse.components.distill.settings import DistillSettings
    from stillhouse.components.distributed.launch import on_accelerators
    from stillhouse.components.runtime.step_run import path_of, step_run
    from stillhouse.components.tasks.interface.settings import parse_for_task

    with step_run("distill", gpu_count) as run:
        metrics.metadata.update(
            on_accelerators(step, gpu_count)(
                parse_for_task(DistillSettings, settings),
                dataset=path_of(dataset),
                teacher=path_of(teacher),
                model=student.path,
                run=run,
            )
        )
