"""Reading of tables: CSV, JSON lines, Parquet and Arrow, one file or many."""

import gzip
import json
import logging
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from stillhouse.components.cleaning import without_surrogates
from stillhouse.components.prepare.rows import GIVEN, Split
from stillhouse.components.prepare.settings import FILE_NAME, Columns, PrepareSettings
from stillhouse.components.storage.memory import Budget, bounded_memory
from stillhouse.components.tables import refuse_other_encodings, refuse_pickles, unique_keys
from stillhouse.errors import UserError

logger = logging.getLogger(__name__)

pc: Any = pyarrow.compute  # its functions are made at run time, where no type checker sees them

BLOCK = 64 << 20
"""Bytes a CSV row may take at most."""
_BATCH = 8192
"""Rows of Parquet that are read at once."""


@dataclass(frozen=True)
class Table:
    """The columns of a source that play a part; all have one value per row."""

    texts: pa.ChunkedArray
    """Strings without nulls: the text columns, joined by line breaks."""
    labels: list[Any]
    """Values of the label column as they are; None where there is none."""
    groups: list[str | None]
    splits: list[Split | None]
    slices: list[tuple[str, ...]]
    """Per row its values of the columns `slices`, empty strings where it has none."""
    origins: list[tuple[Path, Sequence[int]]]
    """Files in the order they were read, with the number of each of their rows."""

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
            is missing, there twice or no text.
    """
    known = [path for path in files if _reader(path) is not None]
    if not known:
        refuse_pickles(files)
        raise UserError(f"{settings.source}: no data file found; it must hold {', '.join(_READERS)} (or these as .gz).")
    for path in sorted(set(files) - set(known)):
        logger.info("%s is no data file and is left out.", path)
    parts = []
    with bounded_memory(int(settings.max_memory_gb * 2**30)) as budget:
        for done, path in enumerate(known):
            progress(done, len(known))
            parts.append(_read_file(path, settings, budget))
    progress(len(known), len(known))
    return Table(
        texts=pa.chunked_array([chunk for part in parts for chunk in part.texts.chunks], pa.string()),
        labels=[value for part in parts for value in part.labels],
        groups=[value for part in parts for value in part.groups],
        splits=[value for part in parts for value in part.splits],
        slices=[value for part in parts for value in part.slices],
        origins=[origin for part in parts for origin in part.origins],
    )


def _read_file(path: Path, settings: PrepareSettings, budget: Budget) -> Table:
    columns = settings.columns
    split = None if columns.split == FILE_NAME else columns.split
    extra = [name for name in (columns.label, columns.group, split) if name is not None]
    names = list(dict.fromkeys([*columns.text, *extra, *settings.slices]))
    reader = _reader(path)
    assert reader is not None
    try:
        table, numbers = reader(path, names, budget)
        parts = [_strings(table, name, path) for name in columns.text]
        texts = pc.binary_join_element_wise(*parts, "\n", null_handling="replace")
    except MemoryError:
        raise UserError(
            f"{path}: reading it takes more than max_memory_gb ({settings.max_memory_gb:g}); "
            "look what the file holds, cut it into smaller ones, or raise max_memory_gb."
        ) from None
    except (pa.ArrowException, UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
        raise UserError(_unreadable(path, error)) from None
    rows = table.num_rows
    optional: dict[str | None, list[str | None]] = {None: [None] * rows}
    for name in {columns.group, split, *settings.slices} - {None}:
        optional[name] = _strings(table, str(name), path).to_pylist()
    slices = [[value or "" for value in optional[name]] for name in settings.slices]
    return Table(
        texts=texts,
        labels=_labels(table, columns.label, path) if columns.label else [None] * rows,
        groups=optional[columns.group],
        splits=_splits(path, columns, optional[split], numbers),
        slices=list(zip(*slices, strict=True)) if slices else [()] * rows,
        origins=[(path, numbers)],
    )


def _splits(path: Path, columns: Columns, values: list[str | None], numbers: Sequence[int]) -> list[Split | None]:
    """The split of each row as the source gives it; None where it leaves that to the hash."""
    if columns.split == FILE_NAME:
        found = [GIVEN[part] for part in re.split(r"[^a-z]+", path.name.lower()) if part in GIVEN]
        if not found:
            raise UserError(f"{path}: its name tells no split; put train, validation or test into it.")
        return [found[-1]] * len(values)
    splits: list[Split | None] = []
    for number, value in zip(numbers, values, strict=True):
        name = (value or "").strip().lower()
        if name and name not in GIVEN:
            raise UserError(
                f"{path}, row {number}, column '{columns.split}': '{value}' is no split; "
                "write train, validation, test or unlabelled."
            )
        splits.append(GIVEN[name] if name else None)
    return splits


def _strings(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    """A column as strings: numbers, dates and categories are written out."""
    column = table[name]
    try:
        return pc.cast(column, pa.string())
    except MemoryError:
        raise
    except pa.ArrowException:
        raise UserError(
            f"{path}, column '{name}': holds {column.type}, and text is needed; choose another column."
        ) from None


def _labels(table: pa.Table, name: str, path: Path) -> list[Any]:
    """A column as labels: lists, numbers, truth values; everything else as strings."""
    kind = table[name].type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_list(inner) or pa.types.is_large_list(inner) or pa.types.is_fixed_size_list(inner):
        if not (_is_plain(inner.value_type) or pa.types.is_string(inner.value_type)):
            raise UserError(f"{path}, column '{name}': holds {kind}, and names are needed; choose another column.")
        return table[name].to_pylist()
    return table[name].to_pylist() if _is_plain(inner) else _strings(table, name, path).to_pylist()


def _is_plain(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind)


def _read_csv(path: Path, names: list[str], budget: Budget) -> tuple[pa.Table, Sequence[int]]:
    from pyarrow import csv

    # Threads would take the row numbers out of pyarrow's messages.
    refuse_other_encodings(path)
    read = csv.ReadOptions(use_threads=False, block_size=BLOCK)
    delimiter = "\t" if _suffix(path) == ".tsv" else ","
    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with csv.open_csv(path, read, parse) as file:
        _check_columns(path, names, file.schema.names)
    # As strings: what a type guessed from the first rows would lose (007, NA) is still there.
    convert = csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()))
    with csv.open_csv(path, read, parse, convert) as file:
        table = _collect(file, file.schema, names, budget)
    return table, range(2, table.num_rows + 2)


def _read_json(path: Path, names: list[str], budget: Budget) -> tuple[pa.Table, Sequence[int]]:
    values: dict[str, list[Any]] = {name: [] for name in names}
    numbers: list[int] = []
    seen: dict[str, None] = {}
    refuse_other_encodings(path)
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            budget.take(len(line))
            if line.strip():
                row = _json_object(path, number, line)
                seen |= dict.fromkeys(row)
                numbers.append(number)
                for name in names:
                    values[name].append(row.get(name))
    if numbers:
        _check_columns(path, names, list(seen))
    return pa.table({name: _json_column(path, name, values[name], numbers) for name in names}), numbers


def _json_object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=unique_keys)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, row {number}: no UTF-8 ({error}); save the file as UTF-8.") from None
    except ValueError as error:
        raise UserError(f"{path}, row {number}: no JSON ({error}); write one object on each line.") from None
    except RecursionError:
        raise UserError(f"{path}, row {number}: lists or objects lie too deep in one another; write it flat.") from None
    if not isinstance(row, dict):
        raise UserError(f"{path}, row {number}: no JSON object; write one object on each line.")
    return row


def _json_column(path: Path, name: str, values: list[Any], numbers: list[int]) -> pa.Array:
    """The values of one key: lists where there are lists, else strings as the other formats have them."""
    lists = any(isinstance(value, list) for value in values)
    for number, value in zip(numbers, values, strict=True):
        if isinstance(value, dict) or (lists and not isinstance(value, list | None)):
            raise UserError(
                f"{path}, row {number}, column '{name}': holds {_kind(value)} where other rows hold "
                f"{'a list' if lists else 'one value'}; write all rows alike."
            )
    if lists:
        written = [None if value is None else [_json_text(item) for item in value] for value in values]
        return pa.array(written, pa.list_(pa.string()))
    return pa.array([_json_text(value) for value in values], pa.string())


def _json_text(value: Any) -> str | None:
    """A string without lone surrogates, which no encoding can write; other values as JSON, NaN as None."""
    if value is None or value != value:
        return None
    return without_surrogates(value if isinstance(value, str) else json.dumps(value))


def _kind(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "one value"


def _read_parquet(path: Path, names: list[str], budget: Budget) -> tuple[pa.Table, Sequence[int]]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _check_columns(path, names, file.schema_arrow.names)
        # Threads would not stop where the budget does, and die where there is no memory for them.
        batches = file.iter_batches(_BATCH, columns=names, use_threads=False)
        table = _collect(batches, file.schema_arrow, names, budget)
    return table, range(1, table.num_rows + 1)


def _read_arrow(path: Path, names: list[str], budget: Budget) -> tuple[pa.Table, Sequence[int]]:
    """An Arrow file or, as the Hugging Face library writes it, an Arrow stream."""
    options = pa.ipc.IpcReadOptions(use_threads=False)
    with pa.OSFile(str(path)) as source:
        try:
            file = pa.ipc.open_file(source, options=options)
            schema, batches = file.schema, (file.get_batch(i) for i in range(file.num_record_batches))
        except pa.ArrowInvalid:
            source.seek(0)
            stream = pa.ipc.open_stream(source, options=options)
            schema, batches = stream.schema, iter(stream)
        _check_columns(path, names, schema.names)
        table = _collect(batches, schema, names, budget)
    return table, range(1, table.num_rows + 1)


def _collect(batches: Iterable[pa.RecordBatch], schema: pa.Schema, names: list[str], budget: Budget) -> pa.Table:
    """The columns `names` of all batches, each of which is counted and checked.

    Unchecked, what a writer left half done would end this process and not this function.
    """
    kept = []
    for batch in batches:
        chosen = batch.select(names)
        budget.take(chosen.nbytes)
        chosen.validate(full=True)
        kept.append(chosen)
    return pa.Table.from_batches(kept, kept[0].schema if kept else pa.schema([schema.field(name) for name in names]))


Reader = Callable[[Path, list[str], Budget], tuple[pa.Table, Sequence[int]]]
_READERS: dict[str, Reader] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
}


def is_table(name: str) -> bool:
    """Whether a file of that name is one that `read` takes."""
    return _reader(Path(name)) is not None


def _reader(path: Path) -> Reader | None:
    return _READERS.get(_suffix(path))


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _check_columns(path: Path, names: list[str], present: list[str]) -> None:
    for name in names:
        if name not in present:
            raise UserError(
                f"{path}: column '{name}' is missing; the file has {', '.join(present)}: "
                "name one of them in the recipe's columns."
            )
        if present.count(name) > 1:
            raise UserError(f"{path}: column '{name}' is there {present.count(name)} times; give each its own name.")


def _unreadable(path: Path, error: Exception) -> str:
    """One sentence out of pyarrow's message."""
    message = " ".join(str(error).split())
    row = re.search(r"Row #(\d+): (.*)", message)
    place = f"{path}, row {row[1]}" if row else str(path)
    what = row[2] if row else message
    utf8 = isinstance(error, UnicodeDecodeError) or re.search("utf-?8", what, re.IGNORECASE)
    mend = "save the file as UTF-8" if utf8 else "mend the file or take it out"
    return f"{place}: cannot be read ({what[:200].rstrip('.')}); {mend}."
