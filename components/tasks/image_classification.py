"""Image classification: one of several classes, several labels at once, or a number."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.image import pretraining
from stillhouse.components.modalities.image.baseline import NUM_COMPONENTS, fit_pca_linear, rows_for_pca
from stillhouse.components.modalities.image.decode import decode, why_dropped
from stillhouse.components.modalities.image.defaults import DEFAULTS, overhead
from stillhouse.components.modalities.image.likeness import likeness
from stillhouse.components.modalities.image.load import (
    forward,
    load_trained,
    under_new_head,
    write_image_model,
)
from stillhouse.components.modalities.image.mixing import with_mixed_labels
from stillhouse.components.modalities.image.preprocessing import Preprocessing, learnt
from stillhouse.components.modalities.image.render import thumbnail
from stillhouse.components.modalities.image.samples import Augment, ImageSamples
from stillhouse.components.modalities.image.settings import ImageInput
from stillhouse.components.models.image_settings import ImageArchitecture, has_equal_layers, narrower
from stillhouse.components.models.loaded import LoadedModel, baseline_in, info_of_trained
from stillhouse.components.models.pca_linear import PcaLinear
from stillhouse.components.tasks.interface.label_task import LabelTask
from stillhouse.components.tasks.interface.results import Answers
from stillhouse.components.tasks.interface.task import (
    AS_EVALUATED,
    Batch,
    Example,
    Field,
    Loss,
    PretrainingMeasure,
    Unit,
    View,
)
from stillhouse.components.training.derived import Overhead
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from markupsafe import Markup
    from torch import nn
    from transformers import PreTrainedModel

    from stillhouse.components.models.conv_adversarial import ConvAdversarial

DISCRIMINATOR = PretrainingMeasure(
    "discriminator_perplexity", lambda loss: math.exp(min(loss / 2, 50.0)), less_is_better=False
)
"""Of its answers whether pictures are real, which half of them are: from 1, sure and right, to 2, a guess. It falls
when the discriminator gets better and when the generator gets worse, so it does not tell which weights are better."""


class ImageClassification(LabelTask):
    """Convolutional networks and transformers on pictures."""

    fields: ClassVar = {"image": Field("image"), "label": Field("label", target=True)}
    unit = Unit("image", batch=32, micro_batch=256)
    formats = ("tables", "pictures")
    noun = "picture"
    size_name = "pixels"
    likeness_name = "brightness of 8 x 8 blocks"
    reads = "image"
    hub_tasks: ClassVar = {"": "image-classification"}
    Architecture = ImageArchitecture
    Input = ImageInput
    objectives = pretraining.OBJECTIVES
    defaults = DEFAULTS
    baseline = "pca_logistic"
    baseline_settings: ClassVar = {"num_components": NUM_COMPONENTS}
    pretraining_measure = PretrainingMeasure("mse", lambda loss: loss)

    @cached_property
    def input(self) -> ImageInput:
        """What the recipe says of pictures."""
        return ImageInput.model_validate(self.spec.input)

    @property
    def is_augmented(self) -> bool:
        return self.input.is_augmented

    def standardise(self, example: Example) -> dict[str, Any] | str:
        return why_dropped(example["image"] or b"") or dict(example)

    def size(self, example: Example) -> int:
        height, width = decode(example["image"]).shape[:2]
        return height * width

    def likeness(self, example: Example) -> "np.ndarray":
        return likeness(example["image"])

    @classmethod
    def fit(cls, spec: Spec, train: Examples) -> dict[str, Any]:
        return learnt(train.values("image"))

    def preprocessing(self, examples: Examples) -> Preprocessing:
        """Of a model from random weights, as the training pictures have it."""
        return Preprocessing.of(self.spec.fitted or self.fit(self.spec, examples), self.input.size)

    def augment(self, seed: int, *, mixed: bool) -> Augment:
        """Changes of training pictures."""
        asked = self.input
        mix = asked.mix if mixed and asked.mix != "none" else None
        return Augment(seed, asked.flip, asked.shift, asked.scale, asked.light, mix, asked.mix_alpha)

    def build(
        self, start: str | None, architecture: Any, examples: Examples, *, like: LoadedModel | None = None
    ) -> LoadedModel:
        return under_new_head(
            start,
            architecture or ImageArchitecture(),
            like.processor if like else self.preprocessing(examples),
            head=self.head(),
            answers_otherwise=self.answers_otherwise,
            size=self.input.size,
        )

    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> ImageSamples:
        augment = self.augment(view.seed, mixed=True) if view.seed is not None and self.is_augmented else None
        return ImageSamples(examples.values("image"), loaded.processor, self.learnt(examples), augment)

    def forward(self, model: "nn.Module", batch: Batch, **wanted: bool) -> Any:
        return forward(model, batch["pixel_values"], **wanted)

    def loss(self, outputs: Any, batch: Batch) -> "tuple[torch.Tensor, int]":
        return super().loss(outputs, with_mixed_labels(batch, len(self.spec.labels)))

    def training_loss(self, train: Examples, *, class_weights: str, label_smoothing: float) -> Loss:
        loss = super().training_loss(train, class_weights=class_weights, label_smoothing=label_smoothing)
        return lambda outputs, batch: loss(outputs, with_mixed_labels(batch, len(self.spec.labels)))

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        info = info_of_trained(Path(folder))
        if info.get("load") == PcaLinear.LOAD:
            return baseline_in(PcaLinear, Path(folder), info)
        return load_trained(Path(folder), info, device)

    def save(self, loaded: LoadedModel, folder: Path) -> dict[str, Any]:
        return write_image_model(loaded, folder)

    def overhead(self, examples: Examples) -> Overhead:
        return overhead(examples.values("image"))

    def weights_per_unit(self, model: "nn.Module") -> int:
        from stillhouse.components.models.image_networks import multiplications_per_picture

        return multiplications_per_picture(cast("PreTrainedModel", model))

    @classmethod
    def learnt_by(cls, architecture: Any) -> Sequence[str]:
        return pretraining.learnt_by(architecture.network)

    def backbone(self, base: str, architecture: Any, examples: Examples, objective: str) -> LoadedModel:
        return pretraining.new_backbone(base, architecture, self.preprocessing(examples), objective, self.input.size)

    def pretraining_samples(
        self, loaded: LoadedModel, examples: Examples, objective: str, view: View, *, mask_probability: float
    ) -> ImageSamples:
        return pretraining.pretraining_samples(
            objective,
            examples.values("image"),
            loaded.processor,
            self.augment(view.seed or 0, mixed=False),
            patch_size=getattr(loaded.model.config, "patch_size", 1),
        )

    def pretraining_loss(self, model: "nn.Module", batch: Batch) -> "tuple[torch.Tensor, int]":
        return pretraining.pretraining_loss(model, batch)

    def measure_of(self, objective: str) -> PretrainingMeasure:
        return DISCRIMINATOR if objective == "adversarial" else self.pretraining_measure

    def collapse(self, loaded: LoadedModel, held_out: Any, objective: str, value: float) -> str:
        if objective != "adversarial":
            return ""
        return pretraining.collapse_of(cast("ConvAdversarial", loaded.model), held_out, value)

    def student_of(self, teacher: LoadedModel) -> dict[str, Any]:
        return (
            super().student_of(teacher)
            if has_equal_layers(teacher.model)
            else {"architecture": narrower(teacher.model)}
        )

    def take_layers(self, teacher: "PreTrainedModel", keep: int) -> "PreTrainedModel":
        if not has_equal_layers(teacher):
            raise UserError(
                "model.student.layers: the teacher is not a plain transformer, whose layers are alike; give "
                "model.student.architecture, as {layers: 3, width: 16}, or model.student.base."
            )
        return super().take_layers(teacher, keep)

    @property
    def baseline_title(self) -> str:
        return f"Principal components + {self.target.linear_title}"

    def fit_baseline(self, train: Examples, seed: int) -> PcaLinear:
        pictures, labels = train.values("image"), len(self.spec.labels)
        return fit_pca_linear(self.target.kind, pictures, self.targets(train), labels, seed)

    def answer(self, loaded: LoadedModel, examples: Examples, **options: Any) -> Answers:
        if isinstance(loaded.model, PcaLinear):
            return loaded.model.score(rows_for_pca(examples.values("image")), options.get("progress"))
        return super().answer(loaded, examples, **options)

    def show(self, example: Mapping[str, Any], answer: Any = None) -> "Markup":
        from markupsafe import Markup

        return Markup(thumbnail(example["image"]))

    def same_inputs(self, student: LoadedModel, teacher: LoadedModel, examples: Examples) -> bool:
        return student.processor == teacher.processor
