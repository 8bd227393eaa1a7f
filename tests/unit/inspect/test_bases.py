"""Base models: every address that may change is fixed."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bases_on_disk import CONFIG, bert_tensors, write_base
from safetensors.numpy import save_file
from tests.unit.inspect.promoting import keep

from stillhouse.components.artifacts.promotion_record import Entry, change
from stillhouse.components.inspect.bases import resolve_base
from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.storage.store import Store, open_store
from stillhouse.components.tracking.run import StepRun
from stillhouse.errors import UserError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in which two models of the name `base` were promoted."""
    store = open_store(tmp_path / "store")
    for digest in ("old", "new"):
        keep(store, digest)
        entry = Entry(
            digest=digest,
            uri=f"{store.url}/models/{digest}",
            run="run",
            dataset_digest=digest,
            statistics_uri="s",
            promoted_at="2026-01-01T00:00:00+00:00",
        )
        change(store, "base", lambda record, e=entry: record.promoted(e))
    return store


@pytest.mark.parametrize(("alias", "digest"), [("champion", "new"), ("previous", "old")])
def test_an_alias_becomes_the_address_of_the_promoted_model(store: Store, alias: str, digest: str) -> None:
    assert resolve_base(f"models:/base@{alias}", store).address == f"store://models/{digest}"


@pytest.mark.parametrize("base", ["models:/base/3", f"hf://owner/name@{COMMIT}"])
def test_an_address_that_cannot_change_stays(store: Store, base: str) -> None:
    assert resolve_base(base, store).address == base


def test_an_alias_of_a_model_that_was_never_promoted_is_refused(store: Store) -> None:
    with pytest.raises(UserError, match=r"^base 'models:/other@champion': .* has no such model; promote one"):
        resolve_base("models:/other@champion", store)


def test_a_hub_out_of_reach_is_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(UserError, match=r"^base 'hf://owner/name': .*; check the name, or name a folder.$"):
        resolve_base("hf://owner/name", store)


def test_a_folder_is_known_by_its_content(store: Store, tmp_path: Path) -> None:
    folder = write_base(tmp_path / "model")
    before = resolve_base(str(folder), store)
    write_base(folder, {f"bert.{name}": value for name, value in bert_tensors(CONFIG).items()})
    after = resolve_base(str(folder), store)

    assert before.address == after.address == str(folder)
    assert before.digest != after.digest


