"""The champion, or the anchor: found, and compared only on rows it never saw, with labels that both know."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.held_against import HeldAgainst, Rival
from stillhouse.components.artifacts.kept import store_of
from stillhouse.components.artifacts.known_rows import KnownRows, RowsUnknown, known_rows
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate.contestants import Contestant, Progress, trained
from stillhouse.components.storage.store import NotFound
from stillhouse.components.targets.measure import values_of
from stillhouse.components.targets.shared_labels import respelt
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.results import Ground, some
from stillhouse.errors import UserError
from stillhouse.spelling import listed

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """The champion in production, or the anchor, whether it can be compared or not."""

    name: str
    """As sentences call it."""
    digest: str
    folder: Path | None = None
    """Its model; None when it cannot be compared."""
    task: Task | None = None
    """Bound to what it was trained on; None when its model cannot be read, or is one of another task."""
    ground: Ground | None = None
    """Where it meets the candidate; None when its model cannot be read, or is one of another task."""
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    """bool [test rows]: those that it never saw, and whose labels both know."""
    why_not: str = ""
    """Why it cannot be compared, as what follows a colon; empty when it can."""
    note: str = ""
    """A sentence on what is uneven about the comparison."""

    @property
    def meeting(self) -> tuple[Ground, np.ndarray] | None:
        """Where it meets the candidates and on which rows, bool [test rows]; None where it cannot be compared."""
        return (self.ground, self.rows) if self.folder and self.ground else None

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
            "rows": int(self.rows.sum()) if not self.why_not else 0,
            "shared_labels": list(ground.shared) if ground else [],
            "lost_labels": list(ground.lost) if ground else [],
            "respelt_labels": respelt(ground.lost, ground.added) if ground else {},
            "added_labels": {label: measures[label] for label in ground.added} if ground else {},
        }


def read_champion(entry: str) -> HeldAgainst | None:
    """What inspect hands on, as JSON; "" means that there is no champion."""
    return HeldAgainst.parse(entry) if entry else None


def open_champion(entry: str, task: Task, test: Examples) -> Champion | None:
    """Find the champion of `entry`, the JSON that inspect hands on; None where there is none.

    Args:
        task: of the dataset.
    """
    found = read_champion(entry)
    return open_rival(found, "champion", task, test) if found else None


def open_rival(found: Rival, role: str, task: Task, test: Examples) -> Champion:
    """Find the champion or the anchor.

    One that exists and cannot be compared is handed on with the reason: nothing may replace it unnoticed.

    Args:
        task: of the dataset.
    """
    name = f"{role} (version {found.version})" if found.version else role
    champion = Champion(name, found.digest)
    try:
        folder = fetch_model(found.uri, as_base=False)
        info = read_model_json(folder)
        theirs = Spec.of_model({"task": task.spec.task, **info})
        champion = replace(champion, task=task_of(theirs) if theirs.task == task.spec.task else None)
    except (UserError, NotFound, OSError, ValueError, LookupError, TypeError) as error:
        logger.warning("the %s cannot be read", role, exc_info=True)
        return champion.left_out(f"its model cannot be read ({_first_line(error)})")
    if champion.task is None:
        return champion.left_out(f"it is a model of the task {theirs.task}, and the data are of {task.spec.task}")
    seen = _seen(found, folder)
    if isinstance(seen, str):
        return champion.left_out(seen)
    unseen = ~seen.labels_of(test.hashes)
    ground = task.ground(champion.task, test)
    note = _other_columns(name, task, theirs)
    champion = replace(champion, folder=folder, ground=ground, rows=unseen & ground.known, note=note)
    if ground.why_not:
        return champion.left_out(ground.why_not)
    if not unseen.any():
        return champion.left_out("it was trained on every one of the test rows")
    if not champion.rows.any():
        return champion.left_out("none of the test rows that it never saw has only labels that both know")
    return champion


def answers_of(champion: Champion, task: Task, test: Examples, device: str, progress: Progress) -> Contestant | str:
    """The champion's answers; where its model gives none that can be measured, why not."""
    assert champion.folder and champion.task and champion.ground
    try:
        found = trained(champion.folder, test, device, progress)
    except Exception as error:  # a damaged file makes the libraries that load it fail in whatever way
        logger.warning("the %s does not answer", champion.name, exc_info=True)
        return f"its model cannot be loaded and asked ({_first_line(error)})"
    if why_not := champion.task.unusable(found.answers):
        return why_not
    here = test.take(np.flatnonzero(champion.rows))
    statistics, main = champion.ground.theirs(some(found.answers, champion.rows), here), task.measures[0]
    if not values_of(statistics, [main], len(here)):
        return f"{main.title} has no value on the {len(here):,} test rows that it never saw"
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


def _seen(found: Rival, folder: Path) -> KnownRows | str:
    """The rows that it knows; where nobody can say it, why it cannot be compared."""
    try:
        return known_rows(store_of(found.uri), found.digest, folder)
    except RowsUnknown as error:
        return f"which test rows it never saw is not known ({error})"


def _other_columns(name: str, task: Task, champion: Spec) -> str:
    """A sentence where the champion learnt its examples from other columns."""
    for part, field_ in task.fields.items():
        theirs, ours = (spec.columns.get(part) for spec in (champion, task.spec))
        if not field_.target and theirs and ours and theirs != ours:
            what = part if part.endswith("s") else f"{part}s"
            return f"The {name} learnt {what} of {_joined(theirs)}; here it answers {what} of {_joined(ours)}."
    return ""


def _joined(columns: list[str] | str) -> str:
    return columns if isinstance(columns, str) else ", ".join(columns)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
