from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.tracking.spool import Spool
from stillhouse.pipelines.local.progress import Follower, Progress

EXECUTING = "15:22:20.492 - INFO - Executing task \x1b[96m'{}'\x1b[0m"
CACHED = "15:22:20 - INFO - Task {} cache hit (key=8ec9011d3800); skipping execution."
SUCCESS = "15:22:21.588 - INFO - Task \x1b[96m'{}'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m"
FAILURE = "15:22:21.588 - ERROR - Task \x1b[96m'{}'\x1b[0m finished with status \x1b[91mFAILURE\x1b[0m"


@pytest.fixture
def progress() -> Progress:
    return Progress.of(["prepare", "pretrain", "finetune"], idle=["pretrain"])


def states(progress: Progress) -> list[str]:
    return [row.state for row in progress.rows.values()]


def read(progress: Progress, *lines: str) -> None:
    for line in lines:
        progress.read_log_line(line)


def progressed(seconds: float, done: float, total: float = 100, unit: str = "tokens") -> dict[str, Any]:
    return {
        "event": "progress",
        "time": seconds * 1000,
        "done": done,
        "total": total,
        "unit": unit,
        "note": "",
    }


def ended(seconds: float, message: str = "", mistake: bool = False) -> dict[str, Any]:
    status = "FAILED" if message else "FINISHED"
    return {"event": "end", "status": status, "seconds": seconds, "message": message, "mistake": mistake}


def test_a_mistake_is_none_the_less_one_when_a_traceback_was_logged_on_the_way(progress: Progress) -> None:
    traceback = "    Traceback (most recent call last):"
    for mistake in (True, False):
        read(progress, EXECUTING.format("prepare"), traceback)
        progress.rows["prepare"].apply(ended(1.0, "data.csv, row 3: no label; add one.", mistake))
        assert progress.rows["prepare"].crashed is not mistake


def test_the_log_tells_which_step_runs_is_done_or_cached(progress: Progress) -> None:
    read(progress, CACHED.format("prepare"), EXECUTING.format("finetune"))
    assert states(progress) == ["cached", "skipped", "running"]
    read(progress, SUCCESS.format("finetune"))
    assert states(progress) == ["cached", "skipped", "done"]


def test_what_a_step_prints_is_not_taken_for_a_line_of_kfp(progress: Progress) -> None:
    read(progress, f"    {EXECUTING.format('prepare')}", f"    {CACHED.format('prepare')}")
    assert states(progress) == ["waiting", "skipped", "waiting"]


def test_a_step_that_the_run_does_without_is_skipped_from_the_start(progress: Progress) -> None:
    assert progress.rows["pretrain"].state == "skipped"


def test_a_step_that_never_ran_in_a_success_was_skipped(progress: Progress) -> None:
    progress.close(succeeded=True)
    assert states(progress) == ["skipped", "skipped", "skipped"]


def test_a_failure_leaves_the_later_steps_waiting(progress: Progress) -> None:
    read(progress, EXECUTING.format("prepare"), FAILURE.format("prepare"))
    progress.close(succeeded=False)
    assert states(progress) == ["failed", "skipped", "waiting"]
    assert progress.failed is progress.rows["prepare"]


def test_a_step_that_runs_when_the_pipeline_ends_badly_failed(progress: Progress) -> None:
    read(progress, EXECUTING.format("prepare"))
    progress.close(succeeded=False)
    assert progress.failed is progress.rows["prepare"]


def test_a_traceback_belongs_to_the_running_step(progress: Progress) -> None:
    read(progress, EXECUTING.format("prepare"), "    Traceback (most recent call last):")
    assert [row.crashed for row in progress.rows.values()] == [True, False, False]


def test_a_new_attempt_has_not_crashed_yet(progress: Progress) -> None:
    read(
        progress,
        EXECUTING.format("prepare"),
        "    Traceback (most recent call last):",
        EXECUTING.format("prepare"),
    )
    assert not progress.rows["prepare"].crashed


