"""Base models: every address that may change is fixed."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.inspect.promoting import keep

from stillhouse.components.inspect.bases import resolve_base
from stillhouse.components.inspect.inspect import Inspected, inspect
from stillhouse.components.promote.record import Entry, change
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
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_text("one")
    before = resolve_base(str(folder), store)
    (folder / "model.safetensors").write_text("two")
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
    (tmp_path / "model").mkdir()
    monkeypatch.setenv("STILLHOUSE_STORE", str(tmp_path / "store"))
    snapshots = set()
    for weights in ("one", "two"):
        (tmp_path / "model" / "model.safetensors").write_text(weights)
        parameters = {
            "data_source": str(tmp_path / "data.csv"),
            "model_base": str(tmp_path / "model"),
            "model_name": "spam",
        }
        snapshots.add(inspect(parameters, run=StepRun("inspect", "run", tmp_path / "home")).snapshot)

    assert len(snapshots) == 2
