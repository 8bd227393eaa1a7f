"""Token classification: named entities, parts of speech, semantic roles; a tag for each word."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.perceptron import perceptron_tags
from stillhouse.components.modalities.text.tagged_words import show_tagged
from stillhouse.components.modalities.text.word_samples import WordSamples, joined, word_samples
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.targets import tag_parse, tokens
from stillhouse.components.targets.label_head import label_names
from stillhouse.components.targets.measure import Statistics
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.targets.tokens import TagAnswer
from stillhouse.components.tasks.interface.columns import Roles
from stillhouse.components.tasks.interface.results import Results
from stillhouse.components.tasks.interface.task import AS_EVALUATED, Batch, Example, Field, Loss, View
from stillhouse.components.tasks.interface.text_models import TextModels
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from markupsafe import Markup

    from stillhouse.components.formats.batch import Batch as FileBatch
    from stillhouse.components.reporting.page import Section
    from stillhouse.components.targets.parse import LabelReading, Targets, Where
    from stillhouse.components.targets.profile import Profile
    from stillhouse.components.training.batches import Samples


class TokenClassification(TextModels):
    """Transformers on words, each of which is answered at its first sub-word."""

    fields: ClassVar = {
        "tokens": Field("tokens", unless="text"),
        "text": Field("text", required=False),
        "tags": Field("list", target=True),
    }
    """`tags` has a tag for each of `tokens`, or the spans of `text`, of which prepare makes tokens and tags."""
    formats = ("tables", "words")
    noun = "sentence"
    size_name = "words"
    reasons: ClassVar = {"empty": "no word in it", "overlapping spans": "spans cross, which tags of words cannot tell"}
    auto = "AutoModelForTokenClassification"
    hub_tasks: ClassVar = {"": "token-classification"}
    baseline = "perceptron"
    trivial_title = "Most frequent tag of the word"
    has_probabilities = True
    Input = tag_parse.TagInput

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.target = tokens.WordTags(spec.labels, spec.target == tag_parse.ENTITIES)
        """What is answered."""
        self.measures = self.target.measures

    def text_of(self, example: Example) -> str:
        return joined(example["tokens"])

    def truths(self, examples: Examples) -> list[np.ndarray]:
        """int64 [words] of each example; NO_TAG where there is no tag."""
        return tag_parse.tag_arrays(examples.values("tags"), map(len, examples.values("tokens")))

    # Data: prepare.

    def take(self, path: Path, batch: "FileBatch", columns: Roles) -> "tuple[dict[str, pa.Array], list[Any]]":
        from stillhouse.components.modalities.text.word_take import take_words_or_spans

        return take_words_or_spans(path, batch, columns)

    def standardise_all(
        self, inputs: "pa.Table", progress: Callable[[int, int], None] = lambda *_: None
    ) -> list[dict[str, Any] | str]:
        from stillhouse.components.modalities.text.word_clean import standardise_words

        return standardise_words(inputs["tokens"].to_pylist(), self.spec.cleaning)

    def asked(self, inputs: "pa.Table", where: Any) -> Examples:
        from stillhouse.components.modalities.text.word_clean import clean_words

        words = clean_words(inputs["tokens"].to_pylist(), self.spec.cleaning)
        return Examples(inputs.set_column(0, "tokens", [words]))

    def parse(self, values: Sequence[Any], where: "Where", reading: "LabelReading") -> "Targets":
        return tag_parse.read_tags(values, where, reading, self.spec.input.get("tags", "auto"))

    def size(self, example: Example) -> int:
        return len(example["tokens"])

    def profile(self, examples: Sequence[Example], targets: Sequence[Any]) -> "Profile":
        from stillhouse.components.targets.profile import Joined, LabelShares

        return Joined(
            super().profile(examples, targets), LabelShares(self.spec.target, self.target.counts(targets), [])
        )

    def target_in_words(self, target: Any) -> str:
        return self.target.in_words(target)

    def target_array(self, values: Sequence[Any], labels: Sequence[str]) -> "pa.Array":
        return tag_parse.tag_column(values)

    # Models: pretrain, finetune, distill.

    def head(self) -> dict[str, Any]:
        return label_names(self.spec.labels)

    def answers_otherwise(self, known: Mapping[str, Any]) -> bool:
        return "target" in known and known["labels"] != self.spec.labels

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
        return tokens.tag_loss(outputs.logits, batch["labels"])

    def training_loss(self, train: Examples, *, class_weights: str, label_smoothing: float) -> Loss:
        if class_weights != "none":
            raise UserError("finetune.class_weights is for classes of whole examples, not of words; leave it out.")
        return lambda outputs, batch: tokens.tag_loss(outputs.logits, batch["labels"], label_smoothing)

    def signal(self, outputs: Any, batch: Batch, temperature: float) -> Mapping[str, Ragged]:
        return tokens.tag_signal(outputs.logits, batch["is_word"])

    def signal_bytes(self, samples: "Samples") -> int:
        return 4 * len(self.spec.labels) * int(samples.lengths.sum())

    def distillation_loss(
        self, outputs: Any, signal: Batch, batch: Batch, temperature: float
    ) -> "tuple[torch.Tensor, int]":
        return tokens.tag_distillation_loss(outputs.logits, batch["is_word"], signal, temperature)

    # Answers: evaluate, predict.

    def answers(self, outputs: Any, batch: Batch) -> list[TagAnswer]:
        return tokens.tag_answers(outputs.logits, batch["is_word"])

    def unanswered(self, answers: Sequence[TagAnswer]) -> np.ndarray:
        return tokens.unanswered(answers)

    def statistics(self, answers: Sequence[TagAnswer], examples: Examples) -> Statistics:
        return self.target.statistics(answers, self.truths(examples))

    def errors(self, statistics: Statistics) -> np.ndarray:
        return self.target.errors(statistics)

    def right(self, statistics: Statistics) -> np.ndarray:
        """bool [sentences]: those without a wrong tag."""
        return self.errors(statistics) == 0

    def per_label(self, statistics: Statistics) -> list[dict[str, Any]]:
        return self.target.per_label(statistics)

    def never_answered(self, statistics: Statistics) -> list[str]:
        return self.target.never_answered(statistics)

    def trivial(self, train: Examples, examples: Examples) -> list[TagAnswer]:
        return tokens.most_frequent_tags(train.values("tokens"), self.truths(train), examples.values("tokens"))

    def baseline_answers(self, train: Examples, examples: Examples, seed: int) -> list[TagAnswer]:
        words, asked = train.values("tokens"), examples.values("tokens")
        found = perceptron_tags(words, self.truths(train), asked, len(self.spec.labels), seed)
        return [TagAnswer(*each) for each in found]

    def rows(self, answers: Sequence[TagAnswer], examples: Examples) -> Iterator[dict[str, Any]]:
        from stillhouse.components.modalities.text.word_take import with_places

        found = self.target.rows(answers, examples.values("tokens"))
        return map(with_places, found, examples.values("text")) if "text" in examples else found

    def show(self, example: Example, answer: TagAnswer | None = None) -> "Markup":
        words, target = example["tokens"], self.target
        answered = None if answer is None else next(target.rows([answer], [words]))["tags"]
        return show_tagged(words, target.names(example.get("tags")), answered, has_entities=target.has_entities)

    def sections(self, results: Results) -> "list[Section]":
        from stillhouse.components.targets.tag_sections import tag_sections

        return tag_sections(self.target, results.statistics["student"], results.evaluation)
