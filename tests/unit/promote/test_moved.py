"""A store that was moved, copied or renamed: what the record refers to is found by its digest in the store at hand."""

import shutil
from typing import Any

import numpy as np
import pytest

from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.artifacts.kept import place_of
from stillhouse.components.artifacts.known_rows import known_rows
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.promote.presence import present
from stillhouse.components.promote.rollback import rollback
from stillhouse.components.storage.row_key import row_key
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError

Workplace = Any
"""See conftest.py."""


@pytest.fixture
def moved(promoted: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """The home was moved since b was promoted; the record holds the old addresses, as those of 5c44ae6 do."""
    assert promoted.record.champion.uri.startswith(str(promoted.folder / "home" / "store"))
    place = type(promoted)(promoted.folder / "elsewhere", promoted.name)
    place.folder.mkdir()
    (promoted.folder / "home").rename(place.folder / "home")
    monkeypatch.setenv("STILLHOUSE_HOME", str(place.folder / "home"))
    return place


def champion_of(place: Workplace) -> Entry:
    champion = place.record.champion
    assert champion
    return present(place.store, place.name, champion)


def test_the_champion_and_its_statistics_are_found_by_digest(moved: Workplace) -> None:
    champion = champion_of(moved)

    assert champion.compared_with
    assert champion.uri == f"store://models/{champion.digest}"
    assert champion.statistics_uri == "store://datasets/data-b/dataset.json"
    assert (fetch_model_weights(champion.uri), champion.compared_with.uri) == (
        "b",
        f"store://models/{champion.compared_with.digest}",
    )


def fetch_model_weights(address: str) -> str:
    store, key = place_of(address)
    return store.get(f"{key}/model.safetensors").decode()


def test_what_the_champion_learnt_from_is_told_with_the_key_that_moved_along(moved: Workplace) -> None:
    known = known_rows(moved.store, champion_of(moved).digest)

    assert known.labels_of(np.array([2000, 2099, 2100, 3000])).tolist() == [True, True, False, False]


@pytest.mark.parametrize("another", [False, True])
def test_a_store_whose_key_is_lost_says_so_before_anything_is_trained(moved: Workplace, another: bool) -> None:
    moved.store.delete("keys/rows")
    if another:
        row_key(moved.store)

    with pytest.raises(UserError) as refused:
        champion_of(moved)

    sentence = str(refused.value)
    assert f"the champion of '{moved.name}', version" in sentence and "\n" not in sentence
    assert "keys/rows" in sentence and "copy" in sentence
    assert sentence.endswith("or go on without it for one run: --set promote.replace_incomparable=true.")
    assert present(moved.store, moved.name, moved.record.champion, needed=False)


def test_the_next_candidate_replaces_it_and_rollback_brings_it_back(moved: Workplace) -> None:
    verdict = moved.promote("c")
    assert (verdict["decision"], moved.record.previous.dataset_digest) == ("promoted", "data-b")

    rollback(moved.name)

    assert moved.record.champion.dataset_digest == "data-b"


def test_a_model_that_lies_in_the_old_store_only_is_found_there(promoted: Workplace) -> None:
    copy = open_store(promoted.folder / "copy")
    shutil.copytree(promoted.folder / "home/store/promotions", promoted.folder / "copy/promotions")

    champion = present(copy, promoted.name, promoted.record.champion)

    assert champion.uri == promoted.store.uri(f"models/{champion.digest}")
    assert fetch_model_weights(champion.uri) == "b"


@pytest.mark.parametrize(
    ("gone", "what"),
    [
        ("models", "its model is not whole at "),
        ("models/*/model.safetensors", "its model is not whole at "),
        ("datasets/data-b", "the statistics of its data, against which drift is measured, are not whole at "),
    ],
    ids=["models", "weights", "statistics"],
)
def test_what_is_gone_is_one_sentence_with_place_and_mend(moved: Workplace, gone: str, what: str) -> None:
    for path in (moved.folder / "home/store").glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(UserError) as caught:
        champion_of(moved)

    sentence = str(caught.value)
    assert sentence.startswith(f"the champion of '{moved.name}', version 2 of the run run-b (promoted ")
    assert what + str(moved.folder / "home" / "store") in sentence
    assert f"`stillhouse rollback {moved.name}`" in sentence
    assert sentence.endswith("--set promote.replace_incomparable=true.")


def test_what_is_gone_and_not_needed_leads_nowhere_and_measures_no_drift(moved: Workplace) -> None:
    shutil.rmtree(moved.folder / "home/store/models")
    shutil.rmtree(moved.folder / "home/store/datasets")

    champion = present(moved.store, moved.name, moved.record.champion, needed=False)

    assert champion.statistics_uri == ""
    with pytest.raises(UserError, match=r"does not exist; bring it back, or check the store"):
        fetch_model(champion.uri)


def test_nobody_rolls_back_to_a_model_that_is_gone(moved: Workplace) -> None:
    previous = moved.record.previous
    shutil.rmtree(moved.folder / f"home/store/models/{previous.digest}")

    with pytest.raises(UserError, match=r"^the previous model of .* version 1 of the run run-a .* is not whole at "):
        rollback(moved.name)

    assert moved.record.champion.dataset_digest == "data-b"
