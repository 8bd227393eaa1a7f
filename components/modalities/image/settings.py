"""What a recipe says of pictures: their size, and how training changes them."""

from typing import Literal

from pydantic import Field

from stillhouse.components.config.settings import Settings


class ImageInput(Settings):
    """The recipe's section `input`."""

    size: int | None = Field(default=None, ge=4, le=4096)
    """Pixels either way that a picture is resized to, whatever its proportion. Left out: as the base was trained;
    without a base as the training pictures are, at most 128 either way."""
    flip: bool = True
    """Training swaps left and right in half of the views; for digits and letters, say false."""
    shift: float = Field(default=0.07, ge=0, lt=1)
    """Training moves a picture by this share of each side at most; the edge is drawn out."""
    scale: float = Field(default=1.0, gt=0, le=1)
    """Training takes a part of at least this share of the area."""
    light: float = Field(default=0.0, ge=0, le=1)
    """Training changes brightness and contrast by this share at most."""
    mix: Literal["none", "mixup", "cutmix"] = "none"
    """Training mixes each picture with another one: all over, or a rectangle of it."""
    mix_alpha: float = Field(default=0.2, gt=0, le=10)
    """Of the Beta distribution of shares; greater means more alike."""

    @property
    def is_augmented(self) -> bool:
        """Whether training sees other views of a picture in other epochs."""
        return self.flip or self.shift > 0 or self.scale < 1 or self.light > 0 or self.mix != "none"
