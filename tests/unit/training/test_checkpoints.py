"""Checkpoints are whole or absent, and the newest valid one is taken."""

import threading
from pathlib import Path

import pytest
import torch

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, Store, open_store
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.errors import UserError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def open_checkpoints(store: Store, fingerprint: str = "print", keep: int = 2) -> Checkpoints:
    return Checkpoints(store, fingerprint, keep, damaged=(NotFound, Corrupt))


def saved(store: Store, *steps: int, keep: int = 3, fingerprint: str = "print") -> Checkpoints:
    """Checkpoints with one tensor and one value, each the number of its step."""
    checkpoints = open_checkpoints(store, fingerprint, keep)
    for step in steps:
        checkpoints.save(step, {"a": torch.full((50,), float(step))}, {"step": step})
    checkpoints.wait()
    return checkpoints


def newest_step(checkpoints: Checkpoints) -> int | None:
    found = checkpoints.newest()
    if found is None:
        return None
    tensors, state = found
    assert tensors["a"].tolist() == [state["step"]] * 50
    return state["step"]


def test_the_newest_comes_back_as_it_was_saved(store: Store) -> None:
    assert newest_step(saved(store, 5, 10)) == 10


def test_another_process_finds_them_under_the_same_fingerprint_only(store: Store) -> None:
    saved(store, 5)
    assert newest_step(open_checkpoints(store)) == 5
    assert newest_step(open_checkpoints(store, "other")) is None


def test_only_the_newest_are_kept(store: Store) -> None:
    saved(store, 1, 2, 3, 4, keep=2)
    assert {entry.key.split("/")[2] for entry in store.list("checkpoints/print")} == {"000000003", "000000004"}


def test_what_training_changes_after_saving_is_not_in_it(store: Store) -> None:
    checkpoints, tensor = open_checkpoints(store), torch.zeros(50)
    checkpoints.save(0, {"a": tensor}, {"step": 0})
    tensor.fill_(7)
    checkpoints.wait()
    assert newest_step(checkpoints) == 0


def damage(store: Store, step: int) -> None:
    store.put(f"checkpoints/print/{step:09d}/tensors.safetensors", b"no tensors")


def test_without_a_valid_one_training_starts_anew(store: Store) -> None:
    checkpoints = saved(store, 5)
    damage(store, 5)
    assert newest_step(checkpoints) is None


def test_a_store_that_is_away_is_an_error_and_no_reason_to_start_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = saved(store, 5)

    def away(key: str, folder: Path) -> None:
        raise UserError("the store does not answer")

    monkeypatch.setattr(store, "get_folder", away)
    with pytest.raises(UserError, match="does not answer"):
        checkpoints.newest()


@pytest.mark.parametrize("then", [8, 10, 12], ids=["before it", "in its place", "after it"])
def test_a_damaged_one_never_takes_the_place_of_a_valid_one(store: Store, then: int) -> None:
    saved(store, 5, 10)
    damage(store, 10)
    checkpoints = open_checkpoints(store, keep=1)
    assert newest_step(checkpoints) == 5
    checkpoints.save(then, {"a": torch.full((50,), float(then))}, {"step": then})
    checkpoints.wait()
    assert newest_step(open_checkpoints(store)) == then


def test_it_says_while_one_is_being_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    put_folder = store.put_folder

    def slow(folder: Path | str, key: str) -> None:
        free.wait()
        put_folder(folder, key)

    monkeypatch.setattr(store, "put_folder", slow)
    checkpoints = open_checkpoints(store)
    assert not checkpoints.busy
    checkpoints.save(1, {"a": torch.full((50,), 1.0)}, {"step": 1})
    assert checkpoints.busy
    free.set()
    checkpoints.close()
    assert not checkpoints.busy
    assert newest_step(checkpoints) == 1


def test_what_is_kept_beside_checkpoints_is_made_once(store: Store) -> None:
    told = {"logits": torch.arange(6.0).reshape(2, 3) / 3, "items": torch.tensor([2**40, -1])}
    made = open_checkpoints(store).get_or_make("teacher/1", lambda: told)
    again = saved(store, 5).get_or_make("teacher/1", lambda: {"logits": torch.zeros(4)})
    assert made.keys() == again.keys() == told.keys()
    for name, tensor in told.items():
        assert made[name].equal(tensor)
        assert (again[name].dtype, again[name].equal(tensor)) == (tensor.dtype, True)
    assert newest_step(open_checkpoints(store)) == 5


def test_what_is_kept_beside_checkpoints_is_made_again_if_it_is_damaged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def kept(tensor: torch.Tensor) -> list[float]:
        return open_checkpoints(store).get_or_make("teacher/1", lambda: {"a": tensor})["a"].tolist()

    assert kept(torch.arange(4)) == [0, 1, 2, 3]
    store.put("checkpoints/print/teacher/1/tensors.safetensors", b"no tensors")
    assert kept(torch.ones(2)) == [1, 1]
    assert "teacher/1 is made again: " in caplog.text
    assert kept(torch.zeros(2)) == [1, 1]


def test_clear_removes_those_of_this_training_only(store: Store) -> None:
    saved(store, 7, fingerprint="other")
    saved(store, 5, 10).clear()
    assert newest_step(open_checkpoints(store)) is None
    assert newest_step(open_checkpoints(store, "other")) == 7


def test_a_training_that_has_ended_needs_no_last_checkpoint(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, key: str) -> None:
        raise UserError("no space is left")

    checkpoints = saved(store, 5)
    monkeypatch.setattr(store, "put_folder", full)
    checkpoints.save(10, {"a": torch.zeros(1)}, {})
    checkpoints.clear()
    assert store.list("checkpoints") == []


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_the_next_wait(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store should be")
    checkpoints = open_checkpoints(open_store(tmp_path / "store"))
    checkpoints.save(1, {"a": torch.zeros(1)}, {})
    with pytest.raises(UserError, match="cannot write"):
        checkpoints.wait()
