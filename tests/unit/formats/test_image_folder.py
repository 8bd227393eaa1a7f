"""Folders of pictures."""

from pathlib import Path

import pytest

from stillhouse.components.formats.batch import MissingColumn, Reading
from stillhouse.components.formats.image_folder import read_image_folder
from stillhouse.components.storage.memory import Budget
from stillhouse.errors import UserError


def _write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def _read(root: Path, names: list[str] | None = None, num_bytes: int = 10**6) -> tuple[list[tuple], list[str]]:
    """Rows, each after the name of the file and the number that place it; notes."""
    reading = Reading(names, Budget(num_bytes))
    files = [path for path in root.rglob("*") if path.is_file()]
    rows = [
        (path.name, number, row)
        for path, batch in read_image_folder(root, files, reading)
        for number, row in zip(batch.numbers, batch.rows(), strict=True)
    ]
    return rows, reading.notes


def test_a_folder_is_a_class_below_a_folder_that_is_a_split_or_none(tmp_path: Path) -> None:
    _write(tmp_path, "train/cat/1.png", "train/dog/2.JPG", "Val/cat/3.webp", "bird/4.png", "5.png", "test/6.png")
    _write(tmp_path, "README.md", "train/cat/notes.txt", "train/cat/.7.png")
    rows, _ = _read(tmp_path)
    assert [number for _, number, _ in rows] == [1, 2, 3, 4, 5, 6]
    assert {row["file_name"]: (row["label"], row["split"]) for _, _, row in rows} == {
        "train/cat/1.png": ("cat", "train"),
        "train/dog/2.JPG": ("dog", "train"),
        "Val/cat/3.webp": ("cat", "validation"),
        "bird/4.png": ("bird", None),
        "5.png": (None, None),
        "test/6.png": (None, "test"),
    }
    assert all(row["image"] == row["file_name"].encode() for _, _, row in rows)


def test_metadata_beside_the_pictures_tells_their_columns_and_what_it_lacks_is_counted(tmp_path: Path) -> None:
    _write(tmp_path, "a/1.png", "a/2.png", "3.png")
    (tmp_path / "metadata.csv").write_text("file_name,label,age\na/2.png,cat,3\n./a/1.png,dog,4\n")
    rows, notes = _read(tmp_path)
    assert [(name, number, row["label"], row["age"], row["image"]) for name, number, row in rows] == [
        ("metadata.csv", 2, "cat", "3", b"a/2.png"),
        ("metadata.csv", 3, "dog", "4", b"a/1.png"),
    ]
    assert notes[-1] == f"pictures that no metadata file lists are left out: 1, as {tmp_path / '3.png'}"


def test_metadata_of_a_split_names_files_from_its_own_folder(tmp_path: Path) -> None:
    _write(tmp_path, "train/1.png", "test/1.png")
    (tmp_path / "train" / "metadata.jsonl").write_text('{"file_name": "1.png", "tags": ["x", "y"]}\n')
    (tmp_path / "test" / "metadata.jsonl").write_text('{"file_name": "1.png", "tags": []}\n')
    rows, _ = _read(tmp_path, ["tags", "split", "image"])
    assert [row for _, _, row in rows] == [
        {"tags": [], "split": "test", "image": b"test/1.png"},
        {"tags": ["x", "y"], "split": "train", "image": b"train/1.png"},
    ]


def test_a_split_without_metadata_beside_one_that_has_it_is_left_out_and_counted(tmp_path: Path) -> None:
    _write(tmp_path, "train/1.png", "test/1.png", "test/2.png")
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n1.png,cat\n")
    rows, notes = _read(tmp_path, ["label", "split"])
    assert [row for _, _, row in rows] == [{"label": "cat", "split": "train"}]
    left_out = tmp_path / "test" / "1.png"
    assert notes[-1] == f"pictures that no metadata file lists are left out: 2, as {left_out}"


def test_pictures_are_read_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.components.formats.image_folder.BATCH_BYTES", 16)
    _write(tmp_path, *(f"c/{i}.png" for i in range(5)))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    batches = [batch for _, batch in read_image_folder(tmp_path, files, Reading(None, Budget(1000)))]
    assert [list(batch.numbers) for batch in batches] == [[1, 2], [3, 4], [5]]
    assert [batch.share for batch in batches] == [0.4, 0.8, 1.0]
    with pytest.raises(MemoryError):
        _read(tmp_path, num_bytes=20)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file_name,label\nb.png,cat\n", r"metadata\.csv, row 2: 'b\.png' is not a picture that lies there"),
        ("file_name,label\na.png,cat\na.png,cat\n", r"row 3: 'a\.png' is not a picture .* or a row before names it"),
        ("file_name,label\n../a.png,cat\n", r"row 2: '\.\./a\.png' is not a picture that lies there"),
        ("file,label\na.png,cat\n", r"row 2: file_name is missing; give each row the path"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    _write(tmp_path, "a.png")
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(UserError, match=sentence):
        _read(tmp_path)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    _write(tmp_path, "a.png")
    with pytest.raises(MissingColumn, match="column 'class' is missing; the file has file_name, image, label, split"):
        _read(tmp_path, ["class"])
