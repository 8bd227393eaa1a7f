"""Checkpoints of a training in each kind of store: damaged ones are skipped, a store that is away is an error."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, Store, open_store
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.errors import UserError

FOLDER = "checkpoints/print/000000010"
TENSORS = f"{FOLDER}/tensors.safetensors"


@pytest.fixture
def checkpoints(store: Store) -> Checkpoints:
    """Two of them, at the steps 5 and 10."""
    checkpoints = Checkpoints(store, "print", 2, damaged=(NotFound, Corrupt))
    for step in (5, 10):
        checkpoints.save(step, {"a": torch.full((50,), float(step))}, {"step": step})
    checkpoints.close()
    return checkpoints


def truncated(store: Store) -> None:
    store.put(TENSORS, store.get(TENSORS)[:-20])


def flipped_bit(store: Store) -> None:
    data = store.get(TENSORS)
    store.put(TENSORS, data[:-1] + bytes([data[-1] ^ 1]))


def missing_file(store: Store) -> None:
    store.delete(f"{FOLDER}/state.json")


def half_uploaded(store: Store) -> None:
    store.delete(f"{FOLDER}/manifest.json")


def no_manifest(store: Store) -> None:
    store.put(f"{FOLDER}/manifest.json", b'{"format": 1')


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (truncated, "is damaged"),
        (flipped_bit, "is damaged"),
        (missing_file, "'state.json' is in the manifest and not there"),
        (half_uploaded, "manifest.json' is not there"),
        (no_manifest, "is not a manifest"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_one_is_skipped_with_a_line_that_says_which_and_why(
    store: Store,
    checkpoints: Checkpoints,
    damage: Callable[[Store], None],
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(store)
    with caplog.at_level(logging.WARNING, "stillhouse.components.training.checkpoints"):
        found = checkpoints.newest()
    assert found is not None
    assert found[0]["a"].tolist() == [5.0] * 50
    assert found[1] == {"step": 5}
    (line,) = [r.getMessage() for r in caplog.records if r.name == "stillhouse.components.training.checkpoints"]
    assert line.startswith("checkpoint at step 10 skipped: ")
    assert why in line


def test_a_store_that_does_not_answer_is_no_reason_to_start_anew(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = Checkpoints(open_store(f"s3://{bucket}"), "print", 2, damaged=(NotFound, Corrupt))
    with pytest.raises(UserError, match="cannot connect to"):
        away.newest()
