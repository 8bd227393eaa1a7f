"""What a kind of problem is: a class that says what its data are and has the methods that the steps call.

Imports no torch: the recipe, the form and prepare read it where there is none.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.config.settings import Settings
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.tasks.interface.columns import Field as Field
from stillhouse.components.tasks.interface.columns import Roles as Roles
from stillhouse.components.tasks.interface.results import Answers
from stillhouse.components.tasks.interface.task_answers import TaskAnswers
from stillhouse.components.tasks.interface.task_data import Example as Example
from stillhouse.components.tasks.interface.task_data import NoSettings, TaskData
from stillhouse.components.training.derived import Defaults, Overhead
from stillhouse.errors import UserError

if TYPE_CHECKING:
    import torch
    from markupsafe import Markup
    from torch import nn
    from transformers import PreTrainedModel

    from stillhouse.components.targets.slicing import Slices
    from stillhouse.components.training.batches import Samples

Batch = Mapping[str, "torch.Tensor"]
"""Flat: what is ragged comes end to end, and beside it `<name>_row`, int64 [sum], says whose it is."""
Loss = Callable[[Any, Batch], "tuple[torch.Tensor, int]"]
"""(outputs of the model, batch) -> sum over what has a truth, a scalar, and how many that is."""


class Unit(NamedTuple):
    """What a batch is counted in."""

    name: str
    """One of them: token, image, row."""
    batch: int
    """Default size of a global batch."""
    micro_batch: int
    """Default bound of one forward pass, padding included."""


class View(NamedTuple):
    """How samples are looked at."""

    max_size: int | None = None
    """Units of one example at most, what is longer is cut; None: what the model's model.json says, or no limit."""
    seed: int | None = None
    """What is random derives from (seed, epoch, row). None: the examples as evaluation sees them."""


AS_EVALUATED = View()


class PretrainingMeasure(NamedTuple):
    """What pretraining is judged by on the validation rows."""

    name: str
    of_mean_loss: Callable[[float], float]
    less_is_better: bool = True
    """Otherwise it does not tell which weights are better, and the last ones are kept."""


SIGNAL = "teacher_"
"""Begins the names of what the teacher told, in a batch."""
TEACHER_LAYERS = 3
"""Layers of the teacher for one of the student's."""
PERPLEXITY = PretrainingMeasure("perplexity", lambda loss: math.exp(min(loss, 50.0)))


