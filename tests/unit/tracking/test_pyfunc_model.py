"""The registered model cuts long texts as training did, though it carries nothing of Stillhouse."""

import numpy as np
import pytest

from stillhouse.components.modalities.text import tokenizer
from stillhouse.components.tracking import pyfunc_model


@pytest.fixture(params=[6, 7])
def model(request: pytest.FixtureRequest) -> pyfunc_model.TextModel:
    loaded = pyfunc_model.TextModel()
    loaded.info = {"max_length": request.param}
    return loaded


@pytest.mark.parametrize("length", [0, 5, 6, 7, 8, 30])
def test_the_same_tokens_stay(model: pyfunc_model.TextModel, length: int) -> None:
    ids = np.arange(length, dtype=np.int32)
    assert model._ends(ids.tolist()) == tokenizer._ends(ids, model.info["max_length"]).tolist()


def test_the_same_characters_are_read(model: pyfunc_model.TextModel) -> None:
    assert pyfunc_model.CHARACTERS_PER_TOKEN == tokenizer.ENCODE_CHARACTERS_PER_TOKEN
    half = model.info["max_length"] * tokenizer.ENCODE_CHARACTERS_PER_TOKEN // 2
    long = "a" * half + "b" * 1000 + "c" * half
    assert model._shortened(long) == "a" * half + " " + "c" * half
