"""The spool file: what survives a kill, and what a reader sees."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.spool import Sent, Spool, read_events, read_sent, unsent, write_sent
from stillhouse.errors import UserError


def written(path: Path, *names: str) -> Path:
    spool = Spool(path)
    for name in names:
        spool.append("tag", values={"name": name})
    spool.close()
    return path


def names(path: Path, offset: int = 0) -> list[str]:
    return [event["values"]["name"] for _, event in read_events(path, offset) if event["event"] == "tag"]


def test_events_are_read_back_in_order(tmp_path: Path) -> None:
    assert names(written(tmp_path / "step.jsonl", "a", "b", "c")) == ["a", "b", "c"]


def test_reading_goes_on_behind_an_offset(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a", "b", "c")
    offsets = [offset for offset, _ in read_events(path)]
    assert names(path, offsets[1]) == ["c"]


def test_a_line_still_being_written_is_left_for_the_next_reader(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    with path.open("ab") as file:
        file.write(b'{"event": "tag", "val')
    assert names(path) == ["a"]


def test_a_line_cut_off_by_a_kill_costs_no_other_line(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    with path.open("ab") as file:
        file.write(b'{"event": "tag", "val')
    assert names(written(path, "b")) == ["a", "b"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: a disk that is full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_finds_no_room_on_the_disk_is_written_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    spool = Spool(path)
    with room_for(path.stat().st_size + 20):
        spool.append("tag", values={"name": "b"})
        spool.append("tag", values={"name": "c"})
    assert names(path) == ["a"]
    spool.append("tag", values={"name": "d"})
    spool.close()
    assert names(path) == ["a", "b", "c", "d"]
    (warning,) = caplog.messages
    assert warning.startswith(f"cannot write '{path}': File too large")


def test_progress_does_not_wait_for_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "step.jsonl")
    with room_for(0):
        spool.append("tag", values={"name": "a"})
        spool.append("progress", done=1, total=2, unit="steps", note="")
    spool.close()
    assert [event["event"] for _, event in read_events(spool.path)] == ["tag"]


def test_what_never_found_room_is_counted_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    with room_for(path.stat().st_size + 20):
        written(path, "b", "c")
    assert "there was no room for 2 lines" in caplog.messages[-1]
    assert names(written(path, "d")) == ["a", "d"]


def test_what_waits_for_room_is_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "WAITING_BYTES", 200)
    spool = Spool(tmp_path / "step.jsonl")
    with room_for(0):
        for _ in range(10):
            spool.append("tag", values={"name": "a"})
    spool.close()
    kept = len(names(spool.path))
    assert 0 < kept < 10
    assert f"there was no room for {10 - kept} lines" in caplog.messages[-1]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*step.jsonl': .*; free space"):
        Spool(tmp_path / "file" / "step.jsonl")


def test_what_was_sent_is_kept_beside_the_spool(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    sent = Sent(offset=7, mlflow_run="abc", attempt=2, ended=False)
    write_sent(path, sent)
    assert read_sent(path) == sent


def test_an_unreadable_offset_means_the_beginning(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    path.with_suffix(".sent").write_text("")
    assert read_sent(path) == Sent()


def test_a_spool_is_unsent_until_its_last_event_is_sent(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a", "b")
    first, last = [offset for offset, _ in read_events(path)]
    write_sent(path, Sent(offset=first))
    assert unsent(path)
    write_sent(path, Sent(offset=last))
    assert not unsent(path)
