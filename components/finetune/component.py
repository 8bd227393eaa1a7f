"""KFP face of finetune."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from stillhouse.components.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def finetune(
    settings: str,
    dataset: Input[Dataset],
    backbone: Input[Model],
    teacher: Output[Model],
    metrics: Output[Metrics],
):
    """Put a new head on the backbone and train it on the labelled rows."""
    from stillhouse.components.finetune.finetune import finetune as step
    from stillhouse.components.finetune.settings import FinetuneSettings
    from stillhouse.components.recorded import step_run

    with step_run("finetune") as run:
        metrics.metadata.update(
            step(
                FinetuneSettings.parse(settings),
                dataset=dataset.path,
                backbone=backbone.path,
                model=teacher.path,
                run=run,
            )
        )
