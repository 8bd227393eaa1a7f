"""The pictures that ship with the recipe are those that their README counts."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from stillhouse.components.modalities.image.decode import decode

DATA = Path(__file__).parents[3] / "pipelines" / "recipes" / "data" / "fashion-mnist.parquet"


def test_the_shipped_pictures_are_those_the_readme_counts() -> None:
    rows = pq.read_table(DATA)
    assert Counter(rows["split"].to_pylist()) == {"train": 5000, "validation": 1000, "test": 2000}
    assert len(set(rows["label"].to_pylist())) == 10
    pictures = rows["image"].to_pylist()[::500]
    assert {decode(picture).shape for picture in pictures} == {(28, 28, 3)}
