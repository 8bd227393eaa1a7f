"""Padded batches of tokenised texts."""

import numpy as np
import pytest

from stillhouse.components.modalities.text.samples import TextSamples


@pytest.fixture
def samples() -> TextSamples:
    """Three texts of 3, 1 and 2 tokens."""
    return TextSamples(np.arange(5, 11, dtype=np.int32), np.array([0, 3, 4, 6]), 0, np.array([1, 0, 1]))


def test_rows_are_padded_on_the_right_to_the_longest_of_them(samples: TextSamples) -> None:
    assert samples.padded(np.array([1, 2])).tolist() == [[8, 0], [9, 10]]
    assert samples.padded(np.array([2, 0])).tolist() == [[9, 10, 0], [5, 6, 7]]


def test_a_batch_holds_ids_mask_and_targets(samples: TextSamples) -> None:
    batch = samples.batch(np.array([1, 0]), 0)
    assert batch["input_ids"].tolist() == [[8, 0, 0], [5, 6, 7]]
    assert batch["attention_mask"].tolist() == [[True, False, False], [True, True, True]]
    assert batch["labels"].tolist() == [0, 1]


def test_without_targets_a_batch_has_no_labels(samples: TextSamples) -> None:
    assert "labels" not in TextSamples(samples.tokens, samples.offsets, 0).batch(np.array([0]), 0)
