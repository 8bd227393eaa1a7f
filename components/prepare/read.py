"""The columns of a source that play a part, out of one file or many."""

import difflib
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute

from stillhouse.components.config.settings import shown
from stillhouse.components.formats.batch import Batch, MissingColumn, Reading, suffix
from stillhouse.components.formats.class_labels import readme_names
from stillhouse.components.formats.columns import column_labels, column_texts
from stillhouse.components.formats.missing import Missing
from stillhouse.components.formats.tables import data_files, read_batches
from stillhouse.components.formats.values import keys, truths
from stillhouse.components.prepare.no_values import spellings
from stillhouse.components.prepare.rows import GIVEN, Split
from stillhouse.components.prepare.settings import FILE_NAME, Columns, PrepareSettings
from stillhouse.components.storage.memory import Budget, bounded_memory
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them


class FileNote(NamedTuple):
    """A file that was read."""

    rows: int
    written: str
    """Its format; how it is written, where that was found out."""


@dataclass(frozen=True)
class Table:
    """The columns of a source that play a part; all have one value per row."""

    texts: pa.ChunkedArray
    """Strings without nulls: the text columns, joined by line breaks."""
    labels: list[Any]
    """Values of the label column as they are, but for truth values, which have one spelling; None where it has none."""
    groups: list[str | None]
    """None where there is none: such a row belongs to nobody else's group."""
    splits: list[Split | None]
    slices: list[tuple[str, ...]]
    """Per row its values of the columns `slices`, empty strings where it has none."""
    origins: list[tuple[Path, Sequence[int]]]
    """Files in the order they were read, with the number of each of their rows."""
    files: list[FileNote] = field(default_factory=list)
    """What was found out about each file."""
    left_out: list[Path] = field(default_factory=list)
    """Files of other formats."""
    no_values: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of the group's, split's and slices' columns: how often each spelling of no value was met."""

    def where(self, row: int) -> str:
        """File and row, for an error; in CSV the header is row 1."""
        for path, numbers in self.origins:
            if row < len(numbers):
                return f"{path}, row {numbers[row]}"
            row -= len(numbers)
        raise IndexError(row)


def read(
    files: Sequence[Path], settings: PrepareSettings, progress: Callable[[int, int], None] = lambda *_: None
) -> Table:
    """Read the columns that `settings` names from all `files`.

    Files of other formats, as a README, are left out and logged; a pickle is never opened. `progress` is called
    with the files read and the files in all.

    Raises:
        UserError: no file of a known format; a file that cannot be read, or not within `max_memory_gb`; a column that
            is missing, given twice, or does not hold text.
    """
    known = data_files(files, settings.source)
    left_out = sorted(set(files) - set(known))
    for path in left_out:
        logger.info("%s is not a data file and is left out.", path)
    parts: list[Table] = []
    notes: list[FileNote] = []
    unlabelled: list[MissingColumn] = []
    classes = readme_names(left_out, settings.columns.label)
    with bounded_memory(int(settings.max_memory_gb * 2**30)) as budget:
        for done, path in enumerate(known):
            progress(done, len(known))
            names = next((classes[folder] for folder in path.parents if folder in classes), None)
            try:
                of_file, written = _read_file(path, settings, budget, names)
            except MissingColumn as error:
                if error.name != settings.columns.label or _is_misspelt(error):
                    raise
                unlabelled.append(error)
                of_file, written = _read_file(path, _without_label(settings), budget)
                written += f" (without the column '{error.name}': not labelled yet)"
            parts += of_file
            if names:
                written += f" (classes as README.md names them: {shown(names)})"
            notes.append(FileNote(sum(len(part.labels) for part in of_file), written))
    if len(unlabelled) == len(known):
        raise unlabelled[0]
    progress(len(known), len(known))
    missing, columns = Missing(settings.missing), settings.columns
    groups = [value for part in parts for value in part.groups]
    slices = {name: [row[i] for part in parts for row in part.slices] for i, name in enumerate(settings.slices)}
    no_values = {name: spellings(values, missing.is_name_missing) for name, values in slices.items()}
    if columns.group:
        no_values[columns.group] = spellings(groups, missing.is_key_missing)
    for name, counts in ((name, part.no_values[name]) for part in parts for name in part.no_values):
        no_values[name] = dict(Counter(no_values.get(name, {})) + Counter(counts))
    return Table(
        texts=pa.chunked_array([chunk for part in parts for chunk in part.texts.chunks], pa.string()),
        labels=truths([value for part in parts for value in part.labels], missing.is_key_missing),
        groups=keys([None if missing.is_key_missing(value) else value for value in groups]),
        splits=[value for part in parts for value in part.splits],
        slices=_slices(slices, missing) or [()] * len(groups),
        origins=[origin for part in parts for origin in part.origins],
        files=notes,
        left_out=left_out,
        no_values={name: counts for name, counts in no_values.items() if counts},
    )


