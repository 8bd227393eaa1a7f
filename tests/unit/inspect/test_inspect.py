"""inspect: what changes what it hands on, and what does not."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.inspect.promoting import promote

from stillhouse.components.artifacts.forgotten import forget_rows
from stillhouse.components.artifacts.nights import Night, put_night
from stillhouse.components.artifacts.worth import Cost, ExpectedGain
from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.spool import read_events
from stillhouse.errors import UserError

Look = Callable[..., Inspected]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A source of two files."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("text,label\nhello,ham\n")
    (folder / "b.csv").write_text("text,label\nbuy now,spam\n")
    return folder


@pytest.fixture
def look(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the step in a home of its own, with some parameters changed."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)

    def run_step(gpus: str = "0", pretrains: bool = True, **parameters: Any) -> Inspected:
        step = StepRun("inspect", "run", tmp_path / "home")
        given = {"data_source": str(data), "model_name": "spam", **parameters}
        return inspect(given, gpus=gpus, pretrains=pretrains, run=step)

    return run_step


def append_row(data: Path) -> None:
    with (data / "a.csv").open("a") as file:
        file.write("one more,ham\n")


def differing(one: Inspected, other: Inspected) -> set[str]:
    return {name for name, a, b in zip(one._fields, one, other, strict=True) if a != b}


def test_the_same_inputs_give_the_same_answer(look: Look) -> None:
    assert look() == look()


def test_one_appended_row_changes_the_snapshot_and_what_promote_is_told(look: Look, data: Path) -> None:
    before = look()
    append_row(data)

    assert differing(before, look()) == {"snapshot", "promote"}


def test_promote_is_told_what_the_run_was_asked_for(look: Look, data: Path) -> None:
    found = look(step_overrides={"finetune": {"loop": {"epochs": 6.0}}}, train_seed=4)  # a number as KFP hands it on
    told = json.loads(found.promote)["inspected"]["recipe"]

    assert (told["name"], told["seed"], told["data"]["source"]) == ("spam", 4, str(data))
    assert repr(told["finetune"]["loop"]["epochs"]) == "6"


def test_gpu_hours_are_a_time_on_the_gpus_that_are_asked_for(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILLHOUSE_NODES", "2")
    found = look(gpus="4", train_budget="2 gpu-hours")
    derive = json.loads(found.finetune)["derive"]
    assert (derive["seconds"], derive["gpu_hours"]) == (pytest.approx(0.45 * 2 * 3600 / 8), 2)
    assert (
        "The budget of 2 gpu-hours is 15 min on 8 GPUs, of which may take: pretrain 1.5 min, finetune 6.75 min, "
        "distill 4.5 min." in (tmp_path / "home/run/spool/inspect.jsonl").read_text()
    )


@pytest.mark.parametrize(
    ("gpus", "budget", "sentence"),
    [
        ("0", "1 gpu-hour", "budget is '1 gpu-hour', and this run asks for no GPUs; ask for some"),
        ("1", "0 gpu-hours", "budget is '0 gpu-hours', in which nothing can be learnt"),
        ("1", "2 gpus", "'train_budget' is '2 gpus'"),
    ],
)
def test_gpu_hours_that_cannot_be_kept_are_refused(look: Look, gpus: str, budget: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        look(gpus=gpus, train_budget=budget)


def test_rows_that_are_forgotten_make_the_dataset_anew_even_on_the_champions_own_data(look: Look) -> None:
    promote(before := look(), "first")
    forget_rows(local_store(), np.array([7]))
    after = look()
    forget_rows(local_store(), np.array([7]))

    assert {"snapshot", "promote"} <= differing(before, after)
    assert json.loads(after.promote)["inspected"]["champion"]
    assert look() == after


def test_a_file_that_is_written_anew_with_the_same_content_changes_nothing(look: Look, data: Path) -> None:
    before = look()
    shutil.copytree(data, data.with_name("copy"))
    shutil.rmtree(data)
    data.mkdir()
    for name in ("b.csv", "a.csv"):
        shutil.copyfile(data.with_name("copy") / name, data / name)

    assert look() == before


def test_the_snapshot_counts_files_and_bytes(look: Look, data: Path) -> None:
    snapshot = json.loads(look().snapshot)

    assert (snapshot["files"], snapshot["bytes"]) == (2, sum(path.stat().st_size for path in data.iterdir()))


def test_settings_of_a_later_step_leave_the_dataset_cached(look: Look) -> None:
    changed = look(step_overrides={"distill": {"temperature": 3.0}})

    assert differing(look(), changed) == {"distill", "promote"}


def test_whole_numbers_may_arrive_as_floats(look: Look) -> None:
    whole = look(model_teacher={"layers": 2}, train_seed=3)

    assert look(model_teacher={"layers": 2.0}, train_seed=3) == whole


def test_what_is_recorded_has_the_types_of_the_settings(look: Look, tmp_path: Path) -> None:
    """KFP makes 6.0 of the 6 in a dict."""
    look(step_overrides={"finetune": {"loop": {"epochs": 6.0}}, "distill": {"temperature": 3.0}}, train_seed=2.0)
    events = [event for _, event in read_events(tmp_path / "home" / "run" / "spool" / "inspect.jsonl")]
    (params,) = [event["values"] for event in events if event["event"] == "param"]
    assert params["step_overrides.finetune.loop.epochs"] == "6"
    assert params["step_overrides.distill.temperature"] == "3.0"
    assert params["train_seed"] == "2"


def test_the_whole_run_has_the_recipes_parameters_under_the_recipes_keys(look: Look, tmp_path: Path) -> None:
    look(model_teacher={"layers": 2.0}, step_overrides={"finetune": {"loop": {"epochs": 6.0}}}, train_seed=3)
    events = [event for _, event in read_events(tmp_path / "home" / "run" / "spool" / "inspect.jsonl")]
    said = {event["what"]: event["values"] for event in events if event["event"] == "whole"}
    assert said["param"] == {
        "name": "spam",
        "task": "text_classification",
        "seed": "3",
        "data.source": str(tmp_path / "data"),
        "model.base": "auto",
        "model.teacher.layers": "2",
        "pretrain.objective": "auto",
        "finetune.loop.epochs": "6",
    }
    assert (said["tag"]["model_name"], said["tag"]["task"]) == ("spam", "text_classification")


def test_an_override_changes_one_key_of_what_the_parameters_give(look: Look) -> None:
    found = look(
        model_teacher={"layers": 2, "width": 32},
        step_overrides={"finetune": {"architecture": {"layers": 3}, "loop": {"epochs": 9}}},
        train_seed=5,
    )

    finetune = json.loads(found.finetune)
    assert (finetune["architecture"]["layers"], finetune["architecture"]["width"]) == (3, 32)
    assert (finetune["loop"]["epochs"], finetune["loop"]["seed"]) == (9, 5)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"train_sed": 1}, "parameters: unknown key 'train_sed'; use one of: data_columns, "),
        ({"train_seed": -1}, "parameters: 'train_seed' is -1, but "),
        ({"model_teacher": {"heads": 5}}, "parameters: 'model_teacher' is {'heads': 5}, but width 192 must "),
        ({"step_overrides": {"fintune": {}}}, "parameters: unknown step 'fintune'; use one of: prepare, "),
        (
            {"step_overrides": {"finetune": {"loop": {"epochs": 0}}}},
            "parameters, finetune: 'loop.epochs' is 0",
        ),
        ({"data_source": "nowhere.csv"}, "source 'nowhere.csv' does not exist; check the path."),
    ],
)
def test_a_wrong_parameter_is_one_sentence_that_names_it(look: Look, parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        look(**parameters)

    assert str(caught.value).startswith(sentence)


def test_before_the_first_promotion_there_is_no_champion_and_no_reference(look: Look) -> None:
    found = look()

    assert found.champion == ""
    assert json.loads(found.snapshot)["reference"] is None


def test_new_data_is_compared_with_the_champion_and_its_dataset(look: Look, data: Path) -> None:
    promote(look(), "first")
    append_row(data)

    found = look()

    named = {"version": None, "digest": "first", "uri": "store://models/first"}
    assert json.loads(found.champion).items() >= {**named, "anchor": named}.items()
    assert json.loads(found.snapshot)["reference"] == "store://datasets/first/dataset.json"


def test_the_nights_before_say_what_a_run_gains_and_prepare_is_told_where_they_are(
    look: Look, data: Path, tmp_path: Path
) -> None:
    assert json.loads(look().snapshot)["nights"] is None
    promote(look(), "first")
    for day in range(1, 8):
        gained = {"metric": "f1_macro", "gain": 0.004, "error": 0.001, "cost": Cost(hours=1)}
        put_night(local_store(), "spam", Night(run=f"{day}", time=f"2026-03-0{day}", decision="rejected", **gained))
    append_row(data)
    found = look()
    expected = ExpectedGain.from_file(tmp_path / "home" / "run" / "expected_gain.json")

    assert json.loads(found.snapshot)["nights"] == "spam"
    assert look() == found
    assert (expected.gain, expected.nights) == (pytest.approx(0.004, rel=0.01), 7)
    assert expected.sentence in (tmp_path / "home/run/spool/inspect.jsonl").read_text()


def test_after_the_first_promotion_unchanged_inputs_are_cached(look: Look) -> None:
    before = look()
    promote(before, "first")

    assert look() == before


def test_after_a_later_promotion_unchanged_inputs_are_cached(look: Look, data: Path) -> None:
    promote(look(), "first")
    append_row(data)
    before = look()
    promote(before, "second")

    assert look() == before


def test_other_settings_on_the_champions_data_leave_its_dataset_cached(look: Look, data: Path) -> None:
    promote(look(), "first")
    append_row(data)
    before = look()
    promote(before, "second")

    changed = look(step_overrides={"distill": {"temperature": 3.0}})

    assert differing(before, changed) == {"distill", "promote", "champion"}
    assert json.loads(changed.champion)["digest"] == "second"


def test_promote_is_told_which_champion_was_handed_on(look: Look, data: Path) -> None:
    promote(look(), "first")
    append_row(data)

    settings = PromoteSettings.parse(look().promote)

    assert settings.inspected and settings.inspected.champion
    assert settings.inspected.champion.digest == "first"


def test_it_answers_in_well_under_a_second_without_heavy_imports(look: Look, data: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from stillhouse.components.inspect.inspect import inspect;"
        "from stillhouse.components.tracking.run import StepRun;"
        "run = StepRun('inspect', 'r', Path(sys.argv[2]));"
        "inspect({'data_source': sys.argv[1], 'model_name': 'spam'}, run=run);"
        "heavy = {'mlflow', 'kfp', 'torch', 'datasets', 'transformers', 'boto3', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    begun = time.monotonic()

    answer = subprocess.run(
        [sys.executable, "-c", code, str(data), str(data.parent)], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"
    assert time.monotonic() - begun < 5  # 0.4 s on a quiet machine, interpreter included


def test_pretrain_takes_the_forms_gpus_and_none_where_nothing_is_to_be_learnt(look: Look) -> None:
    assert look(gpus="2").pretrain_gpu_count == "2"
    assert look(gpus="2", train_pretraining="none").pretrain_gpu_count == "0"
    assert look(gpus="2", step_overrides={"pretrain": {"objective": "none"}}).pretrain_gpu_count == "0"


def test_a_pipeline_without_pretraining_refuses_to_be_asked_for_it(look: Look) -> None:
    assert look(pretrains=False, train_pretraining="none").pretrain_gpu_count == "0"
    with pytest.raises(UserError, match=r"train_pretraining is 'next_word', but this pipeline .* has no such step"):
        look(pretrains=False, train_pretraining="next_word")
