"""Rows of a file, one after the other, however large: CSV, JSON lines, Parquet, Arrow and plain text."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from stillhouse.components.cleaning import without_surrogates
from stillhouse.components.storage.names import refuse_links_out
from stillhouse.components.storage.urls import local_path
from stillhouse.components.tables import refuse_other_encodings, refuse_pickles, unique_keys
from stillhouse.errors import UserError

UNREADABLE = (csv.Error, EOFError, OSError, OverflowError, RecursionError, ValueError, zlib.error)
"""What readers raise, beside pyarrow's own, for a file that is not what its name says."""

MEMORY = 4 << 30
"""Bytes that reading one lot of rows may take."""


class Row(NamedTuple):
    """A row, and where it came from."""

    values: dict[str, Any]
    place: str
    """File and row, for messages."""
    share: float
    """How much of the file was read when the row was, 0 to 1."""


def data_files(path: Path) -> list[Path]:
    """The file itself, or all files of a known format in the folder and its subfolders, sorted.

    Raises:
        UserError: there is none, or something in the folder leads out of it or is no file.
    """
    there = local_path(str(path))
    if there.is_dir():
        refuse_links_out(there)
    below = [path] if there.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    found = [p for p in below if _suffix(p) in READERS]
    if not found:
        refuse_pickles(below)
        raise UserError(f"{path}: no data found; name a file or folder of {', '.join(READERS)} (or these as .gz).")
    return found


def rows(path: Path) -> Iterator[Row]:
    """All rows of the file.

    Raises:
        UserError: the file cannot be read; the sentence names the row.
    """
    import pyarrow as pa

    number = 0
    try:
        size = max(path.stat().st_size, 1)
        with path.open("rb") as file:
            for number, values in READERS[_suffix(path)](path, file):
                yield Row(values, f"{path}, row {number}", min(file.tell() / size, 1.0))
    except MemoryError:
        raise UserError(
            f"{path}, after row {number}: the next rows take more memory than {MEMORY >> 30} GB; cut the file into "
            "smaller ones, or look what it holds."
        ) from None
    except (*UNREADABLE, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}, after row {number}: cannot be read ({reason}); mend the file.") from None


Numbered = Iterator[tuple[int, dict[str, Any]]]


def _read_csv(path: Path, file: BinaryIO) -> Numbered:
    """Every value is a string: a guessed type would lose what it stands for (007, NA)."""
    csv.field_size_limit(sys.maxsize)
    delimiter = "\t" if _suffix(path) == ".tsv" else ","
    reader = csv.reader(_text(path, file, newline=""), delimiter=delimiter, strict=True)
    header = next(reader, None)
    if header is None:
        return
    if len(set(header)) < len(header):
        raise ValueError("two columns of the header have the same name")
    for number, fields in enumerate((fields for fields in reader if fields), start=2):
        if len(fields) != len(header):
            raise ValueError(f"row {number} has {len(fields)} fields, the header {len(header)}")
        yield number, dict(zip(header, fields, strict=True))


def _read_json(path: Path, file: BinaryIO) -> Numbered:
    for number, line in enumerate(_text(path, file), start=1):
        if line.strip():
            values = json.loads(line, object_pairs_hook=unique_keys)
            if not isinstance(values, dict):
                raise ValueError(f"row {number} is no JSON object")
            yield number, _whole(values) if "\\ud" in line.lower() else values


def _whole(value: Any) -> Any:
    """Nested values whose strings hold no half characters, which no output can hold."""
    if isinstance(value, dict):
        return {without_surrogates(name): _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return without_surrogates(value) if isinstance(value, str) else value


def _read_text(path: Path, file: BinaryIO) -> Numbered:
    for number, line in enumerate(_text(path, file), start=1):
        yield number, {"text": line.rstrip("\n")}


def _read_parquet(path: Path, file: BinaryIO) -> Numbered:
    from pyarrow import parquet

    return _numbered(parquet.ParquetFile(file).iter_batches(batch_size=1024))


def _read_arrow(path: Path, file: BinaryIO) -> Numbered:
    """An Arrow file or, as the Hugging Face library writes it, an Arrow stream."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(file)
    except pa.ArrowInvalid:
        file.seek(0)
        return _numbered(pa.ipc.open_stream(file))
    return _numbered(reader.get_batch(i) for i in range(reader.num_record_batches))


def _numbered(batches: Iterable[Any]) -> Numbered:
    return enumerate((row for batch in batches for row in _rows_of(batch)), start=1)


def _rows_of(batch: Any) -> list[dict[str, Any]]:
    names = batch.schema.names
    if len(set(names)) < len(names):
        raise ValueError("two columns have the same name")
    batch.validate(full=True)  # what a writer left half done would else end this process, not this function
    return batch.to_pylist()


READERS: dict[str, Callable[[Path, BinaryIO], Numbered]] = {
    **dict.fromkeys((".csv", ".tsv"), _read_csv),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _read_json),
    **dict.fromkeys((".arrow", ".feather"), _read_arrow),
    ".parquet": _read_parquet,
    ".txt": _read_text,
}
"""By the end of the file's name."""


def _text(path: Path, file: BinaryIO, newline: str | None = None) -> io.TextIOWrapper:
    refuse_other_encodings(path)
    raw = gzip.GzipFile(fileobj=file) if path.name.lower().endswith(".gz") else file
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline=newline)


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix
