"""The spool file: what survives a kill, and what a reader sees."""

import resource
from pathlib import Path

import pytest

from stillhouse.components.tracking.spool import Sent, Spool, read_events, read_sent, unsent, write_sent


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


def test_a_full_disk_is_an_error_and_costs_no_other_line(tmp_path: Path) -> None:
    path = written(tmp_path / "step.jsonl", "a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            written(path, "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(written(path, "c")) == ["a", "c"]


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
