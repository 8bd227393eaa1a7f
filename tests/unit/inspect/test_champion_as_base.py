"""`base: champion`: what it stands for, before and after a promotion."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bases_on_disk import write_base
from tests.unit.inspect.promoting import promote

from stillhouse.components.inspect.bases import from_champion
from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

Look = Callable[..., Inspected]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the step on a source of one file."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    (tmp_path / "data.csv").write_text("text,label\nhello,ham\n")

    def run_step(base: str = "champion", **parameters: Any) -> Inspected:
        given = {"data_source": str(tmp_path / "data.csv"), "model_name": "spam", "model_base": base, **parameters}
        return inspect(given, run=StepRun("inspect", "run", tmp_path / "home"))

    return run_step


def add_row(tmp_path: Path) -> None:
    with (tmp_path / "data.csv").open("a") as file:
        file.write("one more,ham\n")


def bases(found: Inspected) -> set[str]:
    """What the teacher is to start from."""
    return {json.loads(found.pretrain)["base"], json.loads(found.finetune)["base"]}


def test_the_first_run_starts_from_random_weights(look: Look) -> None:
    assert bases(look("champion")) == {""}


def test_the_first_run_starts_from_the_other_model_that_the_recipe_names(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "bert")

    assert bases(look(f"champion, else {tmp_path}/bert")) == {f"{tmp_path}/bert"}


def test_later_runs_start_from_the_champion(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)
    write_base(tmp_path / "bert")

    assert bases(look("champion")) == bases(look(f"champion, else {tmp_path}/bert")) == {"store://models/first"}


def test_the_run_says_that_it_starts_from_the_champion(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)

    look()

    (spool,) = (tmp_path / "home").rglob("inspect.jsonl")
    assert "Base store://models/first: made by Stillhouse; its tokenizer and all of its tensors are taken." in (
        spool.read_text()
    )


def test_a_champion_without_weights_to_start_from_counts_as_none_and_is_named(look: Look, tmp_path: Path) -> None:
    promote(look(), "first", kind="tfidf_linear")
    add_row(tmp_path)
    write_base(tmp_path / "bert")

    assert bases(look("champion")) == {""}
    assert bases(look(f"champion, else {tmp_path}/bert")) == {f"{tmp_path}/bert"}
    (spool,) = (tmp_path / "home").rglob("inspect.jsonl")
    said = "is TF-IDF with a linear model, which has no weights to start from"
    assert f"{said}: the run starts as if there were none." in spool.read_text()
    with pytest.raises(UserError, match=f"{said}; name another"):
        look("models:/spam@champion")


def test_such_a_champion_is_still_compared_with_and_cached_on(look: Look) -> None:
    before = look("champion")
    promote(before, "first", kind="tfidf_linear")

    assert look("champion") == before


def test_the_student_may_start_from_the_champion(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)

    found = look("", model_student={"base": "champion"})

    assert json.loads(found.distill)["student"]["base"] == "store://models/first"
    assert bases(found) == {""}


def test_the_student_is_handed_the_champion_whose_right_answers_it_is_to_keep(look: Look, tmp_path: Path) -> None:
    keep = {"step_overrides": {"distill": {"keep_champion_right": 5.0}}}
    first = look("", **keep)
    promote(first, "first")
    assert json.loads(first.distill)["champion"] == ""
    assert look("", **keep) == first  # the champion's own inputs
    add_row(tmp_path)

    second = look("", **keep)

    assert json.loads(second.distill)["champion"] == "store://models/first"
    assert json.loads(look("").distill)["champion"] == ""
    promote(second, "second")
    assert look("", **keep) == second


def test_a_recipe_that_repeats_a_run_keeps_to_the_champion_of_then(look: Look, tmp_path: Path) -> None:
    promote(look(""), "first")
    add_row(tmp_path)
    again = {"keep_champion_right": 5.0, "champion": "store://models/older"}

    assert json.loads(look("", step_overrides={"distill": again}).distill)["champion"] == "store://models/older"


def test_after_the_first_promotion_unchanged_data_are_cached(look: Look) -> None:
    before = look()
    promote(before, "first")

    assert look() == before


def test_after_a_later_promotion_unchanged_data_are_cached(look: Look, tmp_path: Path) -> None:
    promote(look(), "first")
    add_row(tmp_path)
    before = look()
    promote(before, "second")

    assert look() == before


def test_other_settings_start_from_the_champion_on_its_own_dataset(look: Look) -> None:
    before = look()
    promote(before, "first")

    changed = look(step_overrides={"distill": {"temperature": 3.0}})

    assert bases(changed) == {"store://models/first"}
    assert changed.snapshot == before.snapshot


@pytest.mark.parametrize("base", ["champion else hf://bert", "champion, hf://bert", "champion, else"])
def test_what_is_nearly_champion_is_one_sentence(look: Look, base: str) -> None:
    with pytest.raises(UserError, match="write `champion`, or `champion, else MODEL`; a folder as"):
        look(base)


@pytest.mark.parametrize("base", ["./champion", "champions", "champion/v2", "models:/spam@champion"])
def test_other_models_may_have_champion_in_their_name(base: str) -> None:
    assert from_champion(base, None) is None


def test_auto_is_left_to_prepare_with_the_champion_to_choose_from(look: Look, tmp_path: Path) -> None:
    promote(look("auto"), "first")
    add_row(tmp_path)

    found = look("auto")

    assert bases(found) == {"auto"}
    auto = json.loads(found.snapshot)["auto"]
    assert (auto["champion"], [use["step"] for use in auto["uses"]]) == (
        "store://models/first",
        ["finetune", "distill"],
    )
    (spool,) = (tmp_path / "home").rglob("inspect.jsonl")
    assert "Base auto: the first that fits of the champion (the model first)" in spool.read_text()


def test_after_a_promotion_auto_on_unchanged_data_is_cached(look: Look, tmp_path: Path) -> None:
    before = look("auto")
    promote(before, "first")
    assert look("auto") == before

    add_row(tmp_path)
    second = look("auto")
    promote(second, "second")
    assert look("auto") == second


def test_other_settings_on_the_champions_data_choose_as_its_own_run_did(look: Look) -> None:
    before = look("auto")
    promote(before, "first")

    changed = look("auto", step_overrides={"distill": {"temperature": 3.0}})

    assert changed.snapshot == before.snapshot
    assert changed.distill != before.distill


def test_another_base_for_other_texts_is_fixed_by_its_content(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "bert")
    auto = json.loads(look(f"auto, else {tmp_path}/bert").snapshot)["auto"]
    assert (auto["otherwise"], len(auto["digest"])) == (f"{tmp_path}/bert", 64)


def test_a_hub_out_of_reach_stops_no_run(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    auto = json.loads(look("auto, else hf://owner/name").snapshot)["auto"]
    assert auto["trouble"] == "hf://owner/name, which the recipe names for such texts, is out of reach"


def test_steps_that_ask_for_different_choices_are_one_sentence(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "bert")
    overrides = {"pretrain": {"base": f"auto, else {tmp_path}/bert"}}
    with pytest.raises(UserError, match="write one of them to both"):
        look("auto", step_overrides=overrides)


def test_a_student_is_not_chosen(look: Look) -> None:
    with pytest.raises(UserError, match="`auto` is for the teacher"):
        look("", model_student={"base": "auto"})


@pytest.mark.parametrize(("objective", "gpus"), [("auto", "0"), ("masked_lm", "2")])
def test_from_a_base_nothing_is_pretrained_unless_it_is_asked_for(
    look: Look, tmp_path: Path, objective: str, gpus: str
) -> None:
    write_base(tmp_path / "bert")
    found = inspect(
        {
            "data_source": str(tmp_path / "data.csv"),
            "model_name": "spam",
            "model_base": str(tmp_path / "bert"),
            "train_pretraining": objective,
        },
        gpus="2",
        run=StepRun("inspect", "run", tmp_path / "home"),
    )
    assert found.pretrain_gpu_count == gpus
