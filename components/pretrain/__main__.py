"""pretrain alone: `stillhouse step pretrain --help`."""

from pydantic import DirectoryPath, NewPath

from stillhouse.components.config.settings import Settings
from stillhouse.components.pretrain.settings import PretrainSettings
from stillhouse.components.runtime.step_command import run_alone
from stillhouse.components.tasks.interface.settings import settings_for_name


class Paths(Settings):
    """Where things are."""

    dataset: DirectoryPath
    """Folder that prepare wrote."""
    model: NewPath
    """Folder to write the backbone to."""


if __name__ == "__main__":
    run_alone("pretrain", PretrainSettings, Paths, for_task=settings_for_name)
