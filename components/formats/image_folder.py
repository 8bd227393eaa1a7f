"""Folders of pictures: a folder for each class, under folders for splits or not; or with a metadata file beside them.

`metadata.csv` or `metadata.jsonl` has a column `file_name`, a path from its own folder, and any others (the layout of
the Hugging Face library). There, files that it does not list are left out, and counted in a note.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from stillhouse.components.formats.batch import ArrowBatch, Batch, Reading, check_columns
from stillhouse.components.formats.pictures import BATCH_BYTES, IMAGE, LABEL, SPLIT
from stillhouse.components.formats.splits import GIVEN
from stillhouse.components.formats.tables import read_batches
from stillhouse.errors import UserError

FILE_NAME = "file_name"
COLUMNS = (FILE_NAME, IMAGE, LABEL, SPLIT)
"""Of a folder; `label` is null of a file that lies in no class's folder, `split` where no folder says it."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
METADATA = ("metadata.csv", "metadata.jsonl")
SPLITS = {**GIVEN, "testing": "test"}
"""Names of folders, in lower case, that are splits and not classes."""


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def read_image_folder(root: Path, files: Sequence[Path], reading: Reading) -> Iterator[tuple[Path, Batch]]:
    """Pictures in the order of their names, or of the metadata's rows; each batch with the file whose rows it numbers
    (the folder itself, numbered from 1, where there is no metadata).

    Args:
        root: The folder of the source.
        files: Those in it, pictures and others.
        reading: The columns that are wanted, and the budget, which is told of each picture.

    Raises:
        UserError: metadata has no column `file_name`, or names a file that is not there, or one twice.
        MissingColumn: one that is asked for is missing.
    """
    pictures = sorted(path for path in files if is_picture(path))
    metadata = sorted(path for path in files if path.name.lower() in METADATA)
    if not metadata:
        check_columns(root, reading.names, COLUMNS)
        for start, part in _parts(pictures):
            yield root, _batch(root, {}, part, range(start + 1, start + len(part) + 1), (start, len(pictures)), reading)
        return
    left = set(pictures)
    for path in metadata:
        for batch in read_batches(path, Reading(None, reading.budget, reading.csv, reading.notes)):
            found = [_listed(path, number, row, left) for number, row in zip(batch.numbers, batch.rows(), strict=True)]
            names = dict.fromkeys(name for row in batch.rows() for name in row)
            check_columns(path, reading.names, list(dict.fromkeys((*names, *COLUMNS))))
            told = {name: batch.column(name) for name in names if name != FILE_NAME}
            for start, part in _parts(found):
                told_here = {name: values.slice(start, len(part)) for name, values in told.items()}
                numbers = batch.numbers[start : start + len(part)]
                yield path, _batch(root, told_here, part, numbers, (start, len(found)), reading)
    if left:
        reading.notes.append(f"pictures that no metadata file lists are left out: {len(left):,}, as {min(left)}")


def _listed(metadata: Path, number: int, row: Mapping[str, object], left: set[Path]) -> Path:
    """The file that a row of metadata names, which is taken out of those left."""
    name = row.get(FILE_NAME)
    if not isinstance(name, str) or not name:
        raise UserError(
            f"{metadata}, row {number}: {FILE_NAME} is missing; give each row the path of its picture from here."
        )
    path = Path(os.path.normpath(metadata.parent / name))
    if path not in left:
        raise UserError(
            f"{metadata}, row {number}: '{name[:200]}' is not a picture that lies there, or a row before names it; "
            "put the file there, or take the row out."
        )
    left.remove(path)
    return path


def _parts(files: Sequence[Path]) -> Iterator[tuple[int, Sequence[Path]]]:
    """Files that are read together, and the place of the first."""
    start, held = 0, 0
    for place, path in enumerate(files):
        size = path.stat().st_size
        if place > start and held + size > BATCH_BYTES:
            yield start, files[start:place]
            start, held = place, 0
        held += size
    if start < len(files):
        yield start, files[start:]


def _batch(
    root: Path,
    told: Mapping[str, pa.Array],
    files: Sequence[Path],
    numbers: Sequence[int],
    place: tuple[int, int],
    reading: Reading,
) -> Batch:
    """Pictures of some files, with what metadata tells of them; `place`: the first one's, and how many there are."""
    folders = [path.relative_to(root).parts[:-1] for path in files]
    splits = [next((SPLITS[name.lower()] for name in parts if name.lower() in SPLITS), None) for parts in folders]
    classes = [parts[-1] if parts and parts[-1].lower() not in SPLITS else None for parts in folders]
    by_folder = {LABEL: pa.array(classes, pa.string()), SPLIT: pa.array(splits, pa.string())}
    columns = {
        FILE_NAME: pa.array([path.relative_to(root).as_posix() for path in files], pa.string()),
        **by_folder,
        **told,
    }
    wanted = list(dict.fromkeys((*columns, IMAGE))) if reading.names is None else list(reading.names)
    if IMAGE in wanted:
        reading.budget.take(sum(path.stat().st_size for path in files))
        columns[IMAGE] = pa.array([path.read_bytes() for path in files], pa.binary())
    share = (place[0] + len(files)) / max(place[1], 1)
    return ArrowBatch(numbers, share, pa.record_batch({name: columns[name] for name in wanted}))
