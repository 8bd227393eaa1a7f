"""Plain text: each line is a row."""

import io
from collections.abc import Iterator
from itertools import islice
from typing import cast

import pyarrow as pa

from stillhouse.components.formats.batch import ALL, Batch, DataFile, Reading, check_columns, checked
from stillhouse.components.safety.data_files import refuse_other_encodings

_BATCH_ROWS = 1024

COLUMN = "text"
"""What the lines of a text are called."""


def read_text(file: DataFile, reading: Reading) -> Iterator[Batch]:
    """The lines of a text in UTF-8."""
    refuse_other_encodings(file.path)
    check_columns(file.path, reading.names, [COLUMN])
    lines = io.TextIOWrapper(cast(io.BufferedReader, file.data), encoding="utf-8-sig")

    def batches() -> Iterator[pa.RecordBatch]:
        while some := [line.rstrip("\n") for line in islice(lines, _BATCH_ROWS)]:
            yield pa.record_batch({COLUMN: pa.array(some, pa.string())})

    yield from checked(file, batches(), None, ALL, reading.budget)
