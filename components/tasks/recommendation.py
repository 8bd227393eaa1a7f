"""Recommendation: what a user takes next, from what the user took before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.interactions import report
from stillhouse.components.modalities.interactions.build import (
    load_recommender,
    narrower,
    new_recommender,
    recommender_for,
)
from stillhouse.components.modalities.interactions.defaults import DEFAULTS
from stillhouse.components.modalities.interactions.items import ItemIndex, whole
from stillhouse.components.modalities.interactions.neighbours import item_neighbours
from stillhouse.components.modalities.interactions.samples import OBJECTIVES, HistorySamples
from stillhouse.components.modalities.interactions.settings import REASONS, HistoryInput, RecommenderArchitecture
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.targets import ranking
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.targets.parse import Targets
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.tasks.interface.columns import Field, Roles
from stillhouse.components.tasks.interface.results import Answers, Ground, Results
from stillhouse.components.tasks.interface.task import AS_EVALUATED, Batch, Task, Unit, View
from stillhouse.components.tasks.interface.task_answers import TaskAnswers
from stillhouse.components.tasks.interface.task_data import Example

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from markupsafe import Markup
    from torch import nn

    from stillhouse.components.formats.batch import Batch as Rows
    from stillhouse.components.formats.table import Table
    from stillhouse.components.reporting.page import Badge, Section
    from stillhouse.components.targets.parse import LabelReading, Where
    from stillhouse.components.targets.slicing import Slices


class Recommendation(Task):
    """Autoencoders on histories; an example is a user, and the newest part of the history is asked for."""

    fields: ClassVar = {
        "user": Field("id"),
        "item": Field("id", target=True),
        "rating": Field("number", required=False),
        "time": Field("time", required=False),
    }
    formats = ("tables", "interactions")
    noun = "user"
    target_column = "held_out"
    reasons = REASONS
    unit = Unit("user", batch=32, micro_batch=256)
    Input = HistoryInput
    Architecture = RecommenderArchitecture
    objectives = OBJECTIVES
    defaults = DEFAULTS
    is_augmented = True
    num_views = 8
    baseline = "item_neighbours"
    trivial_title = "Most popular items"
    mistakes_are = "The users whose next items the student ranks worst."

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.target = ranking.Ranking(spec.fitted.get("items", []))
        self.measures = self.target.measures
        self.input = HistoryInput.model_validate(spec.input)

    # Data.

    def take(self, path: Path, batch: "Rows", columns: Roles) -> "tuple[dict[str, pa.Array | list[Any]], list[Any]]":
        from stillhouse.components.formats.interactions import interactions

        return interactions(path, batch, columns)

    def gather(self, table: "Table") -> "Table":
        from stillhouse.components.formats.interactions import histories

        return histories(table, self.input.min_rating, self.input.hold_out)

    def gather_asked(self, table: "Table") -> "Table":
        from stillhouse.components.formats.interactions import histories

        return histories(table, self.input.min_rating)

    def standardise(self, example: Example) -> dict[str, Any] | str:
        return dict(example) if example["items"] else "too_short"

    def identity(self, example: Example) -> bytes:
        return example["user"].encode()

    def parse(self, values: Sequence[Any], where: "Where", reading: "LabelReading") -> Targets:
        return Targets("items", [], list(values))

    def target_array(self, values: Sequence[Any], labels: Sequence[str]) -> "pa.Array":
        import pyarrow as pa

        return pa.array(values, pa.list_(pa.string()))

    def target_in_words(self, target: Any) -> str:
        return report.few(target or ())

    def size(self, example: Example) -> int:
        return len(example["items"])

    @cached_property
    def index(self) -> ItemIndex:
        """The items of the training rows."""
        return ItemIndex(self.target.items)

    @classmethod
    def fit(cls, spec: Spec, train: Examples) -> dict[str, Any]:
        return {"items": list(ItemIndex.fit(whole(train.values("items"), train.values("held_out"))).items)}

    # Models.

    def build(
        self, start: str | None, architecture: Any, examples: Examples, *, like: LoadedModel | None = None
    ) -> LoadedModel:
        return recommender_for(self.index, start) if start else new_recommender(self.index, architecture)

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> HistorySamples:
        return HistorySamples.of(
            loaded.processor,
            examples.values("items"),
            examples.values("held_out") if "held_out" in examples else [None] * len(examples),
            seed=view.seed,
            hide=self.input.hide,
            whole=view.seed is not None,
        )

    def forward(self, model: "nn.Module", batch: Batch, **wanted: bool) -> Any:
        return model(batch["items"], batch["items_row"], len(batch["users"]))

    def loss(self, outputs: Any, batch: Batch) -> "tuple[torch.Tensor, int]":
        return ranking.autoencoder_loss(outputs, batch)

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        return load_recommender(Path(folder), device)

    def save(self, loaded: LoadedModel, folder: Path) -> dict[str, Any]:
        loaded.processor.write(folder)
        return super().save(loaded, folder)

    def weights_per_unit(self, model: "nn.Module") -> int:
        """Embeddings are looked up and not multiplied with."""
        embeddings: Any = model.get_submodule("encoder.embeddings")
        return super().weights_per_unit(model) - embeddings.weight.numel()

    def backbone(self, base: str, architecture: Any, examples: Examples, objective: str) -> LoadedModel:
        if base:
            return recommender_for(self.index, base)
        return new_recommender(self.index, architecture, variational=objective == "variational")

    def pretraining_samples(
        self, loaded: LoadedModel, examples: Examples, objective: str, view: View, *, mask_probability: float
    ) -> HistorySamples:
        samples = self.samples(loaded, examples, view._replace(seed=view.seed or 0))
        samples.hide = mask_probability
        return samples

    def pretraining_loss(self, model: "nn.Module", batch: Batch) -> "tuple[torch.Tensor, int]":
        return ranking.autoencoder_loss(self.forward(model, batch), batch)

    # Distilling.

    def student_of(self, teacher: LoadedModel) -> dict[str, Any]:
        return {"architecture": narrower(teacher.model)}

    def signal(self, outputs: Any, batch: Batch, temperature: float) -> Mapping[str, Ragged]:
        return ranking.top(outputs.logits, temperature)

    def signal_bytes(self, samples: Any) -> int:
        return ranking.signal_bytes(len(samples.lengths), len(self.index.items))

    def distillation_loss(
        self, outputs: Any, signal: Batch, batch: Batch, temperature: float
    ) -> "tuple[torch.Tensor, int]":
        return ranking.soft_top(outputs.logits, signal, temperature)

    # Answers: of each user the numbers of the best items, int64, best first.

    def answers(self, outputs: Any, batch: Batch) -> list[np.ndarray]:
        return ranking.best(outputs.logits, batch)

    def possible_slices(self, examples: Examples) -> "Slices":
        """By how active users were."""
        from stillhouse.components.targets.slicing import in_ranges

        return in_ranges("items before", np.array(list(map(len, examples.values("items"))), np.float64))

    def unanswered(self, answers: Answers) -> np.ndarray:
        return np.array([not len(each) for each in answers], bool)

    def statistics(self, answers: Answers, examples: Examples) -> Statistics:
        return self.target.statistics(answers, [self.index.numbers(each or []) for each in examples.values("held_out")])

    def trivial(self, train: Examples, examples: Examples) -> list[np.ndarray]:
        return ranking.most_popular(len(self.index.items), list(self.index.encode(examples.values("items"))))

    def baseline_answers(self, train: Examples, examples: Examples, seed: int) -> list[np.ndarray]:
        taken = self.index.encode(whole(train.values("items"), train.values("held_out")))
        return item_neighbours(taken, list(self.index.encode(examples.values("items"))), len(self.index.items))

    def ground(self, champion: TaskAnswers, examples: Examples) -> Ground:
        numbers = self.index.numbers(ItemIndex(champion.spec.fitted.get("items", [])).items)

        def theirs(answers: Answers, some: Examples) -> Statistics:
            return self.statistics([numbers[each] for each in answers], some)

        return replace(super().ground(champion, examples), theirs=theirs)

    def rows(self, answers: Answers, examples: Examples) -> Iterator[dict[str, Any]]:
        return self.target.rows(answers)

    def show(self, example: Mapping[str, Any], answer: Any = None) -> "Markup":
        return report.show(example)

    def badges(self, example: Mapping[str, Any], student: Any, teacher: Any, badness: float) -> "list[Badge]":
        told = [row["items"] for row in self.target.rows([student, teacher])]
        return report.badges(example["held_out"], {"student": told[0], "teacher": told[1]}, badness)

    def sections(self, results: Results) -> "list[Section]":
        return [report.groups_section(results.folders["student"])]