class Task(TaskData, TaskAnswers):
    """A kind of problem: a file of this folder or an entry point holds one subclass, with all that is abstract here. An
    instance knows one dataset.

    Args:
        spec: dataset.json, or what a model's model.json says of it.
    """

    unit: ClassVar[Unit]
    Architecture: ClassVar[type[Settings]] = NoSettings
    """The shape of a model that starts from random weights, as a recipe gives it."""
    reads: ClassVar[str] = "text"
    """What a base model must be given: text or image."""
    objectives: ClassVar[Sequence[str]] = ()
    """Pretraining objectives that it has, the first one first choice."""
    pretraining_measure: ClassVar[PretrainingMeasure] = PERPLEXITY
    """Of its objectives; `measure_of` where they have different ones."""

    defaults: ClassVar[Defaults] = Defaults()
    """What random weights are trained with where the recipe leaves it to the run."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def excerpt(self, example: Example) -> "Markup | str":
        """An example in a cell of the data card; by default as it is shown elsewhere."""
        return self.show(example)

    @property
    def is_augmented(self) -> bool:
        """Whether a training sees other views of an example in other epochs."""
        return self.spec.augment > 0

    # Models: pretrain, finetune, distill.

    @abstractmethod
    def build(
        self, start: str | None, architecture: Any, examples: Examples, *, like: LoadedModel | None = None
    ) -> LoadedModel:
        """A network under a head for this dataset: from the folder `start`, else random weights of `architecture`.

        Args:
            architecture: settings of the task's own; None: its defaults.
            examples: training rows, of which a processor (a tokenizer, channel statistics) is learnt where `start` and
                `like` give none.
            like: a model whose processor the new one shares.

        Raises:
            UserError: the model in the folder cannot be loaded.
        """

    @abstractmethod
    def samples(self, loaded: LoadedModel, examples: Examples, view: View = AS_EVALUATED) -> "Samples":
        """What the loop and `answer` ask for, with the target where the examples have one; decoded in `batch`.

        Raises:
            UserError: the model cannot take such examples.
        """

    def forward(self, model: "nn.Module", batch: Batch, **wanted: bool) -> Any:
        """The model's output, with `logits`, and with what is `wanted`: output_hidden_states, output_attentions."""
        inputs = {name: value for name, value in batch.items() if name != "labels" and not name.startswith(SIGNAL)}
        return model(**inputs, **wanted)

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch) -> "tuple[torch.Tensor, int]":
        """Sum over the examples (tokens, boxes) that have a truth, a scalar, and how many things it is a mean of."""

    def training_loss(self, train: Examples, *, class_weights: str, label_smoothing: float) -> Loss:
        """The loss of fine-tuning on `train`.

        Raises:
            UserError: the task has no classes to weigh, or no labels to smooth.
        """
        if class_weights != "none" or label_smoothing:
            raise UserError(
                f"finetune: the task {self.spec.task} has no class_weights and no label_smoothing; "
                "leave them out of the recipe."
            )
        return self.loss

    def begin(self, train: Examples, new: Sequence[LoadedModel], trained: Sequence[LoadedModel] = ()) -> None:
        """Called before models learn `train`: brings those in `trained` from the user's units to those of learning."""
        return

    def finish(self, loaded: LoadedModel) -> None:
        """Let the trained model answer in the user's units."""
        return

    def probe_targets(self, train: Examples) -> "np.ndarray | None":
        """int64 [examples]: classes that a linear model can be fitted to, for a new head to begin with; None: there are
        none."""
        return None

    @abstractmethod
    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        """A trained model, ready to answer.

        Raises:
            UserError: the folder holds no model of ours.
        """

    def save(self, loaded: LoadedModel, folder: Path) -> dict[str, Any]:
        """Write weights (safetensors) and processor into `folder`; returns what model.json has to say of how they are
        read."""
        loaded.model.save_pretrained(folder)
        return {"load": "transformers"}

    def longest(self, model: "nn.Module") -> int | None:
        """Units of the longest example that the model takes; None: there is no limit."""
        return None

    def whole_sizes(self, loaded: "LoadedModel", examples: Examples) -> "np.ndarray | None":
        """Units of each example before it is cut, as this model counts them: int64 [examples]; None where none ever
        is."""
        return None

    def weights_per_unit(self, model: "nn.Module") -> int:
        """Weights that each unit of an example is multiplied with: what a training costs is estimated by it."""
        from stillhouse.components.models.layers import num_parameters

        return num_parameters(model)

    def predicting_weights(self, model: "nn.Module", mask_probability: float) -> int:
        """Further weights that each unit is multiplied with in pretraining: those that words are predicted with.

        Args:
            mask_probability: share of the units that are hidden.
        """
        return 0

    def overhead(self, examples: Examples) -> Overhead:
        """What else it costs; by default as `defaults` has it, whatever the examples."""
        return self.defaults.overhead

    # Pretraining, where there are objectives.

    @classmethod
    def learnt_by(cls, architecture: Any) -> Sequence[str]:
        """Of the objectives those that a network of this shape learns by, the first one first choice."""
        return cls.objectives

    def backbone(self, base: str, architecture: Any, examples: Examples, objective: str) -> LoadedModel:
        """A model for self-supervised learning: the folder `base` gone on with, or random weights where it is empty.

        Raises:
            UserError: the base cannot be loaded, or is not one for the objective.
        """
        raise NotImplementedError

    def pretraining_samples(
        self, loaded: LoadedModel, examples: Examples, objective: str, view: View, *, mask_probability: float
    ) -> "Samples":
        """Samples of self-supervised learning; what is random in them derives from (seed, epoch, row)."""
        raise NotImplementedError

    def pretraining_loss(self, model: "nn.Module", batch: Batch) -> "tuple[torch.Tensor, int]":
        """Sum over what is predicted, a scalar, and how much that is."""
        raise NotImplementedError

    def is_predicted(self, batch: Batch) -> bool:
        """Whether anything of such a batch is predicted at all."""
        return True

    def measure_of(self, objective: str) -> PretrainingMeasure:
        """What an objective is judged by."""
        return self.pretraining_measure

    def collapse(self, loaded: LoadedModel, held_out: "Samples", objective: str, value: float) -> str:
        """In what way a pretraining has come to nothing, in a sentence; empty where it has not.

        Args:
            value: of the measure of the objective, on the held-out samples.
        """
        return ""

    # Distilling.

    num_views: ClassVar[int] = 2
    """Different views of each example that a student learns from, where trainings see several; its teacher is asked
    once for each of them."""

    def student_of(self, teacher: LoadedModel) -> dict[str, Any]:
        """What `model.student` is where a recipe leaves it to the run: a third of the teacher's layers."""
        from stillhouse.components.models.layers import num_layers

        return {"layers": max(1, num_layers(teacher.model) // TEACHER_LAYERS)}

    def take_layers(self, teacher: "PreTrainedModel", keep: int) -> "PreTrainedModel":
        """A copy of the teacher with `keep` of its layers, and with its head.

        Raises:
            UserError: it has no layers that can be left out.
        """
        from stillhouse.components.models.layers import take_layers

        return take_layers(teacher, keep)

    def signal(self, outputs: Any, batch: Batch, temperature: float) -> Mapping[str, Ragged]:
        """What the teacher tells of each example, small enough to be kept."""
        return {"logits": Ragged.of(outputs.logits)}

    def signal_bytes(self, samples: "Samples") -> int:
        """Memory that the signal of one view of these samples takes."""
        return 4 * max(1, len(self.spec.labels)) * len(samples.lengths)

    @abstractmethod
    def distillation_loss(
        self, outputs: Any, signal: Batch, batch: Batch, temperature: float
    ) -> "tuple[torch.Tensor, int]":
        """Distance of the student's outputs to the teacher's signal, summed, and how many things it is a mean of.

        Args:
            signal: of each part of the signal the values of all examples end to end, by name, and `<name>_row`,
                int64 [sum], the example of each.
        """

    def same_inputs(self, student: LoadedModel, teacher: LoadedModel, examples: Examples) -> bool:
        """Whether both models are shown the same tensors of these examples."""
        return True

    def possible_slices(self, examples: Examples) -> "Slices":
        """Slices among which evaluate looks for those that are answered worst: what the examples of each have in
        common, in words, and which they are, bool [examples]. By default four ranges of `size`."""
        from stillhouse.components.targets.slicing import in_ranges

        if self.size_name:
            sizes = np.array([self.size(example) for example in examples], np.float64)
            yield from in_ranges(self.size_name, sizes)

    # Answers; what is done with them is in `task_answers.py`.

    @abstractmethod
    def answers(self, outputs: Any, batch: Batch) -> "torch.Tensor | Sequence[Any]":
        """What the model says of each example of a batch: a tensor, float [examples, ...], or a list."""

    def answer(
        self,
        loaded: LoadedModel,
        examples: Examples,
        *,
        batch_units: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Answers:
        """Answers of a trained model, in the user's units.

        Args:
            batch_units: padded size of a forward pass at most; None: the unit's default.
            progress: is told the examples of each batch.
        """
        samples = self.samples(loaded, examples)
        return self.answer_samples(loaded.model, samples, batch_units=batch_units, progress=progress)

    def answer_samples(
        self,
        model: "nn.Module",
        samples: "Samples",
        *,
        batch_units: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Answers:
        """Answers of `model` for samples, in their order and in the user's units."""
        from stillhouse.components.training.score import score_samples

        def answer(network: "nn.Module", batch: Batch) -> "torch.Tensor | Sequence[Any]":
            return self.answers(self.forward(network, batch), batch)

        batch_units = batch_units or self.unit.micro_batch
        return score_samples(model, samples, answer, batch_units=batch_units, progress=progress)
