import hashlib
import io
from pathlib import Path

import pytest

from stillhouse.components.storage.digests import copy_hashed, digest_folder, digest_json, sha256_file
from stillhouse.errors import UserError


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_sha256_file_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    data = b"grain" * 300_000
    (tmp_path / "file").write_bytes(data)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_digest_folder_does_not_depend_on_the_order_of_writing(tmp_path: Path) -> None:
    files = {"b.txt": "2", "a/c.txt": "3", "a.txt": "1"}
    one = write(tmp_path / "one", files)
    two = write(tmp_path / "two", dict(reversed(files.items())))
    assert digest_folder(one) == digest_folder(two)


@pytest.mark.parametrize(
    "other",
    [
        {"a": "1"},
        {"a": "1", "b": "3"},
        {"a": "1", "c": "2"},
        {"a": "2", "b": "1"},
        {"a": "1", "b": "2", "c": ""},
    ],
    ids=["a file less", "other content", "other name", "contents swapped", "a file more"],
)
def test_digest_folder_sees_every_change(tmp_path: Path, other: dict[str, str]) -> None:
    before = write(tmp_path / "before", {"a": "1", "b": "2"})
    assert digest_folder(before) != digest_folder(write(tmp_path / "after", other))


def test_digest_folder_of_no_folder_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        digest_folder(tmp_path / "missing")


def test_digest_json_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_json({"a": 1, "b": {"c": 2, "d": 3}}) == digest_json({"b": {"d": 3, "c": 2}, "a": 1})


def test_digest_json_tells_a_number_from_its_text() -> None:
    assert digest_json({"a": 1}) != digest_json({"a": "1"})


def test_digest_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_json({"a": float("nan")})


def test_copy_hashed_tells_what_it_copied() -> None:
    data, target = b"x" * 3_000_000, io.BytesIO()
    assert copy_hashed(io.BytesIO(data), target) == (len(data), hashlib.sha256(data).hexdigest())
    assert target.getvalue() == data
