"""The list of runs, and the logs of one on this machine."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import pytest
import yaml
from typer.testing import CliRunner

from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking.spool import Spool
from stillhouse.errors import UserError
from stillhouse.pipelines.cli.app import app
from stillhouse.pipelines.local.logs import show_local_logs
from stillhouse.pipelines.local.run_list import list_runs, lock_of

MakeRun = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "runs"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    return tmp_path / "runs"


@pytest.fixture
def make_run(home: Path) -> MakeRun:
    """Writes what a run leaves: its folder."""

    def make(run_id: str, status: str = "", message: str = "", pid: int = 0, **verdict: object) -> Path:
        folder = home / run_id
        spool = Spool(folder / "spool" / "pipeline.jsonl")
        spool.append("start", run=run_id, step="pipeline", attempt=1, pid=pid or os.getpid(), experiment="spam")
        if status:
            spool.append("end", status=status, seconds=9.0, message=message, mistake=False)
        spool.close()
        (folder / "logs").mkdir()
        (folder / "logs" / "prepare.log").write_text("read 3 rows\n")
        (folder / "pipeline.log").write_text("all of it\n")
        if verdict:
            (folder / "verdict.json").write_text(json.dumps(verdict))
        return folder

    return make


def test_each_run_has_its_state_and_its_verdict(make_run: MakeRun, home: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    make_run("spam-1", "FINISHED", decision="promoted", version="3", why="All gates hold.")
    make_run("spam-2", "FAILED", "prepare: mails.csv has 3 rows; give at least 100.")
    make_run("spam-3", "KILLED", "interrupted")
    make_run("spam-4", pid=gone.pid)
    make_run("spam-5")
    found = {run.id: (run.state, run.decision, run.version, run.why) for run in list_runs(home)}
    assert found == {
        "spam-1": ("finished", "promoted", "3", "All gates hold."),
        "spam-2": ("failed", "", "", "prepare: mails.csv has 3 rows; give at least 100."),
        "spam-3": ("stopped", "", "", "interrupted"),
        "spam-4": ("killed", "", "", ""),
        "spam-5": ("running", "", "", ""),
    }


def test_the_newest_comes_first_and_those_of_a_cluster_are_known_by_their_verdicts(
    make_run: MakeRun, home: Path
) -> None:
    make_run("spam-1", "FINISHED", decision="rejected", version=None, why="f1_macro is lower.")
    verdict = {"decision": "promoted", "version": "4", "why": "All gates hold.", "time": "2027-01-02T03:04:05+00:00"}
    local_store().put("verdicts/0b1f7c8e.json", json.dumps(verdict).encode())
    local_store().put("verdicts/spam-1.json", json.dumps(verdict).encode())
    assert [(run.id, run.decision) for run in list_runs(home)] == [("0b1f7c8e", "promoted"), ("spam-1", "rejected")]


def test_a_run_whose_candidate_waits_says_so_until_somebody_decides_or_the_deadline_has_passed(
    make_run: MakeRun, home: Path
) -> None:
    def found(**stored: object) -> tuple[str, str]:
        if stored:
            local_store().put("verdicts/spam-1.json", json.dumps(waiting | stored).encode())
        (run,) = list_runs(home)
        return run.decision, run.why

    waiting = {"decision": "waiting", "why": "All gates hold.", "approval": {"until": "2999-01-01T00:00:00+00:00"}}
    make_run("spam-1", "FINISHED", **waiting)

    assert found() == ("waiting", "All gates hold.")
    late = {"until": "2026-01-02T03:04:05+00:00"}
    assert found(approval=late) == ("rejected", "not approved in time, until 2026-01-02T03:04:05+00:00")
    assert found(decision="promoted", why="Approved by Ada.", version="4") == ("promoted", "Approved by Ada.")


def test_the_command_prints_a_line_for_each(make_run: MakeRun, home: Path) -> None:
    for number in range(3):
        make_run(f"spam-{number}", "FINISHED", decision="promoted", version="1", why="All gates hold.")
    shown = CliRunner().invoke(app, ["runs", "--home", str(home), "--last", "2"]).output
    assert [line.split()[0] for line in shown.splitlines()] == ["run", "spam-2", "spam-1", "1"]


def test_without_runs_it_says_where_it_looked(home: Path) -> None:
    assert f"There are no runs in '{home}'" in CliRunner().invoke(app, ["runs", "--home", str(home)]).output


@pytest.mark.parametrize(("step", "line"), [("prepare", "read 3 rows"), ("", "all of it")])
def test_the_logs_of_a_local_run(make_run: MakeRun, home: Path, step: str, line: str) -> None:
    make_run("spam-1", "FINISHED")
    shown = CliRunner().invoke(app, ["logs", "spam-1", *([step] if step else []), "--home", str(home)])
    assert shown.output == f"{line}\n"


def test_a_log_that_grows_is_followed_to_the_steps_end(make_run: MakeRun, home: Path) -> None:
    folder, lines = make_run("spam-1"), []

    def go_on() -> None:
        with (folder / "logs" / "prepare.log").open("a") as file:
            file.write("read 4 rows\n")
        spool = Spool(folder / "spool" / "prepare.jsonl")
        spool.append("end", status="FINISHED", seconds=1.0, message="", mistake=False)
        spool.close()

    Timer(0.2, go_on).start()
    show_local_logs(home, "spam-1", "prepare", lines.append, follow=True)
    assert lines == ["read 3 rows", "read 4 rows"]


def test_a_step_without_a_log_is_named(make_run: MakeRun, home: Path) -> None:
    make_run("spam-1")
    with pytest.raises(UserError, match=r"no log of a step 'prepar'; did you mean 'prepare'\?"):
        show_local_logs(home, "spam-1", "prepar", print, follow=False)


def test_the_settings_of_a_run_are_told_wherever_it_ran(make_run: MakeRun, home: Path) -> None:
    trained_with = {
        "finetune": {"task": "text_classification", "base": "", "architecture": {"layers": 2}, "loop": {"epochs": 7}},
        "distill": {"task": "text_classification", "student": {"layers": 1}, "loop": {"epochs": 9, "seed": 3}},
    }
    verdict = json.loads((Path(__file__).parents[3] / "data/verdict-by-5c44ae6/verdict.json").read_bytes())
    verdict["recipe"] = {"name": "spam", "data": {"source": "s3://mails"}}
    verdict["evaluation"]["trained_with"] = trained_with
    make_run("spam-1", "FINISHED", **verdict)
    make_run("spam-2", "FINISHED", **{**verdict, "evaluation": None})
    local_store().put("verdicts/cluster-1.json", json.dumps(verdict).encode())

    here, there = (
        CliRunner().invoke(app, ["runs", "--home", str(home), "--lock", run]) for run in ("spam-1", "cluster-1")
    )
    assert here.exit_code == 0
    assert there.output == here.output
    assert yaml.safe_load(here.output)["distill"]["loop"] == {"epochs": 9}
    with pytest.raises(UserError, match=r"'spam-2' has no recipe.lock.yaml: it trained no models\."):
        lock_of(home, "spam-2")
    with pytest.raises(UserError, match="No verdict of a run 'spam-9' is in"):
        lock_of(home, "spam-9")
