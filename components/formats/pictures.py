"""Rows with a picture each: what the readers of pictures have in common."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillhouse.components.formats.batch import ArrowBatch, Batch, DataFile, Reading, check_columns
from stillhouse.components.formats.columns import raw_column
from stillhouse.errors import UserError

IMAGE, LABEL, SPLIT = "image", "label", "split"
"""Columns: the bytes of a file of a picture; the name or number of its class; and what its file's name says of it,
`train`, `validation` or `test`, else null."""
BATCH_BYTES = 4 << 20
"""Of pictures that are read together; one at least."""


def as_file(pixels: np.ndarray) -> bytes:
    """A picture as a file in Netpbm's raw formats, which lose nothing: PGM for grey, PPM for colours.

    Args:
        pixels: uint8 [height, width] or [height, width, 3].
    """
    kind, (height, width) = (b"P5" if pixels.ndim == 2 else b"P6"), pixels.shape[:2]
    return b"%s\n%d %d\n255\n" % (kind, width, height) + pixels.tobytes()


def picture_files(path: Path, batch: Batch, name: str) -> pa.Array:
    """The bytes of the picture's file in each row, null where there is none: a column of bytes, or of objects that have
    `bytes`, as the Hugging Face library writes them.

    Raises:
        UserError: the column holds something else.
    """
    column = raw_column(path, batch, name)
    if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
        column = column.flatten()[column.type.get_field_index("bytes")]
    if pa.types.is_large_binary(column.type) or pa.types.is_binary_view(column.type) or pa.types.is_null(column.type):
        column = column.cast(pa.binary())
    if not pa.types.is_binary(column.type):
        raise UserError(
            f"{path}, column '{name}': holds {column.type}, and the bytes of pictures' files are needed; write them so "
            "into Parquet, or name a folder of pictures as the source."
        )
    return column


def picture_batch(
    file: DataFile, reading: Reading, numbers: Sequence[int], columns: Mapping[str, Sequence[Any]]
) -> Batch:
    """Rows of those columns that are wanted; `image` holds bytes, all others text. The budget is told.

    Raises:
        MissingColumn: one that is wanted is not there.
    """
    check_columns(file.path, reading.names, list(columns))
    wanted = columns if reading.names is None else {name: columns[name] for name in reading.names}
    arrays = {name: pa.array(values, pa.binary() if name == IMAGE else pa.string()) for name, values in wanted.items()}
    rows = pa.record_batch(arrays)
    reading.budget.take(rows.nbytes)
    return ArrowBatch(numbers, file.share, rows)
