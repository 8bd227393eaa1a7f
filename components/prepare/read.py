"""The columns of a source that play a part, out of one file or many."""

import difflib
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from stillhouse.components.artifacts.spec import FORMAT, Spec
from stillhouse.components.config.settings import shown
from stillhouse.components.formats.batch import ArrowBatch, Batch, MissingColumn, Reading, check_columns
from stillhouse.components.formats.class_labels import readme_names
from stillhouse.components.formats.columns import column_texts
from stillhouse.components.formats.missing import Missing
from stillhouse.components.formats.no_values import spellings
from stillhouse.components.formats.sources import Part, parts_of
from stillhouse.components.formats.splits import GIVEN, Split
from stillhouse.components.formats.table import FileNote, Table
from stillhouse.components.formats.values import keys, truths
from stillhouse.components.prepare.replay import Periods
from stillhouse.components.prepare.settings import PrepareSettings
from stillhouse.components.storage.memory import Budget, bounded_memory
from stillhouse.components.tasks import load_task
from stillhouse.components.tasks.interface.columns import FILE_NAME, Columns, Roles, named_in, with_rest
from stillhouse.components.tasks.interface.task import Task
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)


def unparsed(settings: PrepareSettings) -> Task:
    """The task, which knows of its dataset what the settings say: how examples are brought into form, and no target."""
    kind = load_task(settings.task)
    spec = Spec(
        format=FORMAT,
        task=settings.task,
        target="",
        labels=[],
        columns={
            **settings.columns.of(kind.fields),
            "group": settings.columns.group,
            "split": settings.columns.split,
            **({"time": settings.columns.time} if settings.columns.time else {}),
            **({"slices": settings.slices} if settings.slices else {}),
        },
        csv=settings.csv.model_dump(exclude_none=True),
        input=settings.input.model_dump(mode="json"),
        cleaning={**settings.cleaning, "max_characters": settings.max_characters, "missing": settings.missing},
        content_digest="",
    )
    return kind(spec)


def read(
    files: Sequence[Path],
    settings: PrepareSettings,
    progress: Callable[[int, int], None] = lambda *_: None,
    root: Path | None = None,
    periods: Periods | None = None,
) -> Table:
    """Read the columns that `settings` names from all `files`, as the task takes them.

    Files of other formats, as a README, are left out and logged; a pickle is never opened. `progress` is called
    with the files read and the files in all.

    Args:
        root: the folder that the files lie in, at any depth; where it is not given, the source.
        periods: the partitions of which some are before the window.

    Raises:
        UserError: no file of a known format; a file that cannot be read, or not within `max_memory_gb`; a column that
            is missing, given twice, or does not hold what its field needs.
    """
    task = unparsed(settings)
    known, left_out = parts_of(files, settings.source, root or Path(settings.source), task.formats)
    for path in left_out:
        logger.info("%s is not a data file and is left out.", path)
    parts: list[Table] = []
    notes: list[FileNote] = []
    unlabelled: list[MissingColumn] = []
    columns = settings.columns.of(task.fields)
    target = columns[task.target_field()]
    classes = readme_names(left_out, target if isinstance(target, str) else None)
    with bounded_memory(int(settings.max_memory_gb * 2**30)) as budget:
        for done, part in enumerate(known):
            progress(done, len(known))
            names = next((classes[folder] for folder in part.path.parents if folder in classes), None)
            reader = _PartReader(part, settings, task, budget, {str(target): names} if names else {}, periods)
            try:
                of_part, written = reader.tables(columns)
            except MissingColumn as error:
                if error.name != target or _is_misspelt(error):
                    raise
                unlabelled.append(error)
                of_part, written = reader.tables({**columns, task.target_field(): None})
                written += f" (without the column '{error.name}': not labelled yet)"
            parts += of_part
            if names:
                written += f" (classes as README.md names them: {shown(names)})"
            notes.append(FileNote(sum(map(len, of_part)), written))
    if len(unlabelled) == len(known):
        raise unlabelled[0]
    progress(len(known), len(known))
    return replace(_together(parts, settings, columns), files=notes, left_out=left_out)


def _together(parts: Sequence[Table], settings: PrepareSettings, columns: Roles) -> Table:
    """All parts as one, with one spelling for each value."""
    missing = Missing(settings.missing)
    groups = [value for part in parts for value in part.groups]
    slices = {name: [row[i] for part in parts for row in part.slices] for i, name in enumerate(settings.slices)}
    no_values = {name: spellings(values, missing.is_name_missing) for name, values in slices.items()}
    if settings.columns.group:
        no_values[settings.columns.group] = spellings(groups, missing.is_key_missing)
    for name, counts in ((name, part.no_values[name]) for part in parts for name in part.no_values):
        no_values[name] = dict(Counter(no_values.get(name, {})) + Counter(counts))
    return Table(
        inputs=_inputs(parts, columns),
        targets=truths([value for part in parts for value in part.targets], missing.is_key_missing),
        groups=keys([None if missing.is_key_missing(value) else value for value in groups]),
        splits=[value for part in parts for value in part.splits],
        slices=_slices(slices, missing) or [()] * len(groups),
        origins=[origin for part in parts for origin in part.origins],
        times=[None if missing.is_key_missing(value) else value for part in parts for value in part.times],
        periods=[period for part in parts for period in part.periods],
        no_values={name: counts for name, counts in no_values.items() if counts},
    )


