"""The dataset as it is handed on: Parquet files and dataset.json."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillhouse.components.prepare.rows import LABELLED, SPLITS, Row, Split
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.prepare.splits import NearCopy, Splits
from stillhouse.components.targets.parse import Kind

if TYPE_CHECKING:
    from stillhouse.components.prepare.rare_labels import RareLabel

FORMAT = 1
ROW_GROUP = 8192
"""Rows that a reader must take at once."""


@dataclass(frozen=True)
class Prepared:
    """What came of a source."""

    kind: Kind
    labels: list[str]
    """Names of the classes or labels; empty for numbers."""
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
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Of each reason some of the rows dropped for it: label or place in the source, and text."""
    notes: list[str] = field(default_factory=list)
    """What was decided about the labels, in sentences."""

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
            if isinstance(row.target, tuple):
                counts.update(self.labels[i] for i in row.target)
            elif isinstance(row.target, int):
                counts[self.labels[row.target]] += 1
        return counts


def content_digest(prepared: Prepared, settings: PrepareSettings) -> str:
    """SHA-256 over all that training and evaluation see, whatever the source's order and file names."""
    digest = hashlib.sha256()
    head = [FORMAT, settings.task, prepared.kind, prepared.labels, settings.augment, settings.slices]
    digest.update(json.dumps(head).encode())
    for split in SPLITS:
        for row in prepared.splits[split]:
            target = None if split == "unlabelled" else row.target
            digest.update(json.dumps([split, row.hash, target, row.slices]).encode())
    return digest.hexdigest()


def write_dataset(folder: Path, prepared: Prepared, settings: PrepareSettings, description: dict[str, Any]) -> None:
    """Write the splits and dataset.json into `folder`; `description` adds digests, statistics and drift."""
    for split in SPLITS:
        table = _table(prepared, split, settings.slices)
        path = folder / f"{split}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
    document = {
        "format": FORMAT,
        "task": settings.task,
        "target": prepared.kind,
        "labels": prepared.labels,
        "columns": settings.columns.model_dump(),
        "csv": settings.csv.model_dump(exclude_none=True),
        "cleaning": settings.cleaning,
        "augment": settings.augment,
        "rows": prepared.rows,
        "read": prepared.read,
        "dropped": prepared.dropped,
        "rare_labels": [asdict(rare) for rare in prepared.rare],
        "notes": prepared.notes,
        "source": settings.source,
        **description,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def _table(prepared: Prepared, split: Split, slices: list[str]) -> pa.Table:
    rows = prepared.splits[split]
    columns = {
        "hash": pa.array([row.hash for row in rows], pa.string()),
        "text": pa.array([row.text for row in rows], pa.string()),
    }
    if split != "unlabelled":
        columns["label"] = _targets(prepared, rows)
    for i, name in enumerate(slices):
        columns[f"slice_{name}"] = pa.array([row.slices[i] for row in rows], pa.string())
    return pa.table(columns)


def _targets(prepared: Prepared, rows: list[Row]) -> pa.Array:
    """Class indices, numbers or multi-hot vectors."""
    targets: list[Any] = [row.target for row in rows]
    if prepared.kind == "multi_label":
        hot = [[float(i in target) for i in range(len(prepared.labels))] for target in targets]
        return pa.array(hot, pa.list_(pa.float32()))
    return pa.array(targets, pa.int64() if prepared.kind == "classes" else pa.float64())
