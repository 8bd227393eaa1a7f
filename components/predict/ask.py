"""What a model answers for rows of a table: the way that `predict` and the registered model share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from stillhouse.components.formats.batch import ArrowBatch
from stillhouse.components.formats.table import Table
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.predict.read import Lot, lot_of
from stillhouse.components.tasks import Task
from stillhouse.components.tasks.interface.columns import Roles
from stillhouse.errors import UserError


class Answered(NamedTuple):
    """Rows and what was answered for each."""

    rows: list[dict[str, Any]]
    """As they came, but for pictures; or the examples that were made of them."""
    answers: list[dict[str, Any]]


def roles_of(task: Task, columns: Sequence[str] = ()) -> Roles:
    """The columns that the model was trained on, or `columns` in the place of those of the first input field; with that
    of the target where examples are made of it."""
    inputs = [name for name, field in task.fields.items() if not field.target or task.gathers]
    roles = {name: task.spec.columns.get(name) for name in inputs}
    return {**roles, inputs[0]: list(columns) if task.fields[inputs[0]].many else columns[0]} if columns else roles


def ask(task: Task, loaded: LoadedModel, lot: Lot, roles: Roles) -> Answered:
    """The answers for some rows.

    Raises:
        UserError: a row has none; the sentence names it.
    """
    table = Table.of(lot.inputs, lot.targets)
    examples = task.asked((task.gather_asked(table) if task.gathers else table).inputs, lot.places.__getitem__)
    answers = task.answer(loaded, examples)
    missing = task.unanswered(answers)
    if missing.any():
        raise UserError(
            f"{lot.places[int(missing.argmax())]}: the model has no finite answer (nan or infinite) for this row, so "
            "that none of its answers should be used; take another version, or train it anew."
        )
    rows = [task.told(example) for example in examples] if task.gathers else lot.values
    hidden = [roles[name] for name, field in task.fields.items() if field.kind == "image" and name in roles]
    shown = [{name: value for name, value in row.items() if name not in hidden} for row in rows] if hidden else rows
    return Answered(shown, list(task.rows(answers, examples)))


def ask_table(task: Task, loaded: LoadedModel, table: pa.Table) -> Answered:
    """The answers for all rows of a table that has the columns that the model was trained on.

    Raises:
        UserError: as `ask`; or a column is missing.
    """
    place, roles = Path("table"), roles_of(task)
    batches = table.combine_chunks().to_batches()
    lots = [lot_of(place, ArrowBatch(range(1, len(rows) + 1), 1.0, rows), task, roles) for rows in batches]
    return ask(task, loaded, Lot.together(lots), roles) if lots else Answered([], [])