def test_every_step_gets_the_fixed_address(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.csv").write_text("text,label\nhello,ham\n")
    monkeypatch.setenv("STILLHOUSE_STORE", store.url)
    parameters: dict[str, Any] = {
        "data_source": str(tmp_path / "data.csv"),
        "model_base": "models:/base@champion",
        "model_name": "spam",
        "model_student": {"layers": None, "base": "models:/base@previous"},
    }

    found: Inspected = inspect(parameters, run=StepRun("inspect", "run", tmp_path / "home"))

    assert json.loads(found.pretrain)["base"] == json.loads(found.finetune)["base"] == "store://models/new"
    assert json.loads(found.distill)["student"]["base"] == "store://models/old"


def test_another_content_of_a_base_folder_starts_everything_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.csv").write_text("text,label\nhello,ham\n")
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    snapshots = set()
    for prefix in ("", "bert."):
        write_base(tmp_path / "model", bert_tensors(CONFIG, prefix))
        parameters = {
            "data_source": str(tmp_path / "data.csv"),
            "model_base": str(tmp_path / "model"),
            "model_name": "spam",
        }
        snapshots.add(inspect(parameters, run=StepRun("inspect", "run", tmp_path / "home")).snapshot)

    assert len(snapshots) == 2


Look = Callable[..., Inspected]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the step with the base in the folder `base`."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    (tmp_path / "data.csv").write_text("text,label\nhello,ham\n")

    def run_step(**parameters: Any) -> Inspected:
        given = {"data_source": str(tmp_path / "data.csv"), "model_name": "spam", "model_base": str(tmp_path / "base")}
        return inspect({**given, **parameters}, run=StepRun("inspect", "run", tmp_path / "home"))

    return run_step


def test_the_run_says_what_was_found(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "base", bert_tensors(CONFIG, "module."))

    facts = json.loads(look().snapshot)["bases"]

    assert [(one["address"], one["architecture"], one["tensors"]) for one in facts] == [
        (str(tmp_path / "base"), "BertModel (bert)", 39)
    ]
    events = [json.loads(line) for line in (tmp_path / "home/run/spool/inspect.jsonl").read_text().splitlines()]
    said = next(event["values"]["note.base.1"] for event in events if "note.base.1" in event.get("values", {}))
    assert said == (
        f"Base {tmp_path}/base: BertModel (bert), tensors used 39 of 39, digest {facts[0]['digest'][:12]}. "
        "Its tensors are named with 'module.' before them, which is taken off."
    )


def test_a_thinned_base_is_refused_before_anything_is_prepared(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "base", {name: one for name, one in bert_tensors(CONFIG).items() if ".1." not in name})
    with pytest.raises(UserError, match=r"^base '.*/base': 16 of the 37 tensors of its architecture are not in it"):
        look()


def test_the_comparison_with_the_architecture_takes_less_than_two_seconds(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "base")
    look()
    began = time.monotonic()
    look()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"train_pretraining": "next_word"}, "it is a bert, which pretraining by next_word is not for; set pretrain."),
        ({"step_overrides": {"finetune": {"loop": {"max_length": 600}}}}, "it has 512 positions, and finetune.loop."),
        (
            {"train_pretraining": "masked_lm", "step_overrides": {"pretrain": {"loop": {"max_length": 600}}}},
            "it has 512 positions, and pretrain.loop.",
        ),
        ({"step_overrides": {"distill": {"loop": {"max_length": 600}}}}, "it has 512 positions, and distill.loop."),
    ],
)
def test_a_base_that_does_not_fit_what_is_done_with_it_is_refused(
    look: Look, tmp_path: Path, parameters: dict[str, Any], sentence: str
) -> None:
    write_base(tmp_path / "base")
    with pytest.raises(UserError) as refused:
        look(**parameters)
    assert str(refused.value).startswith(f"base '{tmp_path}/base': {sentence}")


def test_a_base_of_two_names_is_spoken_of_once(look: Look, tmp_path: Path) -> None:
    base = str(write_base(tmp_path / "base"))
    found = look(model_base=f"champion, else {base}", model_student={"base": base})
    assert [one["address"] for one in json.loads(found.snapshot)["bases"]] == [base]


def test_the_students_base_is_looked_at_too(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "student", config={"model_type": "xlnet"})
    with pytest.raises(UserError, match=r"/student': xlnet is an architecture that is not supported"):
        look(model_base="", model_student={"base": str(tmp_path / "student")})


def test_adapters_with_their_base_beside_them_are_taken_as_both(look: Look, tmp_path: Path) -> None:
    write_base(tmp_path / "bert")
    lora = {"peft_type": "LORA", "base_model_name_or_path": "bert", "r": 2, "lora_alpha": 4}
    tensors = {f"base_model.model.encoder.layer.0.output.dense.lora_{part}.weight": np.ones(shape, np.float32)
               for part, shape in (("A", (2, 32)), ("B", (16, 2)))}  # fmt: skip
    write_base(tmp_path / "base", {}, files={"config.json": None, "adapter_config.json": lora})
    save_file(tensors, tmp_path / "base" / "adapter_model.safetensors")

    found = look()

    assert json.loads(found.finetune)["base"] == f"{tmp_path}/base, on {tmp_path}/bert"
    notes = json.loads(found.snapshot)["bases"][0]["notes"]
    assert notes == [f"The adapters of {tmp_path}/base are merged into 1 of its tensors."]
    (tmp_path / "bert").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"on BASE|, on bert`, or merge them by python -c .*merge_and_unload\(\)"):
        look()
    asked = look(model_base=f"{tmp_path}/base, on {tmp_path}/elsewhere")
    assert json.loads(asked.finetune)["base"] == f"{tmp_path}/base, on {tmp_path}/elsewhere"
