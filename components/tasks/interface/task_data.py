"""What prepare asks of a kind of problem: which columns it takes, what is an example, what a target. Needs no torch."""

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.config.settings import Settings
from stillhouse.components.tasks.interface.columns import Field, Roles
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stillhouse.components.artifacts.base_facts import BaseFacts
    from stillhouse.components.artifacts.chosen_base import Candidates
    from stillhouse.components.formats.batch import Batch
    from stillhouse.components.formats.missing import Missing
    from stillhouse.components.formats.splits import Split
    from stillhouse.components.formats.table import Table
    from stillhouse.components.reporting.page import Section
    from stillhouse.components.targets.parse import LabelReading, Targets, Where
    from stillhouse.components.targets.profile import Profile

    Rows = Mapping[Split, Sequence[tuple["Example", Any]]]

Example = Mapping[str, Any]
"""What a model sees of one row: a value for each input field."""


class NoSettings(Settings):
    """Where a task has nothing to set."""


class TaskData(ABC):
    """The half of a task that prepare asks.

    While prepare runs, `spec` says what the settings do; it has a target and labels once these are parsed.
    """

    fields: ClassVar[Mapping[str, Field]]
    """Columns of its data by name; one of them is the target."""
    formats: ClassVar[Sequence[str]] = ("tables",)
    """How its data may be written, as `formats.tables.FORMATS` names it."""
    further_formats: ClassVar[Sequence[str]] = ()
    """Those that are read where somebody names a file to be answered, beside `formats`."""
    noun: ClassVar[str] = "example"
    """What people call one example."""
    Input: ClassVar[type[Settings]] = NoSettings
    """The recipe's section `input`: what is set of the form that examples have."""
    size_name: ClassVar[str] = ""
    """What `size` counts, in the plural; empty where sizes tell nothing."""
    reasons: ClassVar[Mapping[str, str]] = {}
    """What the reasons of `standardise` mean, where they do not say it themselves."""
    likeness_name: ClassVar[str] = ""
    """What `likeness` compares; empty where near copies are not looked for."""
    spec: Spec

    @classmethod
    def target_field(cls) -> str:
        """The field that is learnt."""
        return next(name for name, field in cls.fields.items() if field.target)

    @property
    def formats_to_answer(self) -> tuple[str, ...]:
        """How data that is to be answered may be written."""
        return (*self.formats, *self.further_formats)

    @property
    def target_column(self) -> str:
        """What the targets are called in a dataset."""
        return self.target_field()

    def take(self, path: Path, batch: "Batch", columns: Roles) -> "tuple[dict[str, pa.Array | list[Any]], list[Any]]":
        """The input fields of some rows of a file by name, and the raw values of the target, None where there is none.

        Raises:
            UserError: a value is not of its field's kind; the sentence names the row.
        """
        from stillhouse.components.formats.columns import column_labels
        from stillhouse.components.formats.fields import input_column

        inputs: dict[str, Any] = {
            name: input_column(path, batch, field.kind, named)
            for name, field in self.fields.items()
            if not field.target and (named := columns.get(name)) is not None
        }
        target = columns.get(self.target_field())
        return inputs, column_labels(path, batch, target) if isinstance(target, str) else [None] * len(batch)

    def gather(self, table: "Table") -> "Table":
        """From rows to examples: one to one, unless a task makes one of several."""
        return table

    def gather_asked(self, table: "Table") -> "Table":
        """The same for rows that are to be answered: what `gather` holds out is held out of nobody there."""
        return self.gather(table)

    @classmethod
    def splits_by_time(cls) -> bool:
        """Whether the newest examples are the test where the columns name a time. A kind of problem that has a field
        `time` of its own asks for what is newest within each example."""
        return "time" not in cls.fields

    @property
    def gathers(self) -> bool:
        """Whether an example is made of several rows."""
        return type(self).gather is not TaskData.gather

    def asked(self, inputs: "pa.Table", where: "Where") -> Examples:
        """Examples that are to be answered, in their canonical form.

        Args:
            inputs: the input fields of the rows, as `take` gave them.
            where: tells file and row, for the error.

        Raises:
            UserError: one would be dropped by prepare: there is nothing in it that could be answered.
        """
        import pyarrow as pa

        found = self.standardise_all(inputs)
        for row, example in enumerate(found):
            if isinstance(example, str):
                raise UserError(f"{where(row)}: it cannot be answered ({example}); correct it, or leave it out.")
        return Examples(pa.Table.from_pylist(found)) if found else Examples(inputs)

    def standardise(self, example: Example) -> dict[str, Any] | str:
        """The example in its one canonical form; or why it is dropped, in words or as `reasons` explains it."""
        return dict(example) if any(value is not None for value in example.values()) else "empty"

    def standardise_all(
        self, inputs: "pa.Table", progress: Callable[[int, int], None] = lambda *_: None
    ) -> list[dict[str, Any] | str]:
        """Each example as `standardise` has it.

        Args:
            inputs: the fields of all examples.
            progress: is told the examples done and the examples in all.
        """
        found: list[dict[str, Any] | str] = []
        for batch in inputs.to_batches(1024):
            found += map(self.standardise, batch.to_pylist())
            progress(len(found), len(inputs))
        return found

    def identity(self, example: Example) -> bytes:
        """What an example's hash, its split and exact copies go by: all of it."""
        from stillhouse.components.formats.fields import canonical

        return canonical(example)

    def recurs(self, example: Example) -> bool:
        """Whether equal examples may well be different things and not copies of one: then all of them stay."""
        return False

    def likeness(self, example: Example) -> "np.ndarray | None":
        """Features that near copies share, uint64 [features], ascending, each once; None: it has no near copies."""
        return None

    def size(self, example: Example) -> int:
        """How large an example is, for the data card and drift; no model has a say in it."""
        return 1

    def parse(self, values: Sequence[Any], where: "Where", reading: "LabelReading") -> "Targets":
        """The targets of rows, from what `take` gave of them.

        Targets are values that can be hashed and written as JSON; None where a row has none.

        Raises:
            UserError: a value cannot be one; `where` tells the row.
        """
        raise NotImplementedError

    def no_values(self, values: Sequence[Any], missing: "Missing") -> dict[str, dict[str, int]]:
        """Of what `take` gave: how often which spelling was no target (`missing`), and which was a name though it looks
        like none (`names`)."""
        from stillhouse.components.formats.no_values import spellings

        return {"missing": spellings(values, missing.is_name_missing), "names": {}}

    def label_indices(self, target: Any) -> Sequence[int]:
        """The labels of a target that must have rows enough to be learnt; none where that is no question."""
        return ()

    def with_labels(self, target: Any, places: Sequence[int | None]) -> Any:
        """A target in other labels, where `label_indices` tells some.

        Args:
            places: the new index of each label, None where its rows have it no more.

        Returns:
            The target; None where nothing is left of it.
        """
        return target

    def least_labels(self) -> int:
        """With fewer there is nothing to learn."""
        return 0

    def why_one(self, target: Any) -> str:
        """What all rows have, where that leaves nothing to learn; empty where it does not."""
        return ""

    def why_untested(self, tested: Sequence[str]) -> str:
        """What all test rows have, where nothing can be compared by it; empty where it can.

        Args:
            tested: the labels that test rows have.
        """
        return ""

    def target_in_words(self, target: Any) -> str:
        """A target in words."""
        return "no label" if target is None else str(target)

    def target_array(self, values: Sequence[Any], labels: Sequence[str]) -> "pa.Array":
        """Targets as a column of the dataset."""
        import pyarrow as pa

        return pa.array(values)

    @classmethod
    def fit(cls, spec: Spec, train: Examples) -> dict[str, Any]:
        """What is learnt of the training rows alone and written into dataset.json, as JSON values.

        Args:
            spec: without what this returns.
            train: the training rows.

        Raises:
            UserError: nothing can be learnt from them.
        """
        return {}

    def profile(self, examples: Sequence[Example], targets: Sequence[Any]) -> "Profile":
        """What is told of a dataset, and measured as drift from it: by default sizes.

        Args:
            examples: of all splits.
            targets: of all rows that have one.
        """
        from stillhouse.components.targets.profile import Joined, Sizes

        if not self.size_name:
            return Joined()
        return Joined(Sizes(self.size_name, [self.size(example) for example in examples]))

    # What prepare says of base models.

    def choose_base(self, candidates: "Candidates", train: Examples) -> "BaseFacts":
        """What `base: auto` stands for; the address is empty for random weights.

        Raises:
            UserError: the base that the recipe names cannot be used.
        """
        from stillhouse.components.artifacts.base_choice import choose_base

        return choose_base(candidates, None, self.spec.task, self.spec.target)

    def check_bases(self, bases: Sequence["BaseFacts"], train: Examples, max_unknown: float) -> list["BaseFacts"]:
        """The bases, with what is found out of them by the training rows.

        Raises:
            UserError: one of them cannot learn these.
        """
        return list(bases)

    # The data card.

    def facts(self) -> list[tuple[str, str]]:
        """Further lines of the card's overview: what, value."""
        return []

    def target_section(self, rows: "Rows", statistics: Mapping[str, Any]) -> "Section | None":
        """What there is to learn.

        Args:
            rows: examples with their targets, by labelled split.
            statistics: of dataset.json.
        """
        return None

    def size_section(self, statistics: Mapping[str, Any]) -> "Section | None":
        """How large examples are."""
        from stillhouse.components.targets.data_card import size_section

        return size_section(f"Size of each {self.noun}", self.size_name, statistics) if self.size_name else None
