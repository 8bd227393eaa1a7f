"""prepare alone: `stillhouse step prepare --help`."""

from pydantic import NewPath

from stillhouse.components.config.settings import Settings
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.runtime.step_command import run_alone
from stillhouse.components.tasks.interface.settings import settings_for_name


class Paths(Settings):
    """Where things are."""

    dataset: NewPath
    """Folder to write the dataset to."""
    card: NewPath
    """HTML file to write the data card to."""
    snapshot: str = '{"inputs": "", "reference": null}'
    """What inspect handed on, as JSON; `reference` is the dataset.json that drift is measured against."""


if __name__ == "__main__":
    run_alone("prepare", PrepareSettings, Paths, for_task=settings_for_name)
