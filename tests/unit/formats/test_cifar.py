"""Pictures in CIFAR's binary layout."""

from pathlib import Path

import numpy as np
import pytest

from stillhouse.components.formats.batch import DataFile, Reading
from stillhouse.components.formats.cifar import is_cifar, read_cifar
from stillhouse.components.modalities.image.decode import decode
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError

PIXELS = (np.arange(3 * 32 * 32 * 3) % 251).astype(np.uint8).reshape(3, 32, 32, 3)
PLANES = PIXELS.transpose(0, 3, 1, 2)


def _write(path: Path, *labels: bytes) -> Path:
    path.write_bytes(b"".join(label + plane.tobytes() for label, plane in zip(labels, PLANES, strict=False)))
    return path


def _read(path: Path) -> list[dict]:
    with path.open("rb") as file:
        batches = list(read_cifar(DataFile(path, file), Reading(None, Budget(10**8))))
    return [
        {"number": number} | row for batch in batches for number, row in zip(batch.numbers, batch.rows(), strict=True)
    ]


def test_a_record_is_a_class_and_planes_of_red_green_and_blue(tmp_path: Path) -> None:
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\nbird\n\n")
    rows = _read(_write(tmp_path / "data_batch_1.bin", b"\2", b"\0", b"\1"))
    assert [(row["number"], row["label"], row["split"]) for row in rows] == [
        (1, "bird", "train"),
        (2, "airplane", "train"),
        (3, "automobile", "train"),
    ]
    assert [decode(row["image"]).tolist() for row in rows] == PIXELS.tolist()


def test_many_records_keep_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.formats.cifar.BATCH_BYTES", 7000)
    rows = _read(_write(tmp_path / "test_batch.bin", b"\5", b"\6", b"\7"))
    assert [(row["number"], row["label"], row["split"]) for row in rows] == [
        (1, "5", "test"),
        (2, "6", "test"),
        (3, "7", "test"),
    ]


def test_cifar_100_has_a_coarse_class_before_the_fine_one(tmp_path: Path) -> None:
    (tmp_path / "fine_label_names.txt").write_text("apple\naquarium_fish\n")
    (tmp_path / "coarse_label_names.txt").write_text("fruit\nfish\n")
    rows = _read(_write(tmp_path / "train.bin", b"\1\1", b"\0\0"))
    assert [(row["label"], row["coarse_label"]) for row in rows] == [("aquarium_fish", "fish"), ("apple", "fruit")]
    assert decode(rows[1]["image"]).tolist() == PIXELS[1].tolist()


def test_names_of_files() -> None:
    yes = ("data_batch_1.bin", "test_batch.bin", "train.bin", "data_batch_2.bin.gz")
    assert all(is_cifar(Path(name)) for name in yes)
    assert not any(is_cifar(Path(name)) for name in ("data_batch_1", "pytorch_model.bin", "train.csv"))


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "test_batch.bin", b"\0", b"\1")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"test_batch\.bin: ends within record 2 of 3,073 bytes each; fetch the file"):
        _read(path)


def test_cifar_100_without_its_names_is_told_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"or put fine_label_names\.txt beside it if it is CIFAR-100's\."):
        _read(_write(tmp_path / "train.bin", b"\0\1", b"\0\1"))


def test_a_class_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "batches.meta.txt").write_text("airplane\n")
    with pytest.raises(
        UserError, match="picture 2: the class has the number 1, and the names beside the file go up to 0"
    ):
        _read(_write(tmp_path / "test_batch.bin", b"\0", b"\1"))
