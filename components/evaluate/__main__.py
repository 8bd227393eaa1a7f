"""evaluate alone: `stillhouse step evaluate --help`."""

from pydantic import DirectoryPath, NewPath

from stillhouse.components.config.settings import Settings
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.runtime.step_command import run_alone


class Paths(Settings):
    """Where things are."""

    dataset: DirectoryPath
    """Folder that prepare wrote."""
    teacher: DirectoryPath
    """Folder that finetune wrote."""
    student: DirectoryPath
    """Folder that distill wrote."""
    evaluation: NewPath
    """JSON file to write the figures to."""
    report: NewPath
    """HTML file to write the report to."""
    baseline: NewPath
    """Folder to write TF-IDF with a linear model to, as a model that may be promoted."""
    champion: str = ""
    """The champion to compare with, as inspect handed it on (JSON); empty for none."""


if __name__ == "__main__":
    run_alone("evaluate", EvaluateSettings, Paths, metrics=None, classification=None)
