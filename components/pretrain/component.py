"""KFP face of pretrain."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from stillhouse.components.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def pretrain(
    settings: str,
    dataset: Input[Dataset],
    backbone: Output[Model],
    metrics: Output[Metrics],
    gpu_count: str = "0",
):
    """Learn a backbone from text without labels."""
    from stillhouse.components.pretrain.pretrain import pretrain as step
    from stillhouse.components.pretrain.settings import PretrainSettings
    from stillhouse.components.recorded import path_of, step_run

    with step_run("pretrain", gpu_count) as run:
        metrics.metadata.update(
            step(PretrainSettings.parse(settings), dataset=path_of(dataset), model=backbone.path, run=run)
        )
