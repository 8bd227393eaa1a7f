"""What of a source's files is data for a kind of problem, and their rows: file by file, or all pictures of a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stillhouse.components.formats.batch import Batch, Reading
from stillhouse.components.formats.folders import without_notes
from stillhouse.components.formats.idx import is_idx, labels_beside
from stillhouse.components.formats.image_folder import COLUMNS, METADATA, is_picture, read_image_folder
from stillhouse.components.formats.tables import data_files, format_of, read_batches, readable


@dataclass(frozen=True)
class Part:
    """Files that are read together: one file, or a folder of pictures."""

    path: Path
    """The file or the folder."""
    written: str
    """Its format."""
    pictures: tuple[Path, ...] = ()
    """Of a folder: the pictures in it, and what is written about them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of a folder of pictures its columns, if they are known before it is read."""
        is_told = any(path.name.lower() in METADATA for path in self.pictures)
        return COLUMNS if self.pictures and not is_told else ()

    def rows(self, reading: Reading) -> Iterator[tuple[Path, Batch]]:
        """All rows, some at a time, each time with the file or folder that numbers them.

        Raises:
            UserError: they cannot be read (the sentence names the row), or a column is missing or there twice.
            MemoryError: the budget is spent.
        """
        if self.pictures:
            with readable(self.path):
                yield from read_image_folder(self.path, self.pictures, reading)
        else:
            for batch in read_batches(self.path, reading):
                yield self.path, batch

    def files(self, path: Path, batch: Batch) -> list[Path]:
        """Of each row of what `rows` gave the file that it comes from."""
        if not (self.pictures and path == self.path):
            return [path] * len(batch)
        pictures = sorted(filter(is_picture, self.pictures))
        return [pictures[number - 1] for number in batch.numbers]


def parts_of(files: Sequence[Path], source: str, root: Path, formats: Sequence[str]) -> tuple[list[Part], list[Path]]:
    """What is to be read of a source, in its order, and the files that are not data, sorted.

    Where pictures lie in folders they are the data, with the metadata beside them; all else is left out.

    Args:
        files: of the source, sorted.
        source: its address, for messages.
        root: the folder that the files lie in, at any depth; of a source of one file, that folder or file.
        formats: as `tables.FORMATS` names them.

    Raises:
        UserError: nothing of it is data.
    """
    if "pictures" in formats and any(map(is_picture, files)):
        used = [path for path in without_notes(files) if is_picture(path) or path.name.lower() in METADATA]
        folder = root if root.is_dir() else root.parent
        return [Part(folder, "pictures in folders", tuple(used))], sorted(set(files) - set(used))
    known = data_files(files, source, formats)
    along = [labels_beside(path) for path in known if is_idx(path)]
    parts = [Part(path, format_of(path, formats)) for path in known]
    return parts, sorted(set(files) - {*known, *along})
