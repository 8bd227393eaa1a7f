"""How the trainings went that a model came out of: `history.json` of its folder, from which the report draws curves.

Nothing in it is a time: the same training makes the same file, and with it the same digest of the model's folder.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stillhouse.components.training.history import History

FORMAT = 1
FILE = "history.json"

Trained = dict[str, Any]
"""One training, as `described` makes it, with the settings of its step."""


def described(step: str, history: "History", metric: str, *, keeps_last: bool = False) -> Trained:
    """What history.json says of a training.

    Args:
        step: The pipeline's step that it was.
        history: As the loop returned it.
        metric: Name of the metric by which the weights that were kept were chosen.
        keeps_last: whether it tells not which are better, so that the last ones were kept; said where it is so.

    Returns:
        `losses` and `points` are pairs of an optimizer step and the mean loss since the pair before, and the metric on
        the validation rows; values that are not finite are left out. `best` is None where nothing was validated.
    """
    points = [(point["step"], point[metric]) for point in history.points]
    return {
        "step": step,
        "metric": metric,
        "steps": history.step,
        "best": history.best,
        "best_step": history.best_step,
        "stopped": history.stopped,
        "losses": _finite(history.losses),
        "points": _finite(points),
        **({"keeps_last": True} if keeps_last else {}),
    }


def write_trainings(folder: Path, trainings: Sequence[Trained]) -> None:
    """Write history.json into `folder`."""
    document = {"format": FORMAT, "trainings": list(trainings)}
    (folder / FILE).write_text(json.dumps(document, allow_nan=False) + "\n", encoding="utf-8")


def trainings_of(folder: Path) -> list[Trained]:
    """The trainings that a model folder tells of, the first one first; none of one from elsewhere."""
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8"))["trainings"] if path.is_file() else []


def _finite(pairs: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(pair) for pair in pairs if all(math.isfinite(value) for value in pair)]
