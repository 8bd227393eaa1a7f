"""Masks and hidden words: the shares asked for, and never a special token."""

import numpy as np
import pytest

from stillhouse.components.modalities.randomness import uniform
from stillhouse.components.modalities.text.augment import drop_words, mask_tokens

SPECIAL = np.array([0, 1, 2, 3, 4])
MASK = 4


@pytest.fixture(scope="module")
def masked() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ids with a special token at each tenth place, and what masking a fifth of them makes."""
    ids = np.random.default_rng(1).integers(5, 1000, size=(400, 50))
    ids[:, ::10] = 2
    draws, choice = (uniform(1, 0, np.arange(400), 50, stream) for stream in (0, 1))
    options = {"probability": 0.2, "special": SPECIAL, "mask_id": MASK, "vocab_size": 1000}
    return ids, mask_tokens(ids, draws, choice, **options)


def test_the_share_asked_for_is_predicted(masked: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    ids, batch = masked
    assert (batch["labels"] != -100)[ids != 2].mean() == pytest.approx(0.2, abs=0.01)


def test_special_tokens_are_never_predicted_or_changed(masked: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
    ids, batch = masked
    assert (batch["labels"][ids == 2] == -100).all()
    assert (batch["input_ids"][ids == 2] == 2).all()


def test_of_the_predicted_80_are_hidden_10_random_and_10_kept(
    masked: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    ids, batch = masked
    predicted = batch["labels"] != -100
    shown, true = batch["input_ids"][predicted], ids[predicted]
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.02)
    assert (shown == true).mean() == pytest.approx(0.1, abs=0.015)
    others = shown[(shown != MASK) & (shown != true)]
    assert len(others) / len(shown) == pytest.approx(0.1, abs=0.015)
    assert others.min() < 50
    assert others.max() > 950


def test_what_is_predicted_is_the_true_token_and_the_rest_stays(
    masked: tuple[np.ndarray, dict[str, np.ndarray]],
) -> None:
    ids, batch = masked
    predicted = batch["labels"] != -100
    assert (batch["labels"][predicted] == ids[predicted]).all()
    assert (batch["input_ids"][~predicted] == ids[~predicted]).all()


def test_dropped_words_stand_behind_the_mask_and_special_tokens_stay() -> None:
    ids = np.full((300, 40), 9)
    ids[:, 0] = 2
    draws = uniform(1, 0, np.arange(300), 40)
    shown = drop_words(ids, draws, share=0.1, special=SPECIAL, mask_id=MASK)["input_ids"]
    assert (shown[:, 0] == 2).all()
    assert (shown[:, 1:] == MASK).mean() == pytest.approx(0.1, abs=0.01)
    assert set(np.unique(shown)) == {2, MASK, 9}
