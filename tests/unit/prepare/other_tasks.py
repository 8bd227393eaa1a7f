"""Kinds of problems as a package of its own may have them: only the half that prepare asks is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from stillhouse.components.config.settings import Settings
from stillhouse.components.formats.batch import Batch
from stillhouse.components.formats.table import Table
from stillhouse.components.formats.word_rows import word_rows
from stillhouse.components.targets.parse import LabelReading, Targets, Where
from stillhouse.components.tasks.interface.label_task import LabelTask
from stillhouse.components.tasks.interface.task import Example, Field, Roles, Task, Unit


class NoModels(Task):
    """What only models are for."""

    unit = Unit("row", 8, 8)

    def _none(self, *given: Any, **options: Any) -> Any:
        raise NotImplementedError

    build = samples = loss = load = distillation_loss = answers = unanswered = statistics = trivial = _none


class Cells(NoModels, LabelTask):
    """Numbers in, a class out: all columns that play no other part."""

    fields: ClassVar = {"features": Field("cells", many=True, required=False), "label": Field("label", target=True)}

    class Input(Settings):
        scale: float = 1.0

    def standardise(self, example: Example) -> dict[str, Any] | str:
        try:
            return {"features": {name: float(cell) for name, cell in example["features"].items()}}
        except (TypeError, ValueError):
            return "not a number"

    @classmethod
    def fit(cls, spec: Any, train: Any) -> dict[str, Any]:
        rows = [list(features.values()) for features in train.values("features")]
        return {"largest": (np.array(rows).max(0) * spec.input.get("scale", 1.0)).tolist()}


class Pictures(NoModels, LabelTask):
    """A picture in, a class out."""

    fields: ClassVar = {"image": Field("image"), "label": Field("label", target=True)}
    formats = ("tables", "pictures")


class Tags(NoModels):
    """A tag for each word: there is no label that must have rows enough."""

    fields: ClassVar = {"tokens": Field("tokens"), "tags": Field("label", target=True)}
    formats = ("tables", "words")
    noun = "sentence"

    def take(self, path: Path, batch: Batch, columns: Roles) -> tuple[dict[str, Any], list[Any]]:
        rows = word_rows(path, batch, str(columns["tokens"]), str(columns["tags"]))
        return {"tokens": pa.array([row.words for row in rows], pa.list_(pa.string()))}, [row.tags for row in rows]

    def standardise(self, example: Example) -> dict[str, Any] | str:
        return dict(example) if example["tokens"] else "empty"

    def likeness(self, example: Example) -> np.ndarray:
        return np.unique(np.array([sum(map(ord, word)) for word in example["tokens"]], np.uint64))

    def parse(self, values: Sequence[Any], where: Where, reading: LabelReading) -> Targets:
        names = sorted({tag for tags in values for tag in tags or ()})
        of = {name: i for i, name in enumerate(names)}
        return Targets("tags", names, [None if tags is None else tuple(of[tag] for tag in tags) for tags in values])


class Baskets(NoModels):
    """What a user takes next: all rows of a user are one example, and the last item is held out."""

    fields: ClassVar = {
        "user": Field("id"),
        "item": Field("id", target=True),
        "rating": Field("number", required=False),
    }
    formats = ("tables", "interactions")
    noun = "user"
    target_column = "held_out"

    def gather(self, table: Table) -> Table:
        items: dict[str, list[str]] = {}
        first: dict[str, int] = {}
        for row, (user, item) in enumerate(zip(table.inputs["user"].to_pylist(), table.targets, strict=True)):
            items.setdefault(user, []).append(item)
            first.setdefault(user, row)
        rows = list(first.values())
        inputs = {"user": list(items), "items": [taken[:-1] for taken in items.values()]}
        return replace(table.rows(rows), inputs=pa.table(inputs), targets=[taken[-1] for taken in items.values()])

    def standardise(self, example: Example) -> dict[str, Any] | str:
        return dict(example) if example["items"] else "too_short"

    def identity(self, example: Mapping[str, Any]) -> bytes:
        return example["user"].encode()

    def parse(self, values: Sequence[Any], where: Where, reading: LabelReading) -> Targets:
        return Targets("items", [], list(values))
