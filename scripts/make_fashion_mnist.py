"""Write pipelines/recipes/data/fashion-mnist.parquet from the files of Debian's package dataset-fashion-mnist.

    python scripts/make_fashion_mnist.py FOLDER

FOLDER is the one that holds train-images-idx3-ubyte.gz and its kin. With `--others` it is as many other pictures for
training and validation, and all other test pictures: those that no setting of a recipe was chosen by.
"""

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from stillhouse.components.formats.batch import Reading
from stillhouse.components.formats.tables import read_batches
from stillhouse.components.storage.memory import Budget

CLASSES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "trainer", "bag", "ankle boot"]
"""Of 0 to 9, after the README of the data set."""
ROWS = {"train": ("train", 0, 5000), "validation": ("train", 5000, 6000), "test": ("t10k", 0, 2000)}
"""Of each split the file, and the first row and the last."""
OTHER_ROWS = {"train": ("train", 6000, 11000), "validation": ("train", 11000, 12000), "test": ("t10k", 2000, 10000)}
"""Those with `--others`."""
TARGET = Path(__file__).parents[1] / "pipelines" / "recipes" / "data" / "fashion-mnist.parquet"


def rows_of(folder: Path, file: str) -> list[dict[str, Any]]:
    """All rows of a pair of files: `image` as a PNG, and the name of the class."""
    batches = read_batches(
        folder / f"{file}-images-idx3-ubyte.gz", Reading(None, Budget(1 << 33), formats=("pictures",))
    )
    return [row for batch in batches for row in batch.rows()]


def png(data: bytes) -> bytes:
    """The picture of a file as a PNG, which loses nothing."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(Image.open(io.BytesIO(data)))).save(file, "PNG", optimize=True)
    return file.getvalue()


def main() -> None:
    """Write the extract."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of the IDX files")
    parser.add_argument("target", type=Path, nargs="?", default=TARGET, help="the Parquet file to write")
    parser.add_argument("--others", action="store_true", help="take pictures that do not ship")
    options = parser.parse_args()
    files = {file: rows_of(options.folder, file) for file in ("train", "t10k")}
    rows = [
        {"image": png(row["image"]), "label": CLASSES[int(row["label"])], "split": split}
        for split, (file, first, last) in (OTHER_ROWS if options.others else ROWS).items()
        for row in files[file][first:last]
    ]
    schema = pa.schema([("image", pa.binary()), ("label", pa.string()), ("split", pa.string())])
    pq.write_table(pa.Table.from_pylist(rows, schema), options.target, compression="zstd", compression_level=19)


if __name__ == "__main__":
    main()
