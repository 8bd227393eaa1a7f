"""KFP face of prepare."""

from kfp import dsl
from kfp.dsl import HTML, Dataset, Output

from stillhouse.components.kubernetes.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def prepare(settings: str, snapshot: str, dataset: Output[Dataset], card: Output[HTML]) -> str:
    """Read, clean, deduplicate and split the source; write the dataset and its card; say whether it is worth a run."""
    from stillhouse.components.prepare.prepare import prepare as step
    from stillhouse.components.prepare.settings import PrepareSettings
    from stillhouse.components.runtime.step_run import step_run
    from stillhouse.components.tasks.interface.settings import parse_for_task

    with step_run("prepare") as run:
        return step(
            parse_for_task(PrepareSettings, settings), snapshot=snapshot, dataset=dataset.path, card=card.path, run=run
        )