def test_rate_and_time_left_count_from_the_first_progress(progress: Progress) -> None:
    row = progress.rows["finetune"]
    row.apply(progressed(100, 40))  # a resumed step begins in the middle
    assert row.seconds_left is None
    row.apply(progressed(104, 60))
    assert (row.rate, row.seconds_left) == (5.0, 8.0)


def test_another_phase_counts_anew(progress: Progress) -> None:
    row = progress.rows["finetune"]
    for event in (
        progressed(100, 0),
        progressed(101, 100),
        progressed(110, 0, 8, "rows"),
        progressed(112, 4, 8, "rows"),
    ):
        row.apply(event)
    assert (row.rate, row.unit, row.seconds_left) == (2.0, "rows", 2.0)


def test_the_metric_that_matters_is_kept_and_others_are_not(progress: Progress) -> None:
    row = progress.rows["finetune"]
    values = {"validation/f1_macro": 0.97531, "validation/accuracy": 0.98}
    row.apply({"event": "metric", "step": 3, "values": values})
    row.apply({"event": "metric", "step": 4, "values": {"train/loss": 0.1, "system/cpu_utilization": 99}})
    assert row.metric == "f1_macro 0.9753"


@pytest.mark.parametrize("name", ["f1_macro", "perplexity"])
def test_at_the_end_stands_the_metric_of_the_weights_that_were_kept(progress: Progress, name: str) -> None:
    row, kept = progress.rows["finetune"], f"validation_{name}" if name == "f1_macro" else name
    for step, value in enumerate((0.81, 0.97, 0.42)):
        row.apply({"event": "metric", "step": step, "values": {f"validation/{name}": value}})
    row.apply({"event": "metric", "step": 2, "values": {kept: 0.97, "tokens": 4000}})
    assert row.metric == f"{name} 0.97"


def test_own_seconds_are_those_of_all_attempts(progress: Progress) -> None:
    for seconds in (1.5, 2.0):
        progress.rows["prepare"].apply(ended(seconds))
    assert progress.own_seconds == 3.5


def test_a_follower_reads_what_is_new_and_waits_for_the_end_of_a_line(progress: Progress, tmp_path: Path) -> None:
    log, lines = tmp_path / "pipeline.log", []
    follower = Follower(progress, log, tmp_path / "spool", lines.append)
    log.write_text("one\ntw")
    follower.read()
    log.write_text("one\ntwo\n")
    follower.read()
    follower.read()
    assert lines == ["one", "two"]


def test_a_follower_hands_each_event_to_its_step_once(progress: Progress, tmp_path: Path) -> None:
    (tmp_path / "pipeline.log").touch()
    follower = Follower(progress, tmp_path / "pipeline.log", tmp_path / "spool")
    spool = Spool(tmp_path / "spool" / "prepare.jsonl")
    Spool(tmp_path / "spool" / "pipeline.jsonl").append(
        "end", status="FINISHED", seconds=9.0, message="", mistake=False
    )
    for seconds in (1.0, 2.0):
        spool.append("end", status="FINISHED", seconds=seconds, message="", mistake=False)
        follower.read()
    assert progress.own_seconds == 3.0


def test_what_steps_say_for_a_person_to_read_is_kept_once_and_other_tags_are_not(progress: Progress) -> None:
    for tags in ({"note.tokenizer": "It counts."}, {"stillhouse.seconds": "3"}, {"note.tokenizer": "It counts."}):
        progress.rows["finetune"].apply({"event": "tag", "values": tags})
    progress.rows["pretrain"].apply({"event": "tag", "values": {"note.x": "Said."}})
    assert progress.notes == ["pretrain: Said.", "finetune: It counts."]


def test_the_verdict_is_the_result_of_the_step_that_reached_it(progress: Progress) -> None:
    progress.rows["prepare"].apply({"event": "tag", "values": {"decision": "waiting", "why": "All gates hold."}})
    assert progress.rows["prepare"].metric == "waiting"
