"""Rows of a file, one after the other, however large: CSV, JSON lines, Parquet, Arrow and plain text."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from stillhouse.errors import UserError


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
        UserError: there is none.
    """
    found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and _suffix(p) in READERS)
    if not found or _suffix(found[0]) not in READERS:
        raise UserError(f"{path}: no data found; name a file or folder of {', '.join(READERS)} (or these as .gz).")
    return found


def rows(path: Path) -> Iterator[Row]:
    """All rows of the file.

    Raises:
        UserError: the file cannot be read; the sentence names the row.
    """
    import pyarrow as pa

    size = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        number = 0
        try:
            for number, values in READERS[_suffix(path)](path, file):
                yield Row(values, f"{path}, row {number}", min(file.tell() / size, 1.0))
        except (pa.ArrowException, csv.Error, UnicodeDecodeError, EOFError, OSError, ValueError) as error:
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
            values = json.loads(line)
            if not isinstance(values, dict):
                raise ValueError(f"row {number} is no JSON object")
            yield number, values


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
    return enumerate((row for batch in batches for row in batch.to_pylist()), start=1)


READERS: dict[str, Callable[[Path, BinaryIO], Numbered]] = {
    **dict.fromkeys((".csv", ".tsv"), _read_csv),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _read_json),
    **dict.fromkeys((".arrow", ".feather"), _read_arrow),
    ".parquet": _read_parquet,
    ".txt": _read_text,
}
"""By the end of the file's name."""


def _text(path: Path, file: BinaryIO, newline: str | None = None) -> io.TextIOWrapper:
    raw = gzip.GzipFile(fileobj=file) if path.name.lower().endswith(".gz") else file
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline=newline)


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix
