"""Rows of a table, of numbers, categories, dates and truth values: one of several classes, several labels, a number."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.tabular import build, pretraining, rows
from stillhouse.components.modalities.tabular.cells import Reading
from stillhouse.components.modalities.tabular.columns import Columns, TabularInput, columns_of, fit_columns
from stillhouse.components.modalities.tabular.defaults import DEFAULTS
from stillhouse.components.modalities.tabular.encode import encode
from stillhouse.components.modalities.tabular.samples import SwapNoise, TabularSamples
from stillhouse.components.models.boosted_trees import LOAD as TREES
from stillhouse.components.models.boosted_trees import BoostedTrees
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.models.tabular_settings import TabularArchitecture
from stillhouse.components.tasks.interface.label_task import LabelTask
from stillhouse.components.tasks.interface.task import (
    AS_EVALUATED,
    Answers,
    Batch,
    Field,
    PretrainingMeasure,
    Unit,
    View,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from markupsafe import Markup
    from torch import nn

    from stillhouse.components.modalities.tabular.cells import Column
    from stillhouse.components.targets.slicing import Slices


class Tabular(LabelTask):
    """A residual MLP or a transformer over columns, and boosted trees where these were promoted."""

    fields: ClassVar = {"features": Field("cells", many=True, required=False), "label": Field("label", target=True)}
    unit = Unit("row", batch=64, micro_batch=1024)
    noun = "row"
    size_name = "values"
    likeness_name = "cells"
    hub_tasks: ClassVar = {"": "tabular-classification", "number": "tabular-regression"}
    Architecture = TabularArchitecture
    Input = TabularInput
    objectives = pretraining.OBJECTIVES
    defaults = DEFAULTS
    pretraining_measure = PretrainingMeasure("reconstruction_loss", float)
    baseline = TREES

    @cached_property
    def columns(self) -> Columns:
        """What is known of the training rows' columns."""
        return Columns.model_validate(self.spec.fitted)

    # Data: prepare.

    @classmethod
    def fit(cls, spec: Spec, train: Examples) -> dict[str, Any]:
        reading = Reading(
            decimal=spec.csv.get("decimal") or ".",
            thousands=spec.csv.get("thousands") or "",
            missing=spec.cleaning.get("missing"),
        )
        return fit_columns(_table(train), TabularInput.model_validate(spec.input), reading).model_dump(mode="json")

    def standardise(self, example: Mapping[str, Any]) -> dict[str, Any] | str:
        found = rows.standardise(example["features"])
        return found if isinstance(found, str) else {"features": found}

    def identity(self, example: Mapping[str, Any]) -> bytes:
        return rows.identity(example["features"])

    def recurs(self, example: Mapping[str, Any]) -> bool:
        return not rows.is_telling(example["features"])

    def likeness(self, example: Mapping[str, Any]) -> "np.ndarray | None":
        return rows.likeness(example["features"])

    def size(self, example: Mapping[str, Any]) -> int:
        return rows.num_values(example["features"])

    def possible_slices(self, examples: Examples) -> "Slices":
        from stillhouse.components.modalities.tabular.slices import table_slices

        return table_slices(self.columns, _table(examples))

    def show(self, example: Mapping[str, Any], answer: Any = None) -> "Markup":
        return rows.show(example["features"])

    # Models: pretrain, finetune, distill.

    def build(
        self, start: str | None, architecture: Any, examples: Examples, *, like: LoadedModel | None = None
    ) -> LoadedModel:
        columns = like.processor if like else self.columns
        return build.under_head(start, columns, architecture, self.head(), self.answers_otherwise)

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> TabularSamples:
        noise = None if view.seed is None else SwapNoise(view.seed, self.spec.augment)
        columns = loaded.processor
        return TabularSamples(columns, encode(columns, _table(examples)), self.learnt(examples), noise)

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        info = info_of_trained(Path(folder))
        if info.get("load") == TREES:
            return build.load_trees(Path(folder), info)
        return build.load_trained(Path(folder), info, device)

    def save(self, loaded: LoadedModel, folder: Path) -> dict[str, Any]:
        build.write_columns(loaded.processor, folder)
        return super().save(loaded, folder)

    def student_of(self, teacher: LoadedModel) -> dict[str, Any]:
        return {"architecture": build.smaller(teacher.model)}

    def weights_per_unit(self, model: "nn.Module") -> int:
        return build.weights_per_row(cast(Any, model))

    def backbone(self, base: str, architecture: Any, examples: Examples, objective: str) -> LoadedModel:
        return build.autoencoder(base, self.columns, architecture)

    def pretraining_samples(
        self, loaded: LoadedModel, examples: Examples, objective: str, view: View, *, mask_probability: float
    ) -> TabularSamples:
        columns = loaded.processor
        encoded = encode(columns, _table(examples))
        return pretraining.pretraining_samples(columns, encoded, seed=view.seed or 0, share=mask_probability)

    def pretraining_loss(self, model: "nn.Module", batch: Batch) -> "tuple[torch.Tensor, int]":
        return pretraining.pretraining_loss(model, batch)

    def same_inputs(self, student: LoadedModel, teacher: LoadedModel, examples: Examples) -> bool:
        return student.processor == teacher.processor

    # Answers: evaluate, predict.

    def answer(self, loaded: LoadedModel, examples: Examples, **options: Any) -> Answers:
        if not isinstance(loaded.model, BoostedTrees):
            return super().answer(loaded, examples, **options)

        from stillhouse.components.modalities.tabular.baseline import rows_for_boosting

        columns = loaded.processor or self.columns  # just fitted
        return loaded.model.score(rows_for_boosting(columns, _table(examples)), options.get("progress"))

    def fit_baseline(self, train: Examples, seed: int) -> BoostedTrees:
        from stillhouse.components.modalities.tabular.baseline import fit_boosting

        target, labels = self.target.kind, len(self.spec.labels)
        return fit_boosting(self.columns, _table(train), target, self.targets(train), labels, seed)


def _table(examples: Examples) -> "Mapping[str, Column]":
    return columns_of(examples["features"])
