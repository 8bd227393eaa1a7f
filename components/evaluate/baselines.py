"""What models have to beat: the task's strong baseline, which may be promoted in their place, and its trivial one."""

from pathlib import Path

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.evaluate.contestants import Contestant, trained
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.tasks import Task

NONE = "This task has no baseline that may be promoted.\n"


def strong_baseline(
    settings: EvaluateSettings, task: Task, train: Examples, test: Examples, folder: Path
) -> Contestant | None:
    """The task's strong baseline, fitted on the training rows; None where it has none.

    Where it may be promoted it is written as a model of its own, and asked as such.

    Args:
        folder: model folder to write; without such a model it says so.
    """
    fitted = task.fit_baseline(train, settings.seed)
    if fitted is not None:
        task.write_baseline(fitted, folder, settings={"task": settings.task, "seed": settings.seed})
        return trained(folder, test, settings.serve_on, lambda rows: None).called(task.baseline_title)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README").write_text(NONE, encoding="utf-8")
    if not task.baseline:
        return None
    return Contestant(task.baseline_answers(train, test, settings.seed), title=task.baseline_title)


def trivial_baseline(task: Task, train: Examples, test: Examples) -> Contestant:
    """The baseline that looks at no example."""
    return Contestant(task.trivial(train, test), title=task.trivial_title)
