"""What tasks share whose answer is one of several classes, several labels at once, or a number."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.targets.label_arrays import label_array
from stillhouse.components.targets.label_head import answers_otherwise, head_options, probabilities
from stillhouse.components.targets.label_losses import balanced_weights, hard_loss, label_loss, soft_loss
from stillhouse.components.targets.labels import label_target
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.targets.unanswered import unanswered
from stillhouse.components.tasks.task import Answers, Batch, Loss, Task

if TYPE_CHECKING:
    import torch

    from stillhouse.components.training.batches import Samples


class LabelTask(Task):
    """A task whose target is `label`; text, image and tabular classification differ from it in what comes in."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.target = label_target(spec.target, spec.labels)
        self.measures = self.target.measures
        self.scale = NumberScale()
        """Of the number that is being learnt; that of the user's units while none is."""

    def head(self) -> dict[str, Any]:
        """Options of a transformers configuration for the head."""
        return head_options(self.spec.target, self.spec.labels)

    def answers_otherwise(self, known: Mapping[str, Any]) -> bool:
        """Whether the head of the model whose model.json is `known` is of no use for this dataset."""
        return answers_otherwise(known, self.spec.target, self.spec.labels)

    def targets(self, examples: Examples) -> np.ndarray:
        """int64 [rows] class indices, float32 [rows, labels] multi-hot or float64 [rows]; -100 or nan where there is no
        label."""
        return label_array(self.target.kind, examples["label"], len(self.spec.labels))

    def learnt(self, examples: Examples) -> np.ndarray | None:
        """The targets as a network learns them, float64 as float32; None of examples that are only to be answered."""
        if "label" not in examples:
            return None
        targets = self.scale.standardise(self.targets(examples))
        return targets.astype(np.float32) if targets.dtype == np.float64 else targets

    def begin(self, train: Examples, new: Sequence[LoadedModel], trained: Sequence[LoadedModel] = ()) -> None:
        models = [loaded.model for loaded in (*new, *trained)]
        self.scale = NumberScale.of(self.target.kind, self.targets(train), *models)
        for loaded in trained:
            self.scale.take_out_of(loaded.model)

    def finish(self, loaded: LoadedModel) -> None:
        self.scale.fold_into(loaded.model)
        self.scale = NumberScale()

    def loss(self, outputs: Any, batch: Batch) -> "tuple[torch.Tensor, int]":
        return hard_loss(self.target.kind, outputs.logits, batch["labels"])

    def training_loss(self, train: Examples, *, class_weights: str, label_smoothing: float) -> Loss:
        weights = balanced_weights(self.target.kind, self.targets(train)) if class_weights == "balanced" else None
        of_logits = label_loss(self.target.kind, class_weights=weights, label_smoothing=label_smoothing)
        return lambda outputs, batch: of_logits(outputs.logits, batch["labels"])

    def probe_targets(self, train: Examples) -> np.ndarray | None:
        return self.targets(train) if self.target.kind == "classes" else None

    def distillation_loss(
        self, outputs: Any, signal: Batch, batch: Batch, temperature: float
    ) -> "tuple[torch.Tensor, int]":
        value = soft_loss(self.target.kind, outputs.logits, signal["logits"], temperature)
        return value, len(outputs.logits)

    def answers(self, outputs: Any, batch: Batch) -> "torch.Tensor":
        """float32 [rows, labels]: probabilities, or values [rows, 1] for a number; nan in a row without an answer."""
        return probabilities(self.target.kind, outputs.logits)

    def answer_samples(self, model: Any, samples: "Samples", **options: Any) -> np.ndarray:
        return self.scale.restore(super().answer_samples(model, samples, **options))

    def unanswered(self, answers: Answers) -> np.ndarray:
        return unanswered(answers)

    def statistics(self, answers: Answers, examples: Examples) -> Statistics:
        return self.target.statistics(answers, self.targets(examples))

    def trivial(self, train: Examples, examples: Examples) -> np.ndarray:
        return self.target.most_frequent(self.targets(train), len(examples))
