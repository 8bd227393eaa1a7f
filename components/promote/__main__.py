"""promote alone: `stillhouse step promote --help`."""

from pydantic import DirectoryPath, FilePath, NewPath

from stillhouse.components.config.settings import Settings
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.runtime.step_command import run_alone


class Paths(Settings):
    """Where things are."""

    dataset: DirectoryPath
    """Folder that prepare wrote."""
    student: DirectoryPath
    """Folder that distill wrote."""
    baseline: DirectoryPath
    """Folder that evaluate wrote."""
    evaluation: FilePath
    """JSON file that evaluate wrote."""
    report: FilePath
    """HTML file that evaluate wrote."""
    verdict: NewPath
    """JSON file to write the verdict to."""
    summary: NewPath
    """Markdown file to write the verdict to."""
    snapshot: str = '{"inputs": "", "reference": null}'
    """What inspect handed on, as JSON."""


if __name__ == "__main__":
    run_alone("promote", PromoteSettings, Paths)
