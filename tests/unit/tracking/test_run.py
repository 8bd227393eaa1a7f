"""What a step writes, without any MLflow."""

import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stillhouse.components.tracking import settings
from stillhouse.components.tracking.run import step_run
from stillhouse.components.tracking.spool import Event
from stillhouse.errors import UserError

Events = Callable[[str], list[Event]]


def of(kind: str, events: list[Event]) -> list[Event]:
    return [event for event in events if event["event"] == kind]


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, stillhouse.components.tracking.run;"
        "print(*{'mlflow', 'kfp', 'torch', 'numpy', 'pydantic'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


def test_metrics_keep_name_step_and_value(home: Path, events: Events) -> None:
    with step_run("finetune") as run:
        run.metrics({"loss": 0.1 + 0.2, "f1": math.nan}, 7)
    (point,) = of("metric", events("finetune"))
    assert point["step"] == 7
    assert point["values"]["loss"] == 0.1 + 0.2
    assert math.isnan(point["values"]["f1"])


def test_nested_settings_become_dotted_parameters(home: Path, events: Events) -> None:
    with step_run("finetune") as run:
        run.params({"loop": {"epochs": 3, "amp": None}, "freeze": "none", "layers": [1, 2]})
    assert of("param", events("finetune"))[0]["values"] == {
        "loop.epochs": "3",
        "loop.amp": "null",
        "freeze": "none",
        "layers": "[1, 2]",
    }


@pytest.mark.parametrize(
    ("injected", "expected"),
    [("", {"data_source": "s3://b", "data_columns.label": "y"}), ("r1", {"data_columns.label": "y"})],
)
def test_in_a_run_of_kfps_plugin_plain_inputs_are_left_to_it(
    home: Path, events: Events, monkeypatch: pytest.MonkeyPatch, injected: str, expected: dict[str, str]
) -> None:
    if injected:
        monkeypatch.setenv("MLFLOW_RUN_ID", injected)
    with step_run("inspect") as run:
        run.inputs({"data_source": "s3://b", "data_columns": {"label": "y"}})
    assert of("param", events("inspect"))[0]["values"] == expected


