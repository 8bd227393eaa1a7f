"""Settings of distill."""

from argparse import SUPPRESS
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stillhouse.components.artifacts.chosen_base import WRITTEN
from stillhouse.components.config.settings import Settings
from stillhouse.components.models.settings import Architecture
from stillhouse.components.training.settings import DerivableSettings, LoopSettings, OptimizerSettings


class Student(Settings):
    """Where the student comes from."""

    layers: int | None = Field(default=None, ge=1)
    """Layers taken from the teacher, evenly spaced, with its embeddings and head; 1 when nothing else is given."""
    base: str = ""
    """A pretrained model by name: a folder, package://, s3://, hf:// or models:/."""
    architecture: Architecture | None = None
    """A new one from random weights: a transformer with the teacher's tokenizer, an LSTM with words of its own."""

    @model_validator(mode="after")
    def _one_origin(self) -> "Student":
        if sum([self.layers is not None, bool(self.base), self.architecture is not None]) > 1:
            raise ValueError("give one of layers, base and architecture")
        if WRITTEN.fullmatch(self.base.strip()):
            raise ValueError("base is the address of a model; `auto` is for the teacher, from which layers are taken")
        return self


class DistillSettings(DerivableSettings):
    """A student learns its teacher's soft answers (Hinton et al., 2015, arXiv:1503.02531)."""

    task: str
    student: Student = Student()
    temperature: float = Field(default=2.0, gt=0, le=100)
    """Softens both sides' logits; the soft loss is scaled by its square."""
    soft_weight: float = Field(default=0.7, ge=0, le=1)
    """Weight of the soft answers; the rest goes to the hard labels."""
    hidden_weight: float = Field(default=0.0, ge=0)
    """Weight of the mean squared error between mapped hidden states (Sanh et al. 2019; TinyBERT)."""
    attention_weight: float = Field(default=0.0, ge=0)
    """Weight of the mean squared error between attention maps; student and teacher need equal heads."""
    keep_champion_right: float = Field(default=0.0, ge=0)
    """Weight of the champion's soft answers on the rows that it has right, so that fewer of them turn wrong (focal
    distillation, arXiv:2011.09161)."""
    champion: Annotated[str, SUPPRESS] = ""
    """Its address, filled in by inspect where it counts and repeated by recipe.lock.yaml; no option of the command
    line."""
    calibrate: bool = False
    """Whether a temperature, fitted on the validation rows, makes the student as sure as it is right (Guo et al., 2017,
    arXiv:1706.04599); which answer it gives stays the same."""
    use_unlabelled: bool = True
    """Learn the teacher's answers on unlabelled rows too."""
    max_cache_bytes: int = Field(default=2**31, ge=0)
    """Beyond this the teacher answers anew in each epoch."""
    freeze_embeddings: bool = False
    """Whether the student's embeddings stay as they are, the teacher's or its base's: then a step costs a fraction."""
    loop: LoopSettings = LoopSettings()
    optimizer: OptimizerSettings = OptimizerSettings()

    @property
    def compares_inside(self) -> bool:
        """Whether hidden states or attention maps are compared: then the teacher answers anew in each epoch."""
        return bool(self.hidden_weight or self.attention_weight)

    @property
    def origin(self) -> Literal["teacher", "base", "architecture"]:
        """Which of the student's three origins was chosen."""
        if self.student.base:
            return "base"
        return "architecture" if self.student.architecture else "teacher"
