"""KFP face of pretrain."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from stillhouse.components.kubernetes.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def pretrain(
    settings: str,
    dataset: Input[Dataset],
    backbone: Output[Model],
    metrics: Output[Metrics],
    gpu_count: str = "0",
):
    """Learn a backbone from text without labels."""
    from pathlib import Path

    from stillhouse.components.artifacts.spec import read_spec
    from stillhouse.components.distributed.launch import on_accelerators
    from stillhouse.components.pretrain.pretrain import pretrain as step
    from stillhouse.components.pretrain.pretrain import settled
    from stillhouse.components.pretrain.settings import PretrainSettings
    from stillhouse.components.runtime.step_run import path_of, step_run
    from stillhouse.components.tasks.interface.settings import parse_for_task

    with step_run("pretrain", gpu_count) as run:
        # Whether there is anything to train is known before several processes are started for it.
        asked = settled(parse_for_task(PretrainSettings, settings), read_spec(Path(path_of(dataset))))
        train = on_accelerators(step, gpu_count) if asked.objective != "none" else step
        metrics.metadata.update(train(asked, dataset=path_of(dataset), model=backbone.path, run=run))
