"""Rows with a picture each: what the readers of pictures have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stillhouse.components.formats.batch import ArrowBatch, Batch, DataFile, Reading, check_columns

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