def _inputs(parts: Sequence[Table], columns: Roles) -> pa.Table:
    """The fields of all parts.

    Raises:
        UserError: two parts have values of kinds that do not go together.
    """
    if not parts:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    try:
        return pa.concat_tables([part.inputs for part in parts], promote_options="permissive")
    except pa.ArrowException:
        first = parts[0]
        other, name, kinds = next(
            (part, *found) for part in parts if (found := _unlike(first.inputs.schema, part.inputs.schema, columns))
        )
        raise UserError(
            f"{other.origins[0][0]}, column '{name}': holds {kinds[1]}, and {first.origins[0][0]} has {kinds[0]} "
            "there; write both alike."
        ) from None


def _unlike(one: pa.Schema, other: pa.Schema, columns: Roles) -> tuple[str, tuple[pa.DataType, pa.DataType]] | None:
    """The first column whose types do not go together, and these."""
    for name in set(one.names) & set(other.names):
        kinds = one.field(name).type, other.field(name).type
        try:
            pa.unify_schemas([pa.schema({name: kind}) for kind in kinds], promote_options="permissive")
        except pa.ArrowException:
            inside = (
                _unlike(pa.schema(kinds[0]), pa.schema(kinds[1]), {}) if all(map(pa.types.is_struct, kinds)) else None
            )
            of = columns.get(name)
            return inside or (of if isinstance(of, str) else name, kinds)
    return None


def _is_misspelt(error: MissingColumn) -> bool:
    """Whether the file has the column under another spelling."""
    return bool(difflib.get_close_matches(error.name.lower(), [name.lower() for name in error.present], 1, cutoff=0.75))


def _slices(columns: Mapping[str, Sequence[str]], missing: Missing) -> list[tuple[str, ...]]:
    """Per row its values of all columns, empty strings where it has none."""
    spelt = (
        keys([None if missing.is_name_missing(value) else value for value in values]) for values in columns.values()
    )
    return [tuple(value or "" for value in row) for row in zip(*spelt, strict=True)]


class _PartReader:
    """Reads a part of the source."""

    def __init__(
        self,
        part: Part,
        settings: PrepareSettings,
        task: Task,
        budget: Budget,
        classes: Mapping[str, list[str]],
        periods: Periods | None,
    ) -> None:
        self._part, self._settings, self._task, self._budget, self._classes = part, settings, task, budget, classes
        columns = settings.columns
        self._others = [name for name in (columns.group, columns.split_column, columns.time) if name is not None]
        self._periods = periods

    def tables(self, columns: Roles) -> tuple[list[Table], str]:
        """Its rows, and how it is written.

        Raises:
            MissingColumn: it lacks a column that is asked for.
        """
        settings = self._settings
        wanted = self._wanted(columns)
        is_open = [] in columns.values()
        reading = Reading(None if is_open else wanted, self._budget, settings.csv, formats=self._task.formats)
        seen: dict[str, None] = {}
        tables = []
        try:
            for path, batch in self._part.rows(reading):
                seen |= dict.fromkeys(batch.names)
                if is_open and isinstance(batch, ArrowBatch):
                    check_columns(path, wanted, batch.names)
                tables.append(self._table(path, replace(batch, classes=self._classes), columns, wanted))
        except MemoryError:
            raise UserError(
                f"{self._part.path}: reading it takes more than prepare.max_memory_gb ({settings.max_memory_gb:g}); "
                "look what the file holds, cut it into smaller ones, or raise that."
            ) from None
        if is_open and seen:
            check_columns(self._part.path, wanted, list(seen))
        return tables, ": ".join([self._part.written, *reading.notes])

    def _wanted(self, columns: Roles) -> list[str]:
        """All columns that are named."""
        return list(dict.fromkeys([*named_in(columns), *self._others, *self._settings.slices]))

    def _table(self, path: Path, batch: Batch, columns: Roles, wanted: list[str]) -> Table:
        """The columns of some rows."""
        settings, rows = self._settings, len(batch)
        rest = [name for name in batch.names if name not in wanted]
        inputs, targets = self._task.take(path, batch, with_rest(columns, rest))
        optional: dict[str | None, list[str | None]] = {None: [None] * rows}
        for name in {*self._others, *settings.slices}:
            optional[name] = column_texts(path, batch, str(name)).to_pylist()
        slices = [[value or "" for value in optional[name]] for name in settings.slices]
        split = settings.columns.split_column
        missing = Missing(settings.missing).is_key_missing
        given = [None if missing(value) else value for value in optional[split]]
        return Table(
            inputs=pa.table(inputs),
            targets=targets,
            groups=optional[settings.columns.group],
            splits=_splits(path, settings.columns, given, batch.numbers),
            slices=list(zip(*slices, strict=True)) if slices else [()] * rows,
            origins=[(path, batch.numbers)],
            times=optional[settings.columns.time] if settings.columns.time else [],
            periods=[self._periods.of(file) for file in self._part.files(path, batch)] if self._periods else [],
            no_values={split: spellings(optional[split], missing)} if split else {},
        )


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