def _is_misspelt(error: MissingColumn) -> bool:
    """Whether the file has the column under another spelling."""
    return bool(difflib.get_close_matches(error.name.lower(), [name.lower() for name in error.present], 1, cutoff=0.75))


def _without_label(settings: PrepareSettings) -> PrepareSettings:
    return settings.model_copy(update={"columns": settings.columns.model_copy(update={"label": None})})


def _slices(columns: Mapping[str, Sequence[str]], missing: Missing) -> list[tuple[str, ...]]:
    """Per row its values of all columns, empty strings where it has none."""
    spelt = (
        keys([None if missing.is_name_missing(value) else value for value in values]) for values in columns.values()
    )
    return [tuple(value or "" for value in row) for row in zip(*spelt, strict=True)]


def _read_file(
    path: Path, settings: PrepareSettings, budget: Budget, classes: list[str] | None = None
) -> tuple[list[Table], str]:
    """Its rows, and how it is written."""
    columns = settings.columns
    extra = [name for name in (columns.label, columns.group, _split_column(columns)) if name is not None]
    names = list(dict.fromkeys([*columns.text, *extra, *settings.slices]))
    reading = Reading(names, budget, settings.csv)
    try:
        parts = [_part(path, batch, settings, classes) for batch in read_batches(path, reading)]
    except MemoryError:
        raise UserError(
            f"{path}: reading it takes more than prepare.max_memory_gb ({settings.max_memory_gb:g}); "
            "look what the file holds, cut it into smaller ones, or raise that."
        ) from None
    return parts, ": ".join([suffix(path), *reading.notes])


def _part(path: Path, batch: Batch, settings: PrepareSettings, classes: list[str] | None) -> Table:
    """The columns of some rows."""
    columns, rows = settings.columns, len(batch)
    parts = [column_texts(path, batch, name) for name in columns.text]
    optional: dict[str | None, list[str | None]] = {None: [None] * rows}
    for name in {columns.group, _split_column(columns), *settings.slices} - {None}:
        optional[name] = column_texts(path, batch, str(name)).to_pylist()
    slices = [[value or "" for value in optional[name]] for name in settings.slices]
    split = _split_column(columns)
    missing = Missing(settings.missing).is_key_missing
    return Table(
        texts=pa.chunked_array([pc.binary_join_element_wise(*parts, "\n", null_handling="replace")], pa.string()),
        labels=column_labels(path, batch, columns.label, classes) if columns.label else [None] * rows,
        groups=optional[columns.group],
        splits=_splits(path, columns, [None if missing(value) else value for value in optional[split]], batch.numbers),
        slices=list(zip(*slices, strict=True)) if slices else [()] * rows,
        origins=[(path, batch.numbers)],
        no_values={split: spellings(optional[split], missing)} if split else {},
    )


def _split_column(columns: Columns) -> str | None:
    return None if columns.split == FILE_NAME else columns.split


def _splits(path: Path, columns: Columns, values: list[str | None], numbers: Sequence[int]) -> list[Split | None]:
    """The split of each row as the source gives it; None where it leaves that to the hash."""
    if columns.split == FILE_NAME:
        found = _split_words(path.name) or [GIVEN[word] for word in [path.parent.name.lower()] if word in GIVEN]
        if not found:
            raise UserError(f"{path}: its name does not tell the split; put train, validation or test into it.")
        return [found[-1]] * len(values)
    splits: list[Split | None] = []
    for number, value in zip(numbers, values, strict=True):
        name = (value or "").strip().lower()
        if name and name not in GIVEN:
            raise UserError(
                f"{path}, row {number}, column '{columns.split}': '{value}' is not a split; "
                "write train, validation, test or unlabelled."
            )
        splits.append(GIVEN[name] if name else None)
    return splits


def _split_words(name: str) -> list[Split]:
    return [GIVEN[part] for part in re.split(r"[^a-z]+", name.lower()) if part in GIVEN]
