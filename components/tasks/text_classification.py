"""Text classification: one of several classes, several labels at once, or a number."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.modalities.text.render import cell, excerpt
from stillhouse.components.modalities.text.samples import TextSamples, text_samples
from stillhouse.components.modalities.text.tfidf import NUM_FEATURES, tfidf_linear
from stillhouse.components.models.loaded import LoadedModel, baseline_in, info_of_trained
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.tasks.interface.label_task import LabelTask
from stillhouse.components.tasks.interface.results import Answers
from stillhouse.components.tasks.interface.task import AS_EVALUATED, Example, Field, View
from stillhouse.components.tasks.interface.text_models import TextModels

if TYPE_CHECKING:
    import pyarrow as pa
    from markupsafe import Markup

    from stillhouse.components.artifacts.base_facts import BaseFacts
    from stillhouse.components.reporting.page import Section
    from stillhouse.components.targets.profile import Profile


class TextClassification(LabelTask, TextModels):
    """Transformers on texts, and TF-IDF with a linear model where that was promoted."""

    fields: ClassVar = {"text": Field("text", many=True), "label": Field("label", target=True)}
    further_formats = ("lines",)
    noun = "text"
    size_name = "characters"
    reasons: ClassVar = {"empty": "no text after cleaning", "too_long": "longer than max_characters"}
    served_by = "text"
    hub_tasks: ClassVar = {"": "text-classification"}
    auto = "AutoModelForSequenceClassification"
    baseline = "tfidf_logistic"
    baseline_settings: ClassVar = {"num_features": NUM_FEATURES}

    @property
    def baseline_title(self) -> str:
        return f"TF-IDF + {self.target.linear_title}"

    # Data: prepare.

    def standardise(self, example: Example) -> dict[str, Any] | str:
        import pyarrow as pa

        return self.standardise_all(pa.table({"text": pa.array([example["text"]], pa.string())}))[0]

    def standardise_all(
        self, inputs: "pa.Table", progress: Callable[[int, int], None] = lambda *_: None
    ) -> list[dict[str, Any] | str]:
        from stillhouse.components.modalities.text.standardise import standardise_texts

        return standardise_texts(inputs["text"], self.spec.cleaning, progress)

    def asked(self, inputs: "pa.Table", where: Any) -> Examples:
        """All of them, whatever prepare would drop: an empty text has an answer, too."""
        import pyarrow as pa

        from stillhouse.components.modalities.text.clean import cleaned

        return Examples.of(text=cleaned(pa.array(inputs["text"].to_pylist(), pa.string()), self.spec.cleaning))

    def size(self, example: Example) -> int:
        return len(example["text"])

    def profile(self, examples: Sequence[Example], targets: Sequence[Any]) -> "Profile":
        from stillhouse.components.modalities.text.profile import WordShares
        from stillhouse.components.targets.profile import Joined, Sizes

        texts = [example["text"] for example in examples]
        lengths, words = Sizes(self.size_name, list(map(len, texts))), WordShares(texts)
        labels = self.label_shares(targets)
        return Joined(lengths, labels, words, drifts=(words, lengths, labels))

    def check_bases(self, bases: Sequence["BaseFacts"], train: Examples, max_unknown: float) -> list["BaseFacts"]:
        from stillhouse.components.artifacts.base_texts import check_numbers

        bases = super().check_bases(bases, train, max_unknown)
        if self.target.kind == "number":
            check_numbers(bases, self.targets(train).tolist())
        return bases

    def facts(self) -> list[tuple[str, str]]:
        masked = self.spec.cleaning.get("mask_pii")
        return [("personal data", "e-mail addresses and phone numbers masked" if masked else "as it came")]

    def typical(self, rows: Sequence[tuple[Example, Any]]) -> list[list[str]]:
        from stillhouse.components.modalities.text.typical_words import typical_words

        labels = [self.label_indices(target) for _, target in rows]
        return typical_words([example["text"] for example, _ in rows], labels, len(self.spec.labels))

    def size_section(self, statistics: Mapping[str, Any]) -> "Section":
        from stillhouse.components.modalities.text.profile import text_section

        return text_section(statistics)

    def excerpt(self, example: Example) -> "Markup | str":
        return cell(example["text"])

    # Models: pretrain, finetune, distill.

    def text_of(self, example: Example) -> str:
        return example["text"]

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> TextSamples:
        return text_samples(
            loaded,
            self.texts(examples),
            self.learnt(examples),
            max_length=view.max_size or loaded.info["max_length"],
            augment=0.0 if view.seed is None else self.spec.augment,
            seed=view.seed or 0,
        )

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        info = info_of_trained(Path(folder))
        if info.get("load") == TFIDF:
            return baseline_in(TfidfLinear, Path(folder), info)
        return super().load(folder, device)

    def fit_baseline(self, train: Examples, seed: int) -> TfidfLinear:
        texts, labels = self.texts(train), len(self.spec.labels)
        return tfidf_linear(self.target.kind, texts, self.targets(train), labels, seed)

    def show(self, example: Mapping[str, Any], answer: Any = None) -> "Markup":
        from markupsafe import escape

        return escape(excerpt(example["text"]))

    def answer(self, loaded: LoadedModel, examples: Examples, **options: Any) -> Answers:
        if isinstance(loaded.model, TfidfLinear):
            return loaded.model.score(self.texts(examples), options.get("progress"))
        return super().answer(loaded, examples, **options)
