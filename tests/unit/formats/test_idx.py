"""Pictures in IDX files, as MNIST comes."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from stillhouse.components.formats.batch import DataFile, MissingColumn, Reading
from stillhouse.components.formats.idx import is_idx, is_idx_labels, labels_beside, read_idx
from stillhouse.components.modalities.image.decode import decode
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

PIXELS = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3) * 20
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def _idx(values: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def _write(folder: Path, images: bytes = _idx(PIXELS), labels: bytes | None = None) -> Path:
    if labels is not None:
        (folder / LABELS).write_bytes(labels)
    (folder / IMAGES).write_bytes(images)
    return folder / IMAGES


def _read(path: Path, names: list[str] | None = None, num_bytes: int = 10**6) -> list[dict]:
    with path.open("rb") as file:
        batches = list(read_idx(DataFile(path, file), Reading(names, Budget(num_bytes))))
    return [
        {"number": number} | row for batch in batches for number, row in zip(batch.numbers, batch.rows(), strict=True)
    ]


def test_pictures_come_with_their_labels_as_text_and_their_split(tmp_path: Path) -> None:
    first, second = _read(_write(tmp_path, labels=_idx(np.array([7, 0], np.uint8))))
    assert (first["number"], first["label"], first["split"]) == (1, "7", "train")
    assert (second["number"], second["label"]) == (2, "0")
    assert decode(second["image"]).tolist() == np.repeat(PIXELS[1][:, :, None], 3, axis=2).tolist()


def test_packed_files_and_names_with_a_dot(tmp_path: Path) -> None:
    images, labels = tmp_path / "t10k-images.idx3-ubyte.gz", tmp_path / "t10k-labels.idx1-ubyte.gz"
    images.write_bytes(gzip.compress(_idx(PIXELS)))
    labels.write_bytes(gzip.compress(_idx(np.array([1, 2], ">i4"), 0x0C)))
    assert [(row["label"], row["split"]) for row in _read(images)] == [("1", "test"), ("2", "test")]


def test_colours_are_the_last_size(tmp_path: Path) -> None:
    colours = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(1, 2, 2, 3)
    assert decode(_read(_write(tmp_path, _idx(colours)))[0]["image"]).tolist() == colours[0].tolist()


def test_without_labels_there_are_none(tmp_path: Path) -> None:
    assert [row["label"] for row in _read(_write(tmp_path))] == [None, None]


def test_many_pictures_keep_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.formats.idx.BATCH_BYTES", 12)
    pixels = np.arange(5 * 6, dtype=np.uint8).reshape(5, 2, 3)
    rows = _read(_write(tmp_path, _idx(pixels), _idx(np.arange(5, dtype=np.uint8))))
    assert [(row["number"], row["label"]) for row in rows] == [(i + 1, str(i)) for i in range(5)]
    assert [decode(row["image"])[0, 0, 0] for row in rows] == [0, 6, 12, 18, 24]


def test_only_the_wanted_columns_come(tmp_path: Path) -> None:
    assert list(_read(_write(tmp_path), ["image"])[0]) == ["number", "image"]
    with pytest.raises(MissingColumn, match="column 'class' is missing; the file has image, label, split"):
        _read(_write(tmp_path), ["class"])


def test_names() -> None:
    assert is_idx(Path("a/emnist-letters-train-images-idx3-ubyte.gz"))
    assert not is_idx(Path("a/idx.csv"))
    assert is_idx_labels(Path(LABELS)) and not is_idx_labels(Path(IMAGES))
    assert labels_beside(Path("/nowhere") / IMAGES) is None


@pytest.mark.parametrize(
    ("images", "labels", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n", None, "does not begin as an IDX file does; fetch or write"),
        (b"", None, "does not begin as an IDX file does; fetch or write"),
        (_idx(PIXELS)[:-4], None, "ends within picture 2 of 2; fetch or write the file anew."),
        (_idx(PIXELS) + b"\0", None, "goes on after what its head counts; fetch"),
        (_idx(PIXELS.astype(">f4"), 0x0D), None, r"holds floats \[2, 2, 3\] where pictures are wanted"),
        (_idx(np.zeros(3, np.uint8)), None, r"holds uint8 \[3\] where pictures are wanted"),
        (_idx(np.zeros((1, 0, 3), np.uint8)), None, "pictures of 0 x 3 pixels"),
        (b"\0\0\x08\x03\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff", None, "at most 50,000,000"),
        (_idx(PIXELS), _idx(np.zeros(3, np.uint8)), "3 labels for the 2 pictures of train-images-idx3-ubyte; keep"),
        (_idx(PIXELS), _idx(np.zeros(2, np.uint8))[:-1], "ends after label 1 of 2; fetch"),
        (_idx(PIXELS), _idx(PIXELS), r"holds uint8 \[2, 2, 3\] where labels are wanted; write a whole number"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    images: bytes, labels: bytes | None, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=sentence):
        _read(_write(tmp_path, images, labels))


def test_a_head_that_counts_more_than_fits_takes_no_memory(tmp_path: Path) -> None:
    claims = b"\0\0\x08\x03\xff\xff\xff\xff\0\0\x10\0\0\0\x10\0"  # 4 billion pictures of 4,096 x 4,096
    with pytest.raises(MemoryError):
        _read(_write(tmp_path, claims), num_bytes=1000)
