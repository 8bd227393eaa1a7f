"""Keeping what the champion has right: focal distillation (Yan et al., 2021, arXiv:2011.09161).

Beside its teacher's answers a student learns the champion's, on the rows that the champion has right. What the champion
tells travels in the batches as further parts of the signal, which only those rows have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.model import read_model_json
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.storage.digests import digest_folder
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.tasks import task_of
from stillhouse.components.tasks.interface.task import Batch, Task
from stillhouse.errors import UserError

CHAMPION = "champion_"
"""Begins the names of the parts of a signal that the champion told."""


@dataclass(frozen=True)
class KeptChampion:
    """The champion, and which rows it has right."""

    task: Task
    """Bound to what it was trained on."""
    model: LoadedModel
    digest: str
    right: np.ndarray
    """bool [examples]: those that have a label and that it answers right."""

    def signal(self, model: nn.Module, batch: Batch, temperature: float) -> dict[str, Ragged]:
        """What it tells of each example of a batch of its own."""
        told = self.task.signal(self.task.forward(model, batch), batch, temperature)
        return {CHAMPION + name: ragged for name, ragged in told.items()}


class NotKept(NamedTuple):
    """Why there is no champion to keep to, in a sentence."""

    why: str


def champion_to_keep(
    task: Task, address: str, train: Examples, examples: Examples, device: str
) -> KeptChampion | NotKept:
    """The champion at `address` with the rows that it has right.

    Args:
        task: of the dataset.
        train: the examples that have a label, with which `examples` begin.
        examples: all that the student learns from.

    Raises:
        UserError: the task's answers are not right or wrong.
    """
    folder = fetch_model(address, as_base=False)
    theirs = task_of(Spec.of_model({"task": task.spec.task, **read_model_json(folder)}))
    same = (theirs.spec.task, theirs.spec.target) == (task.spec.task, task.spec.target)
    if not same or list(theirs.names) != list(task.names):
        return NotKept("The student does not keep to the champion, which answers with other labels.")
    model = theirs.load(folder, device)
    if not isinstance(model.model, nn.Module):
        return NotKept("The student does not keep to the champion, which is a baseline without soft answers.")
    answers = theirs.answer(model, train)
    right = task.right(task.statistics(answers, train))
    if right is None:
        raise UserError(
            "distill: answers here are not right or wrong but nearer or further off, so the champion has none that are "
            "right; leave distill.keep_champion_right out."
        )
    known = right & ~theirs.unanswered(answers)
    return KeptChampion(theirs, model, digest_folder(folder), np.pad(known, (0, len(examples) - len(train))))


def parted(signal: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A signal in the teacher's part and the champion's, under its own names; each is empty where nothing is told."""
    teacher = {name: value for name, value in signal.items() if not name.startswith(CHAMPION)}
    return teacher, {n.removeprefix(CHAMPION): value for n, value in signal.items() if n.startswith(CHAMPION)}


def beside_own(told: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the champion told of some rows, and of all others what the student itself says, to which it has no distance.

    Args:
        told: parts by name, [sum, ...], and `<name>_row`, int64 [sum].
        own: the same of all rows of the batch.
    """
    full: dict[str, Tensor] = {}
    for name in (name for name in told if f"{name}_row" in told):
        row, theirs = own[f"{name}_row"], told[f"{name}_row"]
        others = ~torch.isin(row, theirs)
        rows = torch.cat([row[others], theirs])
        order = rows.argsort(stable=True)
        values = torch.cat([own[name].detach()[others].to(told[name].dtype), told[name]])
        full |= {name: values[order], f"{name}_row": rows[order]}
    return full
