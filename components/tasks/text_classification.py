"""Text classification: one of several classes, several labels at once, or a number."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.modalities.text import pretraining
from stillhouse.components.modalities.text.load import attention_mask, load_trained, same_ids, write_text_model
from stillhouse.components.modalities.text.new_head import under_new_head
from stillhouse.components.modalities.text.samples import TextSamples, text_samples
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.models.settings import Architecture
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.tasks.label_task import LabelTask
from stillhouse.components.tasks.task import AS_EVALUATED, Answers, Batch, Field, Unit, View
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel


class TextClassification(LabelTask):
    """Transformers on texts, and TF-IDF with a linear model where that was promoted."""

    fields: ClassVar = {"text": Field("text", many=True), "label": Field("label", target=True)}
    unit = Unit("token", batch=4096, micro_batch=8192)
    Architecture = Architecture
    objectives = pretraining.OBJECTIVES

    def build(
        self,
        start: str | None,
        architecture: Any,
        examples: Examples,
        *,
        like: LoadedModel | None = None,
        dropout: float | None = None,
    ) -> LoadedModel:
        from transformers import AutoModelForSequenceClassification

        return under_new_head(
            AutoModelForSequenceClassification,
            start,
            examples.values("text"),
            architecture,
            head=self.head(),
            answers_otherwise=self.answers_otherwise,
            dropout=dropout,
            tokenizer=like.processor if like else None,
        )

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> TextSamples:
        return text_samples(
            loaded,
            examples.values("text"),
            self.learnt(examples),
            max_length=view.max_size or loaded.info["max_length"],
            augment=0.0 if view.seed is None else self.spec.augment,
            seed=view.seed or 0,
        )

    def forward(self, model: "nn.Module", batch: Batch, **wanted: bool) -> Any:
        mask = attention_mask(cast("PreTrainedModel", model), batch["attention_mask"])
        return model(input_ids=batch["input_ids"], attention_mask=mask, **wanted)

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        info = info_of_trained(Path(folder))
        if info.get("load") == TFIDF:
            return _load_tfidf(Path(folder), info)

        from transformers import AutoModelForSequenceClassification

        return load_trained(AutoModelForSequenceClassification, Path(folder), info, device)

    def save(self, loaded: LoadedModel, folder: Path) -> dict[str, Any]:
        return write_text_model(loaded, folder)

    def longest(self, model: "nn.Module") -> int:
        from stillhouse.components.models.layers import num_positions

        return num_positions(cast("PreTrainedModel", model))

    def weights_per_unit(self, model: "nn.Module") -> int:
        from stillhouse.components.models.layers import layer_list, num_parameters

        return num_parameters(layer_list(cast("PreTrainedModel", model)))

    def backbone(self, base: str, architecture: Any, examples: Examples, objective: str) -> LoadedModel:
        return pretraining.new_backbone(examples.values("text"), architecture, objective, base)

    def pretraining_samples(
        self, loaded: LoadedModel, examples: Examples, objective: str, view: View, *, mask_probability: float
    ) -> TextSamples:
        return pretraining.pretraining_samples(
            loaded,
            examples.values("text"),
            objective,
            mask_probability=mask_probability,
            max_length=view.max_size or loaded.info["max_length"],
            seed=view.seed or 0,
        )

    def pretraining_loss(self, model: "nn.Module", batch: Batch) -> "tuple[torch.Tensor, int]":
        return pretraining.pretraining_loss(model, batch)

    def is_predicted(self, batch: Batch) -> bool:
        return bool((batch["labels"] != -100).any())

    def same_inputs(self, student: LoadedModel, teacher: LoadedModel, examples: Examples) -> bool:
        return same_ids(student, teacher, examples.values("text"))

    def answer(self, loaded: LoadedModel, examples: Examples, **options: Any) -> Answers:
        if isinstance(loaded.model, TfidfLinear):
            return loaded.model.score(examples.values("text"), options.get("progress"))
        return super().answer(loaded, examples, **options)


def _load_tfidf(folder: Path, info: dict[str, Any]) -> LoadedModel:
    """It answers on the processor, wherever it is asked to: there is nothing in it that a GPU would be quicker at."""
    try:
        model = TfidfLinear.load(folder, info["target"])
    except ValueError as error:
        raise UserError(f"model '{folder}': {error}; copy it again, or take another version.") from None
    return LoadedModel(cast(Any, model), None, info)
