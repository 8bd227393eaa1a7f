"""Parquet and Arrow files."""

from collections.abc import Iterator

import pyarrow as pa

from stillhouse.components.formats.batch import ALL, Batch, DataFile, Reading, check_columns, checked

_BATCH = 8192
"""Rows of Parquet that are read at once."""


def read_parquet(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Rows of a Parquet file."""
    from pyarrow import parquet

    with parquet.ParquetFile(file.packed) as table:
        check_columns(file.path, reading.names, table.schema_arrow.names)
        # Threads would not stop where the budget does, and die where there is no memory for them.
        batches = table.iter_batches(
            _BATCH, columns=None if reading.names is None else list(reading.names), use_threads=False
        )
        yield from checked(file, batches, reading.names, ALL, reading.budget)


def read_arrow(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """Rows of an Arrow file or, as the Hugging Face library writes it, an Arrow stream."""
    options = pa.ipc.IpcReadOptions(use_threads=False)
    try:
        table = pa.ipc.open_file(file.packed, options=options)
        schema, batches = table.schema, (table.get_batch(i) for i in range(table.num_record_batches))
    except pa.ArrowInvalid:
        file.packed.seek(0)
        stream = pa.ipc.open_stream(file.packed, options=options)
        schema, batches = stream.schema, iter(stream)
    check_columns(file.path, reading.names, schema.names)
    yield from checked(file, batches, reading.names, ALL, reading.budget)


def parquet_schema(file: DataFile) -> pa.Schema:
    """Names and types of the columns."""
    from pyarrow import parquet

    return parquet.read_schema(file.packed)


def arrow_schema(file: DataFile) -> pa.Schema:
    """Names and types of the columns."""
    try:
        return pa.ipc.open_file(file.packed).schema
    except pa.ArrowInvalid:
        file.packed.seek(0)
        return pa.ipc.open_stream(file.packed).schema


def parquet_columns(file: DataFile, reading: Reading) -> list[str]:
    """The names of the columns."""
    return parquet_schema(file).names


def arrow_columns(file: DataFile, reading: Reading) -> list[str]:
    """The names of the columns."""
    return arrow_schema(file).names
