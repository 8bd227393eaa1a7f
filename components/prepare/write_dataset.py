"""The dataset as it is handed on: Parquet files and dataset.json."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from stillhouse.components.artifacts.decided_rows import TEST_ROWS
from stillhouse.components.artifacts.examples import PERIOD, SLICE_PREFIX, TIME, Examples
from stillhouse.components.artifacts.known_rows import LEARNT_ROWS
from stillhouse.components.artifacts.spec import FORMAT
from stillhouse.components.formats.fields import canonical
from stillhouse.components.formats.splits import LABELLED, SPLITS, Split
from stillhouse.components.prepare.rows import Row, digest
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.splits import NearCopy, Splits
from stillhouse.components.tasks.interface.task import Task

if TYPE_CHECKING:
    from stillhouse.components.prepare.dated import Dated
    from stillhouse.components.prepare.rare_labels import RareLabel

ROW_GROUP = 8192
"""Rows that a reader must take at once."""


@dataclass(frozen=True)
class Prepared:
    """What came of a source."""

    task: Task
    """Knows the target and its labels."""
    splits: Splits
    read: int
    """Rows of the source: those in the splits and those dropped."""
    dropped: dict[str, int]
    """Rows dropped, by reason."""
    near_copies: list[NearCopy]
    """The near copies among those dropped."""
    rare: "list[RareLabel]" = field(default_factory=list)
    """The labels of the source that had too few rows, and are labels no more."""
    too_rare: "list[RareLabel]" = field(default_factory=list)
    """Those that have too few rows and still are labels."""
    examples: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    """Of each reason some of the rows dropped for it: label or place in the source, and the example."""
    notes: list[str] = field(default_factory=list)
    """What was decided about the labels, in sentences."""
    times: "Dated | None" = None
    """None where no column is named for them."""
    replayed: list[dict[str, Any]] = field(default_factory=list)
    """What was taken of each partition before the window."""

    @property
    def said(self) -> list[str]:
        """The notes, and what is said of rows without a time."""
        return [*self.notes, *([self.times.untimed] if self.times and self.times.untimed else [])]

    @property
    def kind(self) -> str:
        """Of the target."""
        return self.task.spec.target

    @property
    def labels(self) -> list[str]:
        """Names of the classes or labels; empty for numbers."""
        return self.task.spec.labels

    @property
    def target_name(self) -> str:
        """The column of the source that is learnt."""
        return str(self.task.spec.columns.get(self.task.target_field()))

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each split."""
        return {split: len(self.splits[split]) for split in (*LABELLED, "unlabelled")}

    @property
    def labelled(self) -> list[Row]:
        """The rows with a label, but for those that labelled_rows takes it from."""
        return [row for split in LABELLED for row in self.splits[split]]

    def label_counts(self, split: Split) -> Counter[str]:
        """Rows of each label in a split; a row of a multi-label problem counts for each of its labels."""
        counts = Counter(dict.fromkeys(self.labels, 0))
        for row in self.splits[split]:
            counts.update(self.labels[i] for i in self.task.label_indices(row.target))
        return counts


def _of_task(prepared: Prepared) -> dict[str, Any]:
    """What the task sets or has learnt; nothing where it does neither."""
    spec = prepared.task.spec
    return {name: value for name, value in (("input", spec.input), ("fitted", spec.fitted)) if value}


def content_digest(prepared: Prepared, settings: PrepareSettings) -> str:
    """SHA-256 over all that training and evaluation see, whatever the source's order and file names."""
    found = hashlib.sha256()
    head: list[Any] = [FORMAT, settings.task, prepared.kind, prepared.labels, settings.augment, settings.slices]
    if of_task := _of_task(prepared):
        head.append(of_task)
    found.update(json.dumps(head).encode())
    for split in SPLITS:
        for row in prepared.splits[split]:
            target = None if split == "unlabelled" else row.target
            found.update(json.dumps([split, row.hash, target, row.slices, *_beyond_identity(row)]).encode())
    return found.hexdigest()


def _beyond_identity(row: Row) -> list[str]:
    """A digest of the whole example, where its hash is not one; its time and partition, where it has them."""
    whole = canonical(row.example)
    when = [
        f"{name} {value}" for name, value in (("time", row.time), ("period", row.period)) if value not in (None, "")
    ]
    return when if digest(whole) == row.hash else [digest(whole), *when]


def split_tables(prepared: Prepared, slices: list[str]) -> dict[Split, pa.Table]:
    """The rows of each split, as the dataset has them: hash, fields, target and slices."""
    kinds = _kinds(prepared)
    return {split: _table(prepared, split, kinds, slices) for split in SPLITS}


def write_dataset(
    folder: Path,
    prepared: Prepared,
    tables: Mapping[Split, pa.Table],
    settings: PrepareSettings,
    description: dict[str, Any],
) -> None:
    """Write the splits and dataset.json into `folder`; `description` adds digests, statistics and drift."""
    for split, table in tables.items():
        path = folder / f"{split}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
    hashes = {split: Examples(table).hashes for split, table in tables.items()}
    save_file({"hashes": np.unique(hashes["test"])}, folder / TEST_ROWS)
    labelled = np.unique(np.concatenate([hashes["train"], hashes["validation"]]))
    save_file({"labelled": labelled, "unlabelled": np.unique(hashes["unlabelled"])}, folder / LEARNT_ROWS)
    document = {
        "format": FORMAT,
        "task": settings.task,
        "target": prepared.kind,
        "labels": prepared.labels,
        "columns": prepared.task.spec.columns,
        "csv": settings.csv.model_dump(exclude_none=True),
        "cleaning": settings.cleaning,
        "augment": settings.augment,
        **_of_task(prepared),
        "rows": prepared.rows,
        "read": prepared.read,
        "dropped": prepared.dropped,
        "rare_labels": [asdict(rare) for rare in prepared.rare],
        "notes": prepared.said,
        "source": settings.source,
        **description,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def _kinds(prepared: Prepared) -> dict[str, pa.DataType]:
    """What each field holds, by all rows: a split may have none."""
    rows = [row for split in SPLITS for row in prepared.splits[split]]
    names = dict.fromkeys(name for row in rows for name in row.example)
    return {name: pa.infer_type([row.example.get(name) for row in rows]) for name in names}


def _table(prepared: Prepared, split: Split, kinds: dict[str, pa.DataType], slices: list[str]) -> pa.Table:
    rows, task = prepared.splits[split], prepared.task
    columns: dict[str, Any] = {
        "hash": pa.array([row.hash for row in rows], pa.string()),
        **{name: pa.array([row.example.get(name) for row in rows], kind) for name, kind in kinds.items()},
    }
    if split != "unlabelled":
        columns[task.target_column] = task.target_array([row.target for row in rows], prepared.labels)
    if split == "test" and prepared.times:
        columns[TIME] = prepared.times.array(rows)
    if split == "test" and prepared.replayed:
        columns[PERIOD] = pa.array([row.period for row in rows], pa.string())
    for i, name in enumerate(slices):
        columns[SLICE_PREFIX + name] = pa.array([row.slices[i] for row in rows], pa.string())
    return pa.table(columns)
