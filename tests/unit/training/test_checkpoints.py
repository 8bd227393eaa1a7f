"""Checkpoints are whole or absent, and the newest valid one is taken."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stillhouse.components.storage.store import Store, open_store
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.errors import UserError

FOLDER = "store/checkpoints/print"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def saved(store: Store, *steps: int, keep: int = 3, fingerprint: str = "print") -> Checkpoints:
    """Checkpoints with one tensor and one value, each the number of its step."""
    checkpoints = Checkpoints(store, fingerprint, keep)
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
    assert newest_step(Checkpoints(store, "print", 2)) == 5
    assert newest_step(Checkpoints(store, "other", 2)) is None


def test_only_the_newest_are_kept(store: Store) -> None:
    saved(store, 1, 2, 3, 4, keep=2)
    assert {entry.key.split("/")[2] for entry in store.list("checkpoints/print")} == {"000000003", "000000004"}


def test_what_training_changes_after_saving_is_not_in_it(store: Store) -> None:
    checkpoints, tensor = Checkpoints(store, "print", 2), torch.zeros(50)
    checkpoints.save(0, {"a": tensor}, {"step": 0})
    tensor.fill_(7)
    checkpoints.wait()
    assert newest_step(checkpoints) == 0


def damage_truncate(folder: Path) -> None:
    file = folder / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-20])


def damage_one_byte(folder: Path) -> None:
    file = folder / "tensors.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def damage_file_is_missing(folder: Path) -> None:
    (folder / "state.json").unlink()


def damage_half_uploaded(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_one_byte, damage_file_is_missing, damage_half_uploaded], ids=lambda d: d.__name__
)
def test_a_damaged_one_is_skipped_with_a_line_that_says_so(
    store: Store, tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = saved(store, 5, 10)
    damage(tmp_path / FOLDER / "000000010")
    with caplog.at_level(logging.WARNING):
        assert newest_step(checkpoints) == 5
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["checkpoint at step 10 skipped"]


def test_without_a_valid_one_training_starts_anew(store: Store, tmp_path: Path) -> None:
    checkpoints = saved(store, 5)
    damage_truncate(tmp_path / FOLDER / "000000005")
    assert newest_step(checkpoints) is None


def test_clear_removes_those_of_this_training_only(store: Store) -> None:
    saved(store, 7, fingerprint="other")
    saved(store, 5, 10).clear()
    assert newest_step(Checkpoints(store, "print", 2)) is None
    assert newest_step(Checkpoints(store, "other", 2)) == 7


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_the_next_wait(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store should be")
    checkpoints = Checkpoints(open_store(tmp_path / "store"), "print", 2)
    checkpoints.save(1, {"a": torch.zeros(1)}, {})
    with pytest.raises(UserError, match="cannot write"):
        checkpoints.wait()
