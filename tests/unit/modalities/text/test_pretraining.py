"""What a word costs to predict, which the time of pretraining is reckoned from."""

from typing import Any

import pytest

from stillhouse.components.modalities.text.pretraining import new_backbone, predicting_weights
from stillhouse.components.models.settings import Architecture

TEXTS = [f"word{number} and word{number}" for number in range(40)]
WIDTH = 16


@pytest.mark.parametrize(
    ("network", "objective", "share"),
    [("transformer", "masked_lm", 0.2), ("transformer", "next_word", 1.0), ("lstm", "next_word", 2.0)],
)
def test_a_word_is_told_from_the_vocabulary_where_it_is_hidden_or_at_every_word_or_from_both_sides(
    network: str, objective: str, share: float
) -> None:
    shape: Any = {"network": network, "layers": 1, "width": WIDTH, "heads": 2, "vocab_size": 300, "max_length": 16}
    model: Any = new_backbone(TEXTS, Architecture.model_validate(shape), objective, "").model
    assert predicting_weights(model, 0.2) == round(share * WIDTH * model.config.vocab_size)
