"""KFP face of finetune."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from stillhouse.components.kubernetes.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def finetune(
    settings: str,
    dataset: Input[Dataset],
    teacher: Output[Model],
    metrics: Output[Metrics],
    # May be missing; as Optional[…] no pod could read it: KFP's backend names no schema title of an input, and kfp then
    # makes it of what is written here.
    backbone: Input[Model] = None,  # pyrefly: ignore[bad-function-definition]
    gpu_count: str = "0",
):
    """Put a new head on the backbone, if there is one, and train it on the labelled rows."""
    from stillhouse.components.distributed.launch import on_accelerators
    from stillhouse.components.finetune.finetune import finetune as step
    from stillhouse.components.finetune.settings import FinetuneSettings
    from stillhouse.components.runtime.step_run import path_of, step_run
    from stillhouse.components.tasks.interface.settings import parse_for_task

    with step_run("finetune", gpu_count) as run:
        start = {"backbone": path_of(backbone)} if backbone else {}
        metrics.metadata.update(
            on_accelerators(step, gpu_count)(
                parse_for_task(FinetuneSettings, settings),
                dataset=path_of(dataset),
                **start,
                model=teacher.path,
                run=run,
            )
        )
