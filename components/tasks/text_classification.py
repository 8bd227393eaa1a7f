"""Text classification: one of several classes, several labels at once, or a number."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from stillhouse.components.modalities.text import pretraining
from stillhouse.components.modalities.text.load import attention_mask, load_trained
from stillhouse.components.modalities.text.new_head import under_new_head
from stillhouse.components.modalities.text.samples import labelled_samples, unlabelled_samples
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.models.tfidf_linear import LOAD as TFIDF
from stillhouse.components.models.tfidf_linear import TfidfLinear
from stillhouse.components.targets.label_head import answers_otherwise, head_options, probabilities
from stillhouse.components.targets.label_losses import label_loss
from stillhouse.components.tasks.task import Field, Task, Unit
from stillhouse.components.training.score import score_samples
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from stillhouse.components.models.settings import Architecture
    from stillhouse.components.training.batches import Samples


class TextClassification(Task):
    """Transformers on texts, and TF-IDF with a linear model where that was promoted."""

    fields: ClassVar = {"text": Field("text", many=True), "label": Field("label", target=True)}
    unit = Unit("token", batch=4096, micro_batch=8192)
    objectives = pretraining.OBJECTIVES

    new_backbone = staticmethod(pretraining.new_backbone)
    pretraining_samples = staticmethod(pretraining.pretraining_samples)
    pretraining_loss = staticmethod(pretraining.pretraining_loss)
    labelled_samples = staticmethod(labelled_samples)

    def with_new_head(
        self,
        start: str | None,
        texts: Sequence[str],
        architecture: "Architecture | None",
        info: dict[str, Any],
        dropout: float | None = None,
        tokenizer: "PreTrainedTokenizerFast | None" = None,
    ) -> LoadedModel:
        from transformers import AutoModelForSequenceClassification

        return under_new_head(
            AutoModelForSequenceClassification,
            start,
            texts,
            architecture,
            info,
            head=head_options(info),
            answers_otherwise=partial(answers_otherwise, info=info),
            dropout=dropout,
            tokenizer=tokenizer,
        )

    def loss(
        self, target: str, *, class_weights: np.ndarray | None, label_smoothing: float
    ) -> "Callable[[nn.Module, Mapping[str, torch.Tensor]], tuple[torch.Tensor, int]]":
        of_logits = label_loss(target, class_weights=class_weights, label_smoothing=label_smoothing)
        return lambda model, batch: of_logits(self.logits_of(model, batch), batch["labels"])

    def outputs_of(self, model: "nn.Module", batch: Mapping[str, "torch.Tensor"], **options: Any) -> Any:
        mask = attention_mask(cast("PreTrainedModel", model), batch["attention_mask"])
        return model(input_ids=batch["input_ids"], attention_mask=mask, **options)

    def score_samples(
        self,
        model: "nn.Module",
        samples: "Samples",
        target: str,
        *,
        batch_tokens: int = 8192,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        def answer(network: "nn.Module", batch: Mapping[str, "torch.Tensor"]) -> "torch.Tensor":
            return probabilities(target, self.logits_of(network, batch))

        return score_samples(model, samples, answer, batch_tokens=batch_tokens, progress=progress)

    def load_model(self, path: str | Path, device: str = "cpu") -> LoadedModel:
        folder = Path(path)
        info = info_of_trained(folder)
        if info.get("load") == TFIDF:
            return _load_tfidf(folder, info)

        from transformers import AutoModelForSequenceClassification

        return load_trained(AutoModelForSequenceClassification, folder, info, device)

    def score(
        self,
        loaded: LoadedModel,
        texts: Sequence[str],
        *,
        batch_tokens: int = 8192,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        if isinstance(loaded.model, TfidfLinear):
            return loaded.model.score(texts, progress)
        asked = unlabelled_samples(loaded, texts, loaded.info["max_length"])
        return self.score_samples(
            loaded.model, asked, loaded.info["target"], batch_tokens=batch_tokens, progress=progress
        )


def _load_tfidf(folder: Path, info: dict[str, Any]) -> LoadedModel:
    """It answers on the processor, wherever it is asked to: there is nothing in it that a GPU would be quicker at."""
    try:
        model = TfidfLinear.load(folder, info["target"])
    except ValueError as error:
        raise UserError(f"model '{folder}': {error}; copy it again, or take another version.") from None
    return LoadedModel(cast(Any, model), cast(Any, None), info)
