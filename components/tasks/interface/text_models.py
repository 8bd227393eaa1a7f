"""What tasks share whose models are transformers or LSTMs on tokens of texts."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.modalities.text import pretraining
from stillhouse.components.modalities.text.defaults import DEFAULTS
from stillhouse.components.modalities.text.likeness import WordHashes, shingles
from stillhouse.components.modalities.text.load import attention_mask, load_trained, same_ids, write_text_model
from stillhouse.components.modalities.text.new_head import under_new_head
from stillhouse.components.modalities.text.tokenizer import num_tokens
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.models.settings import Architecture
from stillhouse.components.tasks.interface.task import Batch, Example, Task, Unit, View

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn
    from transformers import PreTrainedModel

    from stillhouse.components.artifacts.base_facts import BaseFacts
    from stillhouse.components.artifacts.chosen_base import Candidates
    from stillhouse.components.modalities.text.samples import TextSamples
    from stillhouse.components.targets.slicing import Slices


class TextModels(Task):
    """A task on texts: the shape of its models, how they are run and written, and how they learn without labels."""

    unit = Unit("token", batch=4096, micro_batch=8192)
    Architecture = Architecture
    objectives = pretraining.OBJECTIVES
    defaults = DEFAULTS

    likeness_name = "word 3-shingles"
    auto: ClassVar[str]
    """The class of transformers that makes and loads its models."""

    @abstractmethod
    def text_of(self, example: Example) -> str:
        """An example as one text, of which tokenizers and backbones learn."""

    def texts(self, examples: Examples) -> list[str]:
        """All examples so."""
        return list(map(self.text_of, examples))

    @cached_property
    def _word_hashes(self) -> WordHashes:
        return WordHashes()

    def likeness(self, example: Example) -> "np.ndarray":
        return shingles(self.text_of(example), self._word_hashes)

    def choose_base(self, candidates: "Candidates", train: Examples) -> "BaseFacts":
        from stillhouse.components.artifacts.base_choice import choose_base

        return choose_base(candidates, self.texts(train), self.spec.task, self.spec.target)

    def possible_slices(self, examples: Examples) -> "Slices":
        from stillhouse.components.modalities.text.words import words
        from stillhouse.components.targets.slicing import by_member

        yield from super().possible_slices(examples)
        yield from by_member(map(words, self.texts(examples)), "with the word '{}'".format)

    def check_bases(self, bases: "Sequence[BaseFacts]", train: Examples, max_unknown: float) -> "list[BaseFacts]":
        from stillhouse.components.artifacts.base_texts import check_texts

        return check_texts(bases, self.texts(train), max_unknown)

    @abstractmethod
    def head(self) -> dict[str, Any]:
        """Options of a transformers configuration for the head."""

    @abstractmethod
    def answers_otherwise(self, known: Mapping[str, Any]) -> bool:
        """Whether the head of the model whose model.json is `known` is of no use for this dataset."""

    def build(
        self, start: str | None, architecture: Any, examples: Examples, *, like: LoadedModel | None = None
    ) -> LoadedModel:
        return under_new_head(
            self._auto(),
            start,
            self.texts(examples),
            architecture,
            head=self.head(),
            answers_otherwise=self.answers_otherwise,
            tokenizer=like.processor if like else None,
        )

    def _auto(self) -> Any:
        import transformers

        return getattr(transformers, self.auto)

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        return load_trained(self._auto(), Path(folder), info_of_trained(Path(folder)), device)

    def forward(self, model: "nn.Module", batch: Batch, **wanted: bool) -> Any:
        mask = attention_mask(cast("PreTrainedModel", model), batch["attention_mask"])
        return model(input_ids=batch["input_ids"], attention_mask=mask, **wanted)

    def save(self, loaded: LoadedModel, folder: Path) -> dict[str, Any]:
        return write_text_model(loaded, folder)

    def longest(self, model: "nn.Module") -> int:
        from stillhouse.components.models.layers import num_positions

        return num_positions(cast("PreTrainedModel", model))

    def whole_sizes(self, loaded: LoadedModel, examples: Examples) -> "np.ndarray":
        return num_tokens(loaded.processor, self.texts(examples))

    def weights_per_unit(self, model: "nn.Module") -> int:
        from stillhouse.components.models.layers import layer_list, num_parameters

        return num_parameters(layer_list(cast("PreTrainedModel", model)))

    @classmethod
    def learnt_by(cls, architecture: Any) -> Sequence[str]:
        return pretraining.LEARNT_BY[architecture.network]

    def backbone(self, base: str, architecture: Any, examples: Examples, objective: str) -> LoadedModel:
        return pretraining.new_backbone(self.texts(examples), architecture, objective, base)

    def pretraining_samples(
        self, loaded: LoadedModel, examples: Examples, objective: str, view: View, *, mask_probability: float
    ) -> "TextSamples":
        return pretraining.pretraining_samples(
            loaded,
            self.texts(examples),
            objective,
            mask_probability=mask_probability,
            max_length=view.max_size or loaded.info["max_length"],
            seed=view.seed or 0,
        )

    def predicting_weights(self, model: "nn.Module", mask_probability: float) -> int:
        return pretraining.predicting_weights(cast("PreTrainedModel", model), mask_probability)

    def pretraining_loss(self, model: "nn.Module", batch: Batch) -> "tuple[torch.Tensor, int]":
        return pretraining.pretraining_loss(model, batch)

    def is_predicted(self, batch: Batch) -> bool:
        return bool((batch["labels"] != -100).any())

    def same_inputs(self, student: LoadedModel, teacher: LoadedModel, examples: Examples) -> bool:
        return same_ids(student, teacher, self.texts(examples))
