"""What a source folder may hold besides data: each is refused before it is opened, and nothing is left out silently."""

import os
import pickle
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.unit.prepare.bad_files import ROWS, as_jsonl, as_table, whole_or_nothing

from stillhouse.components.storage.sources import list_source
from stillhouse.errors import UserError


def _make_pipe(path: Path) -> None:
    os.mkfifo(path)


def _make_socket(path: Path) -> None:
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)


def _make_link_out(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _make_device_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _make_circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_make_pipe, "'b.csv' is a pipe, a socket or a device; take it out"),
        (_make_socket, "'b.csv' is a pipe, a socket or a device; take it out"),
        (_make_link_out, "'b.csv' is a link out of the folder"),
        (_make_device_link, "'b.csv' is a link out of the folder"),
        (_make_circle, "'b.csv' is a link out of the folder"),
    ],
)
def test_a_folder_with_something_that_is_no_file_of_its_own_is_refused_unread(
    source: Path, make: Callable[[Path], None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)
    (source / "a.jsonl").write_bytes(as_jsonl(ROWS))
    make(source / "b.csv")
    assert sentence in whole_or_nothing(source.parent, source)


@pytest.mark.parametrize("name", ["/dev/zero", "pipe.csv"])
def test_a_source_that_is_no_file_is_refused_unread(source: Path, name: str) -> None:
    path = source / name
    if not path.exists():
        os.mkfifo(path)
    with pytest.raises(UserError, match="is a pipe, a socket or a device; name a file or a folder"):
        list_source(str(path))


def test_a_folder_named_like_a_file_is_a_folder(source: Path, no_card: None) -> None:
    (source / "a.csv").mkdir()
    (source / "a.csv" / "b.jsonl").write_bytes(as_jsonl(ROWS))
    assert whole_or_nothing(source.parent, source) == ""
    assert whole_or_nothing(source.parent, source / "a.csv") == ""


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Within the block this process may read what everybody may; one that is not root's is so already."""
    if os.geteuid() != 0:
        yield
        return
    opened = [path for path in folder.parents if path.stat().st_uid == 0 and not path.stat().st_mode & 1]
    for path in opened:
        path.chmod(0o711)
    folder.chmod(0o755)
    try:
        os.seteuid(65534)
        yield
    finally:
        os.seteuid(0)
        for path in opened:
            path.chmod(0o700)


@pytest.mark.parametrize("closed", ["a.jsonl", "below"])
def test_what_may_not_be_read_is_named_and_never_left_out(source: Path, closed: str) -> None:
    (source / "a.jsonl").write_bytes(as_jsonl(ROWS))
    (source / "below").mkdir()
    (source / "below" / "b.jsonl").write_bytes(as_jsonl(ROWS))
    (source / closed).chmod(0)
    refused = pytest.raises(UserError, match=rf"cannot (read|look into) '.*{closed}': Permission denied")
    with without_rights(source), refused:
        list_source(str(source))
    (source / closed).chmod(0o700)


@pytest.mark.parametrize("name", ["data_batch_1", "batches.meta", "rows.pkl", "rows.joblib", "rows.npy", "rows.pt"])
def test_a_pickle_is_refused_unread(source: Path, name: str) -> None:
    marker = source / "marker"

    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return marker.touch, ()

    data = pickle.dumps(Harm(), protocol=2)
    head = {".npy": b"\x93NUMPY\x01\x00", ".pt": b"PK\x03\x04"}.get(Path(name).suffix, b"")
    (source / name).write_bytes(head + data)
    assert "this is a pickle or may hold one, which runs code when it is read" in whole_or_nothing(
        source.parent, source
    )
    assert not marker.exists()


def test_an_arrow_file_with_a_pickled_type_is_read_without_it(source: Path, no_card: None) -> None:
    marker = source.parent / "marker"

    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return marker.touch, ()

    planted = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickle.dumps(Harm())}
    table = as_table(ROWS)
    fields = [pa.field("text", pa.string(), metadata=planted), *(table.schema.field(i) for i in (1, 2))]
    with pa.ipc.new_file(source / "a.arrow", pa.schema(fields)) as writer:
        writer.write_table(table.cast(pa.schema(fields)))
    assert whole_or_nothing(source.parent, source) == ""
    assert not marker.exists()
