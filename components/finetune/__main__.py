"""finetune alone: `stillhouse step finetune --help`."""

from pydantic import DirectoryPath, NewPath

from stillhouse.components.config.settings import Settings
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.runtime.step_command import run_alone
from stillhouse.components.tasks.interface.settings import settings_for_name


class Paths(Settings):
    """Where things are."""

    dataset: DirectoryPath
    """Folder that prepare wrote."""
    model: NewPath
    """Folder to write the teacher to."""
    backbone: DirectoryPath | None = None
    """Folder that pretrain wrote; without it the base, or random weights."""


if __name__ == "__main__":
    run_alone("finetune", FinetuneSettings, Paths, for_task=settings_for_name)
