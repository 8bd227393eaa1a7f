"""What `base: auto` stands for: the champion, the packaged base, another that is named, or random weights."""

import json
from pathlib import Path
from typing import Any

import pytest
from bases_on_disk import CONFIG, write_base

from stillhouse.components.artifacts import base_choice
from stillhouse.components.artifacts.base_choice import choose_base
from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.artifacts.chosen_base import ENGLISH_BASE, Candidates, Use, base_of, is_auto, objective_of
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.storage.home import local_store
from stillhouse.components.targets.parse import Kind
from stillhouse.errors import UserError

TASK = "text_classification"
ENGLISH = ["This is what they have sent to you, and it is not what you wanted from them."] * 5
GERMAN = ["Das ist nicht, was ich wollte, und ich habe auch keine Antwort auf die Frage, die wir stellten."] * 5
FITTING = {"load": "transformers", "task": TASK, "target": "classes"}
SAID = "the texts are English ("


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)


def champion(tmp_path: Path, *, layers: int = 6, **changed: Any) -> Candidates:
    """A model in production of so many layers."""
    folder = tmp_path / "champion"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": layers}))
    (folder / "model.json").write_text(json.dumps(FITTING | changed))
    local_store().put_folder(folder, "models/abc")
    return Candidates(champion="store://models/abc", label="version 3")


def choose(candidates: Candidates, texts: list[str], target: Kind = "classes") -> tuple[str, str]:
    """Address and reason."""
    found = choose_base(candidates, texts, TASK, target)
    return found.address, found.why


def test_english_texts_start_from_the_packaged_base() -> None:
    found = choose_base(Candidates(), ENGLISH, TASK, "classes")
    assert (found.address, found.architecture, found.tensors) == (ENGLISH_BASE, "BertModel (bert)", 103)
    assert found.lines()[1].startswith(f"It was chosen because {SAID}")


def test_other_texts_start_from_random_weights_and_the_reason_is_said() -> None:
    found = choose_base(Candidates(), GERMAN, TASK, "classes")
    assert found.address == ""
    assert found.lines() == [f"Base: random weights; {found.why}."]
    assert found.why.startswith("the texts are not English (0.0% of their words are common English ones, ")


def test_other_texts_start_from_the_base_that_the_recipe_names_for_them(tmp_path: Path) -> None:
    base = str(write_base(tmp_path / "german"))
    address, why = choose(Candidates(otherwise=base, digest="d"), GERMAN)
    assert (address, why.endswith("and the recipe names it for such texts")) == (base, True)
    assert choose(Candidates(otherwise=base), ENGLISH)[0] == ENGLISH_BASE


def test_a_named_base_out_of_reach_leaves_random_weights(tmp_path: Path) -> None:
    address, why = choose(Candidates(trouble="hf://a/b is out of reach"), GERMAN)
    assert (address, why.endswith("; hf://a/b is out of reach")) == ("", True)


def test_without_the_package_english_texts_start_from_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_choice, "is_installed", lambda _: False)
    assert choose(Candidates(), ENGLISH) == ("", f"{ENGLISH_BASE}, for English texts, is not installed")


@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (Use(step="finetune", max_length=600), "it has 512 positions, and finetune.loop.max_length is 600"),
        (Use(step="pretrain", max_length=64, objective="next_word"), "it is a bert, which pretraining by next_word"),
    ],
)
def test_a_base_that_does_not_fit_the_steps_is_not_chosen(use: Use, sentence: str) -> None:
    address, why = choose(Candidates(uses=[use]), ENGLISH)
    assert (address, sentence in why) == ("", True)


@pytest.mark.parametrize("texts", [ENGLISH, GERMAN])
def test_a_champion_that_fits_comes_first(tmp_path: Path, texts: list[str]) -> None:
    assert choose(champion(tmp_path), texts) == (
        "store://models/abc",
        "it is the champion (version 3), of the same task and kind of target",
    )


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"target": "number"}, "answers numbers, and the labels are one of several classes"),
        ({"task": "ranking"}, "was made for the task ranking"),
        ({"load": "linear"}, "has no weights to start from"),
        ({"layers": 3}, f"is smaller (3 layers) than {ENGLISH_BASE} (6)"),
    ],
)
def test_a_champion_that_does_not_fit_is_passed_over_with_the_reason(
    tmp_path: Path, about: dict[str, Any], reason: str
) -> None:
    address, why = choose(champion(tmp_path, **about), ENGLISH)
    assert (address, why.startswith(f"the champion (version 3) {reason}; {SAID}")) == (ENGLISH_BASE, True)


def test_a_small_champion_is_better_than_random_weights(tmp_path: Path) -> None:
    assert choose(champion(tmp_path, layers=1), GERMAN)[0] == "store://models/abc"


def test_a_champion_whose_files_are_gone_is_passed_over() -> None:
    address, why = choose(Candidates(champion="store://models/gone", label="version 1"), GERMAN)
    assert (address, why.startswith("the champion (version 1) is gone from the store; ")) == ("", True)


def test_steps_read_the_choice_from_the_dataset() -> None:
    unchosen = Spec(format=1, task=TASK, target="classes", labels=["a", "b"], columns={}, content_digest="")
    chosen = unchosen.model_copy(update={"base": {"address": ENGLISH_BASE, "digest": "", "why": "x"}})
    assert [base_of(base, chosen) for base in ("auto", "auto, else hf://a/b", "./other", "")] == [
        ENGLISH_BASE,
        ENGLISH_BASE,
        "./other",
        "",
    ]
    assert base_of("auto", unchosen) == ""


def test_what_is_nearly_auto_is_one_sentence() -> None:
    assert not is_auto("./auto") and not is_auto("automobile")
    with pytest.raises(UserError, match=r"^base 'auto else x': write `auto`, or `auto, else ADDRESS`"):
        is_auto("auto else x")


@pytest.mark.parametrize(
    ("objective", "address", "learnt"),
    [("auto", "", "masked_lm"), ("auto", "./bert", "none"), ("masked_lm", "./bert", "masked_lm"), ("none", "", "none")],
)
def test_pretraining_is_for_random_weights_unless_it_is_asked_for(objective: str, address: str, learnt: str) -> None:
    assert objective_of(objective, address, ["masked_lm", "next_word"]) == learnt


def test_a_task_without_objectives_has_nothing_to_pretrain() -> None:
    assert objective_of("auto", "", []) == "none"


def test_a_base_of_random_weights_that_nobody_chose_is_not_spoken_of() -> None:
    assert BaseFacts(address="").lines() == []
