"""Token classification: named entities, parts of speech, semantic roles; a tag for each word."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.load import load_trained
from stillhouse.components.modalities.text.new_head import under_new_head
from stillhouse.components.modalities.text.word_samples import WordSamples, joined, word_samples
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.targets.label_head import label_names
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.targets.tag_parse import ENTITIES, tag_arrays
from stillhouse.components.targets.token_measures import NO_ANSWER
from stillhouse.components.targets.tokens import (
    TagAnswer,
    WordTags,
    most_frequent_tags,
    tag_answers,
    tag_distillation_loss,
    tag_loss,
    tag_signal,
)
from stillhouse.components.tasks.task import AS_EVALUATED, Batch, Field, Loss, View
from stillhouse.components.tasks.text_models import TextModels
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch

    from stillhouse.components.training.batches import Samples


class TokenClassification(TextModels):
    """Transformers on words, each of which is answered at its first sub-word."""

    fields: ClassVar = {"tokens": Field("tokens"), "tags": Field("tokens", target=True)}

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.target = WordTags(spec.labels, spec.target == ENTITIES)
        """What is answered."""
        self.measures = self.target.measures

    def texts(self, examples: Examples) -> list[str]:
        return [joined(words) for words in examples.values("tokens")]

    def truths(self, examples: Examples) -> list[np.ndarray]:
        """int64 [words] of each example; NO_TAG where there is no tag."""
        return tag_arrays(examples.values("tags"), map(len, examples.values("tokens")))

    # Models: pretrain, finetune, distill.

    def build(
        self,
        start: str | None,
        architecture: Any,
        examples: Examples,
        *,
        like: LoadedModel | None = None,
        dropout: float | None = None,
    ) -> LoadedModel:
        from transformers import AutoModelForTokenClassification

        def answers_otherwise(known: Mapping[str, Any]) -> bool:
            return "target" in known and known["labels"] != self.spec.labels

        return under_new_head(
            AutoModelForTokenClassification,
            start,
            self.texts(examples),
            architecture,
            head=label_names(self.spec.labels),
            answers_otherwise=answers_otherwise,
            dropout=dropout,
            tokenizer=like.processor if like else None,
        )

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        from transformers import AutoModelForTokenClassification

        return load_trained(AutoModelForTokenClassification, Path(folder), info_of_trained(Path(folder)), device)

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> WordSamples:
        return word_samples(
            loaded,
            examples.values("tokens"),
            self.truths(examples) if "tags" in examples else None,
            max_length=view.max_size or loaded.info["max_length"],
            augment=0.0 if view.seed is None else self.spec.augment,
            seed=view.seed or 0,
        )

    def loss(self, outputs: Any, batch: Batch) -> "tuple[torch.Tensor, int]":
        return tag_loss(outputs.logits, batch["labels"])

    def training_loss(self, train: Examples, *, class_weights: str, label_smoothing: float) -> Loss:
        if class_weights != "none":
            raise UserError("finetune.class_weights is for classes of whole examples, not of words; leave it out.")
        return lambda outputs, batch: tag_loss(outputs.logits, batch["labels"], label_smoothing)

    def signal(self, outputs: Any, batch: Batch, temperature: float) -> Mapping[str, Ragged]:
        return tag_signal(outputs.logits, batch["is_word"])

    def signal_bytes(self, samples: "Samples") -> int:
        return 4 * len(self.spec.labels) * int(samples.lengths.sum())

    def distillation_loss(
        self, outputs: Any, signal: Batch, batch: Batch, temperature: float
    ) -> "tuple[torch.Tensor, int]":
        return tag_distillation_loss(outputs.logits, batch["is_word"], signal, temperature)

    # Answers: evaluate, predict.

    def answers(self, outputs: Any, batch: Batch) -> list[TagAnswer]:
        return tag_answers(outputs.logits, batch["is_word"])

    def unanswered(self, answers: Sequence[TagAnswer]) -> np.ndarray:
        return np.array([bool((answer.tags == NO_ANSWER).any()) for answer in answers], bool)

    def statistics(self, answers: Sequence[TagAnswer], examples: Examples) -> Statistics:
        return self.target.statistics(answers, self.truths(examples))

    def trivial(self, train: Examples, examples: Examples) -> list[TagAnswer]:
        return most_frequent_tags(train.values("tokens"), self.truths(train), examples.values("tokens"))