def test_nothing_secret_goes_to_the_spool_or_the_log(home: Path, spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET_KEY", "pl4nted-in-the-environment")
    url = "https://somebody:pl4nted-in-the-environment@host/data"
    with pytest.raises(RuntimeError), step_run("prepare") as run:
        run.params({"data": {"source": url}})
        run.tags({"origin": url})
        logging.getLogger("stillhouse").info("reads %s", url)
        raise RuntimeError(f"cannot read {url}")
    written = (spools / "prepare.jsonl").read_text() + (run.folder / "logs" / "prepare.log").read_text()
    assert "cannot read https://" in written
    assert "pl4nted" not in written


def test_a_step_knows_its_run_and_folder(home: Path) -> None:
    with step_run("prepare") as run:
        assert (run.step, run.run_id, run.folder) == (
            "prepare",
            os.environ["STILLHOUSE_RUN"],
            home / os.environ["STILLHOUSE_RUN"],
        )


def test_a_step_alone_names_its_own_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STILLHOUSE_RUN")
    with step_run("prepare") as run:
        assert run.run_id.startswith("prepare-2")


def test_progress_is_written_five_times_a_second_at_most(home: Path, events: Events) -> None:
    with step_run("finetune") as run:
        for done in range(1, 1001):
            run.progress(done, 1000, "steps")
    progress = of("progress", events("finetune"))
    assert len(progress) < 20
    assert progress[-1]["done"] == 1000


def test_the_end_says_how_long_the_step_worked(home: Path, events: Events) -> None:
    with step_run("prepare"):
        pass
    end = events("prepare")[-1]
    assert (end["event"], end["status"]) == ("end", "FINISHED")
    assert 0 <= end["seconds"] < 5


def test_a_retried_step_goes_on_in_its_spool(home: Path, events: Events) -> None:
    for _ in range(2):
        with step_run("finetune") as run:
            run.tags({"host": "a"})
    assert [event["attempt"] for event in of("start", events("finetune"))] == [1, 2]
    assert len(of("tag", events("finetune"))) == 2


def test_a_resumed_step_does_not_repeat_its_points(home: Path, events: Events) -> None:
    for first, last in ((0, 6), (4, 10)):
        with step_run("finetune") as run:
            for step in range(first, last):
                run.metrics({"loss": 1 / (step + 1)}, step)
    assert [event["step"] for event in of("metric", events("finetune"))] == list(range(10))


def test_a_point_of_a_curve_stays_what_it_first_was(home: Path, events: Events) -> None:
    for rate in (310.0, 290.0):
        with step_run("finetune") as run:
            run.metrics({"tokens_per_second": rate}, 1)
    assert [event["values"] for event in of("metric", events("finetune"))] == [{"tokens_per_second": 310.0}]


def test_a_retry_that_comes_to_another_figure_writes_it_too(home: Path, events: Events) -> None:
    for latency in (1.5, 1.25, 1.25):
        with step_run("evaluate") as run:
            run.metrics({"latency": latency})
    assert [event["values"]["latency"] for event in of("metric", events("evaluate"))] == [1.5, 1.25]


def test_a_disk_that_stays_full_costs_points_and_a_warning_not_the_step(home: Path) -> None:
    code = (
        "import logging, resource; from stillhouse.components.tracking.run import step_run\n"
        "with step_run('finetune') as run:\n"
        "    run.metrics({'loss': 0.5}, 1)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        "    for step in range(2, 9):\n"
        "        run.metrics({'loss': 0.5}, step)\n"
        "        logging.warning('step %d', step)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("cannot write '") == 1
    assert "there was no room for 8 lines; they will be missing in MLflow." in ended.stderr


def test_a_home_that_cannot_be_written_is_a_sentence_and_exit_code_2(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STILLHOUSE_HOME", str(home / "mlflow.db"))
    with pytest.raises(SystemExit) as ended, step_run("finetune"):
        pass
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("cannot write '")


def test_a_users_mistake_ends_with_code_2_and_its_sentence(
    home: Path, events: Events, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, step_run("prepare"):
        raise UserError("data.csv, row 3: 'label' is empty; fill it in.")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "data.csv, row 3: 'label' is empty; fill it in.\n"
    end = events("prepare")[-1]
    assert (end["status"], end["message"]) == ("FAILED", "data.csv, row 3: 'label' is empty; fill it in.")
    assert end["mistake"]


def test_an_error_is_recorded_logged_and_raised(home: Path, events: Events) -> None:
    with pytest.raises(ZeroDivisionError), step_run("prepare") as run:
        _ = 1 / 0
    end = events("prepare")[-1]
    assert (end["status"], end["message"]) == ("FAILED", "ZeroDivisionError: division by zero")
    assert not end["mistake"]
    assert "Traceback" in (run.folder / "logs" / "prepare.log").read_text()


def test_an_interrupted_step_is_killed_not_failed(home: Path, events: Events) -> None:
    with pytest.raises(KeyboardInterrupt), step_run("prepare"):
        raise KeyboardInterrupt
    assert events("prepare")[-1]["status"] == "KILLED"


def test_what_a_step_logs_goes_to_its_file(home: Path) -> None:
    with step_run("prepare") as run:
        logging.getLogger("stillhouse.components.prepare").info("read 3 rows")
    assert "read 3 rows" in (run.folder / "logs" / "prepare.log").read_text()


def test_the_machine_is_sampled_under_mlflows_names(
    home: Path, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SYSTEM_SECONDS", 0.02)
    for wanted in (2, 4):
        with step_run("prepare"):
            while len(of("metric", events("prepare"))) < wanted:
                time.sleep(0.01)
    samples = of("metric", events("prepare"))
    assert "system/cpu_utilization_percentage" in samples[0]["values"]
    assert [sample["step"] for sample in samples] == list(range(len(samples)))


def test_the_start_carries_an_injected_run(home: Path, events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc123")
    with step_run("prepare"):
        pass
    assert events("prepare")[0]["injected"] == "abc123"
