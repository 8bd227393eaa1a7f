"""The rows of a file as a model's dataset would know them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stillhouse.components.artifacts.examples import short_hashes
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.config.settings import check
from stillhouse.components.formats.fields import canonical
from stillhouse.components.formats.settings import CsvSettings
from stillhouse.components.formats.table import Table
from stillhouse.components.predict.ask import roles_of
from stillhouse.components.predict.read import MEMORY, Lot, lots, parts_to_answer
from stillhouse.components.prepare.rows import digest
from stillhouse.components.storage.memory import bounded_memory
from stillhouse.components.tasks import Task, task_of

LOT = 1024
"""Rows that are read together, where an example is one row."""


class Hashes(NamedTuple):
    """Short hashes; both are int64 [rows]."""

    identities: np.ndarray
    """Of the examples that the rows become, by what a dataset tells them by; without those that it would drop."""
    as_they_came: np.ndarray
    """Of all of them before they are cleaned: another recipe may clean them otherwise."""


def reading_of(spec: Spec) -> str:
    """What two models have in common that read rows alike."""
    return json.dumps([spec.task, spec.columns, spec.csv, spec.cleaning, spec.input], sort_keys=True)


def hashes_of(source: Path, spec: Spec) -> Hashes:
    """The rows of a file or folder, read as the datasets of models with this spec.

    Raises:
        UserError: there is no such file or kind of problem, a row cannot be read, or lacks a column.
    """
    task = task_of(spec)
    identities: list[str] = []
    as_they_came: list[str] = []
    with bounded_memory(MEMORY):
        for inputs in _inputs(source, task):
            as_they_came += (digest(canonical(row)) for row in inputs.to_pylist())
            found = task.standardise_all(inputs)
            identities += (digest(task.identity(example)) for example in found if not isinstance(example, str))
    return Hashes(short_hashes(identities), short_hashes(as_they_came))


def _inputs(source: Path, task: Task) -> Iterator[pa.Table]:
    """The input fields of all examples, some at a time."""
    written: CsvSettings = check(CsvSettings, task.spec.csv, "csv")
    parts = parts_to_answer(source, task.formats_to_answer)
    found = (lot for part in parts for lot in lots(part, task, roles_of(task), written, LOT))
    if not task.gathers:
        yield from (lot.inputs for lot in found)
        return
    rows = list(found)
    if rows:
        together = Lot.together(rows)
        yield task.gather_asked(Table.of(together.inputs, together.targets)).inputs
