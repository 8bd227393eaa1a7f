"""The champion: found, and compared only on rows it never saw, with labels that both know."""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.model import TRAINING_ROWS, read_model_json
from stillhouse.components.evaluate.contestants import Contestant, Progress, trained
from stillhouse.components.evaluate.ground import Ground, listed, respelt
from stillhouse.components.storage.store import NotFound
from stillhouse.components.targets.unanswered import unanswered
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

KINDS = {"classes": "one of several labels", "multi_label": "sets of labels", "number": "numbers"}
MIN_SHARED = {"classes": 2, "multi_label": 1, "number": 0}
"""On rows of a single class every model that always answers it is perfect: that compares nothing."""


@dataclass(frozen=True)
class Champion:
    """The champion in production, whether it can be compared or not."""

    name: str
    """As sentences call it."""
    digest: str
    folder: Path | None = None
    """Its model; None when it cannot be compared."""
    ground: Ground | None = None
    """Where it meets the candidate; None when its model cannot be read, or answers other questions."""
    why_not: str = ""
    """Why it cannot be compared, as what follows a colon; empty when it can."""
    note: str = ""
    """A sentence on what is uneven about the comparison."""

    def left_out(self, why: str) -> "Champion":
        """The champion, not to be compared."""
        return replace(self, folder=None, why_not=why)

    def described(self, student: list[dict[str, Any]]) -> dict[str, Any]:
        """What evaluation.json says of it; `student` are the candidate's measures of each label on all test rows."""
        ground = self.ground
        measures = {row["label"]: {key: row[key] for key in ("rows", "precision", "recall", "f1")} for row in student}
        return {
            "name": self.name,
            "digest": self.digest,
            "compared": not self.why_not,
            "why_not": self.why_not,
            "rows": int(ground.rows.sum()) if ground and not self.why_not else 0,
            "shared_labels": ground.shared if ground else [],
            "lost_labels": ground.lost if ground else [],
            "respelt_labels": respelt(ground.lost, ground.added) if ground else {},
            "added_labels": {label: measures[label] for label in ground.added} if ground else {},
        }


def open_champion(entry: str, card: dict[str, Any], test: Examples, targets: np.ndarray) -> Champion | None:
    """Find the champion of `entry`, the JSON that inspect hands on; "" means that there is none.

    One that exists and cannot be compared is handed on with the reason: nothing may replace it unnoticed.

    Args:
        card: the dataset's dataset.json.
        targets: of the test rows.
    """
    if not entry:
        return None
    record = json.loads(entry)
    name = f"champion (version {record['version']})" if record.get("version") else "champion"
    champion = Champion(name, record["digest"])
    try:
        folder = fetch_model(record["uri"], as_base=False)
        info, seen = _read(folder)
        task, target, theirs = info.get("task", card["task"]), info["target"], list(info["labels"])
    except (UserError, NotFound, OSError, ValueError, LookupError, TypeError) as error:
        logger.warning("the champion cannot be read", exc_info=True)
        return champion.left_out(f"its model cannot be read ({_first_line(error)})")
    if task != card["task"]:
        return champion.left_out(f"it is a model of the task {task}, and the data are of {card['task']}")
    if target != card["target"]:
        return champion.left_out(f"it answers with {_answers(target, theirs)}, the data hold {_of(card)}")
    unseen = ~np.isin(test.hashes, seen)
    ground = Ground.of(target, card["labels"], theirs, targets, unseen)
    champion = replace(champion, folder=folder, ground=ground, note=_other_columns(name, info, card))
    if len(ground.shared) < MIN_SHARED[target]:
        common = f"only {listed(ground.shared)} is a label of both" if ground.shared else "no label is one of both"
        return champion.left_out(f"it answers with {listed(theirs)}, the data hold {listed(ground.ours)}; {common}")
    if not unseen.any():
        return champion.left_out("it was trained on every one of the test rows")
    if not ground.rows.any():
        return champion.left_out("none of the test rows that it never saw has only labels that both know")
    return champion


def answers_of(champion: Champion, test: Examples, device: str, progress: Progress) -> Contestant | str:
    """The champion's answers; where its model gives none that can be measured, why not."""
    assert champion.folder and champion.ground
    try:
        found = trained(champion.folder, test, device, progress)
    except Exception as error:  # a damaged file makes the libraries that load it fail in whatever way
        logger.warning("the champion does not answer", exc_info=True)
        return f"its model cannot be loaded and asked ({_first_line(error)})"
    if found.scores.shape[1] != max(len(champion.ground.theirs), 1):
        return f"its model gives {found.scores.shape[1]} scores for {len(champion.ground.theirs)} labels"
    if strange := int(unanswered(found.scores).sum()):
        return f"its answers to {strange:,} of the test rows are not finite numbers"
    return found


def champion_notes(described: dict[str, Any]) -> list[str]:
    """Sentences on how far the champion could be compared, from what evaluation.json says of it."""
    name, notes = described["name"], []
    if not described["compared"]:
        notes.append(f"The {name} cannot be compared: {described['why_not']}.")
    if added := described["added_labels"]:
        measured = ", ".join(
            f"'{label}' ({found['rows']:,} test rows, the student's F1 {found['f1']:.3f})"
            for label, found in list(added.items())[:8]
        )
        more = f" and {len(added) - 8:,} more" if len(added) > 8 else ""
        notes.append(f"The {name} does not know: {measured}{more}.")
    if described["lost_labels"]:
        notes.append(f"Only the {name} knows: {listed(described['lost_labels'])}.")
    if described["compared"] and (added or described["lost_labels"]):
        notes.append(
            f"Both are compared on the {described['rows']:,} test rows that it never saw and whose labels both know; "
            "an answer outside these labels counts as wrong."
        )
    return notes


def _read(folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """model.json, and the short hashes of the rows that it knows."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return read_model_json(folder), load_file(folder / TRAINING_ROWS)["hashes"]
    except SafetensorError as error:
        raise ValueError(f"{TRAINING_ROWS}: {error}") from None


def _answers(target: str, labels: list[str]) -> str:
    return KINDS.get(target, target) + (f" ({listed(labels)})" if labels else "")


def _of(card: dict[str, Any]) -> str:
    return _answers(card["target"], card["labels"])


def _other_columns(name: str, info: dict[str, Any], card: dict[str, Any]) -> str:
    theirs, ours = (about.get("columns", {}).get("text") for about in (info, card))
    if not theirs or not ours or theirs == ours:
        return ""
    return f"The {name} learnt texts of {', '.join(theirs)}; here it answers texts of {', '.join(ours)}."


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
