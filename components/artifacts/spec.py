"""dataset.json: what a dataset is. prepare writes it.

Fields stand in the order of the file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.artifacts.json_artifact import JsonArtifact
from stillhouse.components.artifacts.worth import ExpectedGain, News

FORMAT = 1
"""Of dataset.json."""


class Spec(JsonArtifact):
    """dataset.json."""

    format: int
    task: str
    target: str
    """classes, multi_label or number; other kinds of problem have names of their own."""
    labels: list[str]
    """Names of the classes or labels, in the order of their indices; empty for numbers."""
    columns: dict[str, list[str] | str | None] = Field(default_factory=dict)
    """Of the source: by the name of a field, `group`, `split` and `slices` its column, several, or None; an empty list
    stands for all that play no other part."""
    csv: dict[str, Any] = Field(default_factory=dict)
    """How delimited files were read, as far as the recipe says."""
    cleaning: dict[str, Any] = Field(default_factory=dict)
    augment: float = 0.0
    """Share of words that trainings change, between 0 and 1."""
    input: dict[str, Any] = Field(default_factory=dict)
    """The recipe's section `input`: settings of the task's own on what comes in."""
    fitted: dict[str, Any] = Field(default_factory=dict)
    """What the task learnt of the training rows: statistics, columns, items."""
    rows: dict[str, int] = Field(default_factory=dict)
    """Of each split."""
    read: int | None = None
    """Rows of the source: those in the splits and those dropped."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows dropped, by reason."""
    rare_labels: list[dict[str, Any]] = Field(default_factory=list)
    """Labels of the source that had too few rows, and are labels no more."""
    notes: list[str] = Field(default_factory=list)
    """What was decided about the labels, in sentences."""
    source: str = ""
    """Its address."""
    source_digest: str = ""
    content_digest: str
    """SHA-256 over all that training and evaluation see."""
    statistics: dict[str, Any] = Field(default_factory=dict)
    """What the drift of later data is measured against."""
    drift: dict[str, float] | None = None
    """Jensen-Shannon distances from 0 to 1 to the champion's data; None where there was nothing to compare with."""
    news: News | None = None
    """What is new in it; None where there was no champion."""
    expected: ExpectedGain | None = None
    """What a run on it was expected to gain; None where too little was known."""
    files: dict[str, Any] = Field(default_factory=dict)
    """How the source was read, and what was left out."""
    base: dict[str, str] | None = None
    """Address, digest and reason of the base that the run chose; None where the recipe names one."""
    bases: list[BaseFacts] = Field(default_factory=list)
    """The base models of the run."""
    no_values: dict[str, Any] = Field(default_factory=dict)
    """Values that were read as missing."""
    times: dict[str, str | float] = Field(default_factory=dict)
    """The column of the rows' times, and from which on they are validation and test, where rows are parted by it."""
    learnt_until: str | float | None = None
    """The newest time of all rows that are learnt from, a date in ISO 8601 or a number; None where it is not known."""
    replayed: list[dict[str, Any]] = Field(default_factory=list)
    """Of each partition before the window its rows, and how many of them each split has."""

    @classmethod
    def of_model(cls, info: Mapping[str, Any]) -> Self:
        """What the model.json of a model says of the dataset that it was trained on."""
        known = {name: info[name] for name in OF_MODEL if name in info}
        return cls(format=FORMAT, content_digest=info.get("dataset_digest", ""), **known)


OF_MODEL = ("task", "target", "labels", "columns", "csv", "cleaning", "input", "fitted", "learnt_until")
"""What the model.json of a model repeats: what it takes to ask it."""


def read_spec(dataset: Path) -> Spec:
    """The dataset.json of a dataset's folder.

    Raises:
        UserError: it is not what prepare wrote.
    """
    return Spec.from_file(dataset / "dataset.json")
