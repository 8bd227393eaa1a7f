"""The shape of a model."""

import pytest
from pydantic import ValidationError

from stillhouse.components.models.settings import Architecture


def test_the_width_is_a_multiple_of_the_heads() -> None:
    with pytest.raises(ValidationError, match="width 100 must be a multiple of heads 3"):
        Architecture(width=100, heads=3)
