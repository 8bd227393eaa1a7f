from collections.abc import Callable
from pathlib import Path

import pytest

RECIPE = """\
name: reviews
data:
  source: reviews.csv
  columns:
    text: [title, body]
    label: stars
finetune:
  loop:
    epochs: 2
"""


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recipe, with pairs of lines replaced, beside a table it fits."""

    def write(*replacements: tuple[str, str], text: str = RECIPE) -> Path:
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "reviews.csv").write_text("title,body,stars\nGood,I like it,5\n")
        path = tmp_path / "reviews.yaml"
        path.write_text(text)
        return path

    return write
