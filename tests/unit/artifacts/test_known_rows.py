"""Which rows a promoted model has learnt from: kept in the store under its key, and not with the model."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save_file

from stillhouse.components.artifacts.known_rows import LEARNT_ROWS, RowsUnknown, known_rows, put_known_rows
from stillhouse.components.storage.row_key import KEY
from stillhouse.components.storage.store import Store, open_store
from stillhouse.errors import UserError

MODEL, BASE, OLD = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def dataset(folder: Path, labelled: list[int], unlabelled: list[int]) -> Path:
    folder.mkdir()
    rows = {"labelled": np.array(labelled, np.int64), "unlabelled": np.array(unlabelled, np.int64)}
    save_file(rows, folder / LEARNT_ROWS)
    return folder


def test_it_knows_the_labels_of_its_training_rows_and_of_no_other(store: Store, tmp_path: Path) -> None:
    put_known_rows(store, MODEL, dataset(tmp_path / "d", [5, -3], [9]), [])

    known = known_rows(store, MODEL)

    assert known.labels_of(np.array([-3, 5, 9, 7])).tolist() == [True, True, False, False]
    assert known.key
    assert sorted(known.keyed(known.key)) == sorted(known.key.hashes(np.array([-3, 5, 9])))


def test_what_lies_in_the_store_are_not_the_hashes_themselves(store: Store, tmp_path: Path) -> None:
    rows = list(range(200))
    put_known_rows(store, MODEL, dataset(tmp_path / "d", rows, []), [])

    written = load(store.get(f"rows/{MODEL}"))

    assert len(written["labelled"]) == 200
    assert not np.isin(written["labelled"], rows).any()


def test_a_model_knows_what_the_promoted_models_knew_that_it_started_from(store: Store, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    save_file({"hashes": np.array([3], np.int64)}, old / "training_rows.safetensors")
    store.put_folder(old, f"models/{OLD}")
    put_known_rows(store, BASE, dataset(tmp_path / "first", [1], [2]), [f"/elsewhere/store/models/{OLD}"])
    put_known_rows(store, MODEL, dataset(tmp_path / "second", [4], []), ["hf://name", f"store://models/{BASE}"])

    known = known_rows(store, MODEL)

    assert known.key
    assert set(known.keyed(known.key)) == set(known.key.hashes(np.array([1, 2, 3, 4])))
    assert known.labels_of(np.array([1, 3, 4])).tolist() == [False, False, True]


def test_a_model_of_an_earlier_release_has_plain_hashes_with_it(store: Store, tmp_path: Path) -> None:
    save_file({"hashes": np.array([5, 6], np.int64)}, tmp_path / "training_rows.safetensors")

    assert known_rows(store, OLD, tmp_path).labels_of(np.array([6, 7])).tolist() == [True, False]
    assert store.list() == []  # to read them nothing is made


def test_rows_that_nobody_can_tell_are_one_sentence(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RowsUnknown, match=r"rows/a+', which says what it learnt from, is gone; copy it back$"):
        known_rows(store, MODEL)

    put_known_rows(store, MODEL, dataset(tmp_path / "d", [1], []), [])
    store.delete(KEY)
    with pytest.raises(RowsUnknown, match=r"keys/rows', the key that '.*rows/a+' was written with, is gone; copy it"):
        known_rows(store, MODEL)

    store.put(f"rows/{MODEL}", b"torn")
    with pytest.raises(RowsUnknown, match=r"rows/a+' cannot be read \("):
        known_rows(store, MODEL)


def test_a_dataset_of_an_earlier_release_has_to_be_made_again(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make the dataset again with prepare"):
        put_known_rows(store, MODEL, tmp_path, [])
    assert not store.list("rows")
