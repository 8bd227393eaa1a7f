"""What temperature scaling did for the student, on the test rows."""

from pathlib import Path
from typing import Any

from stillhouse.components.artifacts.calibration import TemperatureScaling
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.targets.measure import values_of
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.results import Answers


def calibration_of(task: Task, student: Path, answers: Answers, test: Examples) -> dict[str, Any]:
    """The part `calibration` of evaluation.json; empty where the student was not scaled.

    Args:
        student: model folder.
        answers: the student's, which are scaled.
    """
    if not (found := read_model_json(student).get("calibration")):
        return {}
    scaled = TemperatureScaling.model_validate(found)
    measures = [measure for measure in task.measures if measure.name == "ece"]

    def error(given: Answers | None) -> float | None:
        if given is None or not measures:
            return None
        return values_of(task.statistics(given, test), measures, len(test)).get("ece")

    before = error(task.at_temperature(answers, 1 / scaled.temperature))
    return {"calibration": {**scaled.model_dump(), "ece_before": before, "ece_after": error(answers)}}


def calibration_notes(document: dict[str, Any]) -> list[str]:
    """A sentence on it, from evaluation.json; none where the student was not scaled."""
    if not (found := document.get("calibration")):
        return []
    before, after, where = found["ece_before"], found["ece_after"], "calibration error (ECE) on the test rows"
    if before is None or after is None:
        before, after, where = found["loss_before"], found["loss_after"], "log-loss on these rows"
    return [
        f"The student's probabilities are scaled by a temperature of {found['temperature']:.3g}, fitted on "
        f"{found['rows']:,} validation rows: {where} {after:.4f}, without it {before:.4f}."
    ]
