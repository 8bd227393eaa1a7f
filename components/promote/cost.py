"""What a run has cost until now."""

from stillhouse.components.artifacts.worth import Cost
from stillhouse.components.config.home import home_folder
from stillhouse.components.runtime.step_seconds import step_seconds
from stillhouse.components.storage.store import Store
from stillhouse.components.tracking.run import StepRun

COSTLY = ("pretrain", "finetune", "distill", "evaluate")
"""The steps that ask for GPUs."""
HOUR = 3600.0


def cost_of(store: Store, run: StepRun, gpus: int) -> Cost | None:
    """What the steps that train and measure took; None where student or teacher came from the cache, as then the run
    does not tell what another one would take."""
    seconds = step_seconds(store, run.run_id, home_folder())
    if not {"finetune", "distill"} <= seconds.keys():
        return None
    return Cost(hours=round(sum(seconds.get(step, 0.0) for step in COSTLY) / HOUR, 6), gpus=gpus)
