"""What tasks share whose answer is one of several classes, several labels at once, or a number."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stillhouse.components.artifacts.evaluation import TRIVIAL
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.targets.label_arrays import label_array, target_column
from stillhouse.components.targets.label_head import answers_otherwise, head_options, probabilities
from stillhouse.components.targets.label_losses import balanced_weights, hard_loss, label_loss, soft_loss
from stillhouse.components.targets.labels import Classes, label_target
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.targets.number_scale import NumberScale
from stillhouse.components.targets.shared_labels import SharedLabels
from stillhouse.components.targets.unanswered import unanswered
from stillhouse.components.tasks.interface.results import Answers, Classification, Ground, Results
from stillhouse.components.tasks.interface.task import Batch, Example, Loss, Task
from stillhouse.components.tasks.interface.task_answers import TaskAnswers

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

    from stillhouse.components.formats.missing import Missing
    from stillhouse.components.reporting.page import Badge, Section
    from stillhouse.components.targets.parse import LabelReading, Target, Targets, Where
    from stillhouse.components.targets.profile import LabelShares, Profile
    from stillhouse.components.tasks.interface.task_data import Rows
    from stillhouse.components.training.batches import Samples


class LabelTask(Task):
    """A task whose target is `label`; text, image and tabular classification differ from it in what comes in."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        if spec.target:  # prepare finds it out
            self.target = label_target(spec.target, spec.labels)
            self.measures = self.target.measures
        self.scale = NumberScale()
        """Of the number that is being learnt; that of the user's units while none is."""

    @property
    def has_probabilities(self) -> bool:
        return self.target.is_sure

    @property
    def trivial_title(self) -> str:
        return self.target.trivial_title

    @property
    def mistakes_are(self) -> str:
        return self.target.mistakes_are

    @property
    def told_measures(self) -> Sequence[str]:
        return self.target.told_measures

    # Data: prepare.

    def parse(self, values: Sequence[Any], where: "Where", reading: "LabelReading") -> "Targets":
        from stillhouse.components.targets.parse import read_targets

        return read_targets(values, where, reading)

    def no_values(self, values: Sequence[Any], missing: "Missing") -> dict[str, dict[str, int]]:
        from stillhouse.components.formats.no_values import label_spellings

        return label_spellings(values, self.spec.target == "number", missing)

    def label_indices(self, target: "Target | None") -> Sequence[int]:
        return target if isinstance(target, tuple) else [target] if isinstance(target, int) else ()

    def with_labels(self, target: "Target | None", places: Sequence[int | None]) -> "Target | None":
        if isinstance(target, tuple):
            kept = {place for i in target if (place := places[i]) is not None}
            return tuple(sorted(kept)) if kept or not target else None
        return places[target] if isinstance(target, int) else target

    def least_labels(self) -> int:
        return self.target.least_labels

    def why_one(self, target: "Target") -> str:
        labels = self.spec.labels
        if isinstance(target, tuple):
            return f"set of labels only ({', '.join(labels[i] for i in target) or 'the empty one'})"
        return f"class only ('{labels[target]}')" if isinstance(target, int) else f"number only ({target})"

    def why_untested(self, tested: Sequence[str]) -> str:
        return f"the label '{tested[0]}'" if self.target.kind == "classes" and len(tested) == 1 else ""

    def target_in_words(self, target: "Target | None") -> str:
        if target is None:
            return "no label"
        if isinstance(target, tuple):
            return ", ".join(self.spec.labels[i] for i in target) or "none"
        return self.spec.labels[target] if isinstance(target, int) else f"{target:g}"

    def profile(self, examples: Sequence[Example], targets: Sequence[Any]) -> "Profile":
        from stillhouse.components.targets.profile import Joined

        return Joined(super().profile(examples, targets), self.label_shares(targets))

    def label_shares(self, targets: Sequence[Any]) -> "LabelShares":
        """How often each label is, or where the numbers lie."""
        from stillhouse.components.targets.profile import LabelShares

        labels = self.spec.labels
        found = Counter(labels[i] for target in targets for i in self.label_indices(target))
        numbers = targets if self.target.kind == "number" else []
        return LabelShares(self.target.kind, {label: found[label] for label in labels}, numbers)

    def target_section(self, rows: "Rows", statistics: Mapping[str, Any]) -> "Section":
        from stillhouse.components.targets.data_card import label_section, number_section

        if self.target.kind == "number":
            return number_section(statistics)
        labels = self.spec.labels
        counts = {
            split: Counter(labels[i] for _, target in found for i in self.label_indices(target))
            for split, found in rows.items()
        }
        return label_section(labels, counts, statistics, self.typical(rows["train"]))

    def typical(self, rows: Sequence[tuple[Example, Any]]) -> Sequence[Sequence[str]] | None:
        """Words that tell each label from the others; None where examples have no words."""
        return None

    def target_array(self, values: Sequence[Any], labels: Sequence[str]) -> "pa.Array":
        return target_column(self.target.kind, values, len(labels))

    # Models: pretrain, finetune, distill.

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
        """The targets as a network learns them: int64 [rows], float32 [rows, labels] or float32 [rows]; None of
        examples that are only to be answered."""
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

    def with_wrong_answers(self, answers: Answers, examples: Examples) -> np.ndarray:
        return self.target.with_wrong_answers(answers, self.targets(examples))

    def statistics(self, answers: Answers, examples: Examples) -> Statistics:
        return self.target.statistics(answers, self.targets(examples))

    def at_temperature(self, answers: Answers, temperature: float) -> np.ndarray | None:
        return self.target.at_temperature(answers, temperature)

    def errors(self, statistics: Statistics) -> np.ndarray:
        return self.target.errors(statistics)

    def right(self, statistics: Statistics) -> np.ndarray | None:
        return self.target.right(statistics)

    def badness(self, statistics: Statistics) -> np.ndarray:
        return self.target.badness(statistics)

    def per_label(self, statistics: Statistics) -> list[dict[str, Any]]:
        return self.target.per_label(statistics)

    def never_answered(self, statistics: Statistics) -> list[str]:
        return self.target.never_answered(statistics)

    def trivial(self, train: Examples, examples: Examples) -> np.ndarray:
        return self.target.most_frequent(self.targets(train), len(examples))

    def unusable(self, answers: Answers) -> str:
        if answers.shape[1] != max(len(self.spec.labels), 1):
            return f"its model gives {answers.shape[1]} scores for {len(self.spec.labels)} labels"
        return super().unusable(answers)

    def ground(self, champion: TaskAnswers, examples: Examples) -> Ground:
        """Rows whose labels both know, on the labels that both know."""
        ours, theirs = self.target, label_target(champion.spec.target, champion.spec.labels)
        if ours.kind != theirs.kind:
            why_not = f"it answers with {theirs.described()}, the data hold {ours.described()}"
            nowhere = np.zeros(len(examples), dtype=bool)
            return Ground(nowhere, self.statistics, self.statistics, self.per_label, why_not=why_not)
        labels = SharedLabels(ours, theirs)

        def of_model(known: Sequence[str]) -> Callable[[Answers, Examples], Statistics]:
            def statistics(answers: Answers, some: Examples) -> Statistics:
                return labels.target.statistics(labels.scores(answers, known), labels.targets(self.targets(some)))

            return statistics

        return Ground(
            labels.known(self.targets(examples)),
            of_model(ours.labels),
            of_model(theirs.labels),
            labels.target.per_label,
            labels.shared,
            labels.added,
            labels.lost,
            labels.why_not,
        )

    def answer_types(self) -> "dict[str, pa.DataType]":
        import pyarrow as pa

        if self.target.kind == "number":
            return {"value": pa.float64()}
        types = {"label": pa.string(), "score": pa.float64()}
        return {name: pa.list_(of) for name, of in types.items()} if self.target.kind == "multi_label" else types

    def rows(self, answers: Answers, examples: Examples) -> Iterator[dict[str, Any]]:
        return self.target.rows(answers)

    def badges(self, example: Mapping[str, Any], student: Any, teacher: Any, badness: float) -> "list[Badge]":
        from stillhouse.components.reporting.page import Badge

        told = [self.target.name_of(self.target.predictions(scores[None])[0]) for scores in (student, teacher)]
        sure = f", {badness:.3f}" if self.target.is_sure else ""
        return [
            Badge(f"true: {self.target.name_of(example['label'])}", "good"),
            Badge(f"student: {told[0]}{sure}", "bad"),
            Badge(f"teacher: {told[1]}"),
        ]

    def sections(self, results: Results) -> "list[Section]":
        from stillhouse.components.targets.label_sections import label_sections

        def show(row: int) -> str:
            return self.show(results.examples.example(row))

        drawn = {model: found for model, found in results.statistics.items() if model != TRIVIAL}
        return label_sections(self.target, drawn, results.evaluation, results.name, show)

    def classification(self, results: Results) -> Classification | None:
        from stillhouse.components.targets.label_confusions import confusion
        from stillhouse.components.targets.label_curves import roc_curve

        student, measured = results.statistics["student"], results.evaluation["models"]["student"]["metrics"]
        if not isinstance(self.target, Classes):
            return None
        roc = roc_curve(student, self.target.positive) if "roc_auc" in measured else None
        return Classification(self.spec.labels, confusion(student) if self.target.one_answer else None, roc)
