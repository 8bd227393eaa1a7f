"""Tagged words that can be learnt, as a dataset: people and places among filler."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.targets.tag_parse import tag_column

FILLER = (*"abcdefghijklmnopqrstuvwxyz", "x-ray", "to-do")
"""The last ones are several tokens."""
ENTITIES = {"LOC": ("oslo", "new york", "rome"), "PER": ("ann", "kim lee", "bob")}
"""The names of each label; some have two words."""
TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
ROWS = {"train": 96, "validation": 32, "test": 24, "unlabelled": 24}
SPEC = Spec(
    format=1, task="token_classification", target="entities", labels=TAGS, columns={"tokens": "tokens"},
    content_digest="",
)  # fmt: skip


def sentence(draw: random.Random) -> tuple[list[str], list[int]]:
    """Words with their tags' numbers."""
    words, tags = [], []
    for _ in range(draw.randint(2, 8)):
        if draw.random() < 0.7:
            words.append(draw.choice(FILLER))
            tags.append(0)
        else:
            label = draw.choice(list(ENTITIES))
            name = draw.choice(ENTITIES[label]).split()
            words += name
            tags += [TAGS.index(f"B-{label}"), *[TAGS.index(f"I-{label}")] * (len(name) - 1)]
    return words, tags


def tagged(rows: int, seed: int = 7) -> Examples:
    """So many sentences with tags."""
    draw = random.Random(seed)
    made = [sentence(draw) for _ in range(rows)]
    return Examples.of(tokens=[words for words, _ in made], tags=tag_column([tags for _, tags in made]))


def write_tagged_dataset(folder: Path, **about: Any) -> Path:
    """A dataset folder of them; `about` joins its dataset.json."""
    folder.mkdir()
    for seed, (split, rows) in enumerate(ROWS.items()):
        table = tagged(rows, seed).table
        hashes = [hashlib.sha256(f"{split} {i}".encode()).hexdigest()[:32] for i in range(rows)]
        table = table.add_column(0, "hash", pa.array(hashes))
        pq.write_table(table.drop(["tags"]) if split == "unlabelled" else table, folder / f"{split}.parquet")
    document = {**SPEC.model_dump(mode="json"), "content_digest": hashlib.sha256(str(about).encode()).hexdigest()}
    (folder / "dataset.json").write_text(json.dumps({**document, **about}))
    return folder
