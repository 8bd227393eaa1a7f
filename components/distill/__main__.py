"""distill alone: `stillhouse step distill --help`."""

from pydantic import DirectoryPath, NewPath

from stillhouse.components.config.settings import Settings
from stillhouse.components.distill.settings import DistillSettings
from stillhouse.components.runtime.step_command import run_alone
from stillhouse.components.tasks.interface.settings import settings_for_name


class Paths(Settings):
    """Where things are."""

    dataset: DirectoryPath
    """Folder that prepare wrote."""
    teacher: DirectoryPath
    """Folder that finetune wrote."""
    model: NewPath
    """Folder to write the student to."""


if __name__ == "__main__":
    run_alone("distill", DistillSettings, Paths, for_task=settings_for_name)
