"""Pictures as the loop asks for them: decoded, changed at random and scaled in the loader."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stillhouse.components.modalities.image.decode import decode
from stillhouse.components.modalities.image.preprocessing import Preprocessing
from stillhouse.components.modalities.randomness import uniform

if TYPE_CHECKING:
    import torch

_RATIO = math.log(4 / 3)
"""Of width and height at most, when a part is taken (Szegedy et al., 2014, arXiv:1409.4842, section 6)."""
_DRAWS, _MIX_DRAWS = 8, 5
_MIX_STREAM = 1


@dataclass(frozen=True)
class Augment:
    """Random changes of training pictures, which derive from (seed, epoch, row) alone."""

    seed: int
    flip: bool = True
    """Swap left and right in half of the views."""
    shift: float = 0.0
    """Move by this share of each side at most; the edge is drawn out."""
    scale: float = 1.0
    """Take a part of at least this share of the area, where a fixed size comes out."""
    light: float = 0.0
    """Change brightness and contrast by this share at most, 0 to 1."""
    mix: Literal["mixup", "cutmix"] | None = None
    """Mix each picture with another one: all over (Zhang et al., 2018, arXiv:1710.09412), or put a rectangle of the
    other into it (Yun et al., 2019, arXiv:1905.04899)."""
    mix_alpha: float = 0.2
    """Of the Beta distribution that shares are drawn from; greater means more alike."""


@dataclass
class ImageSamples:
    """Pictures, with targets or without."""

    pictures: Sequence[bytes]
    """Files that `decode` takes."""
    preprocessing: Preprocessing
    targets: np.ndarray | None = None
    """int64 [rows], float32 [rows, labels] or float32 [rows]."""
    augment: Augment | None = None
    """Of training; None as evaluation sees them."""
    lengths: np.ndarray = field(init=False)
    """int64 [rows]: each picture is one."""

    def __post_init__(self) -> None:
        self.lengths = np.ones(len(self.pictures), np.int64)

    def batch(self, rows: np.ndarray, epoch: int) -> "dict[str, torch.Tensor]":
        """pixel_values float32 [rows, 3, height, width], and labels where there are targets.

        Mixed ones have own_share float32 [rows] too, how much of each picture is its own, and other_labels: the loss is
        that of labels times the share, and that of other_labels times what is left.
        """
        import torch

        rows = np.asarray(rows, np.int64)
        arrays = {"pixel_values": self.view(rows, epoch)}
        if self.targets is not None:
            arrays["labels"] = self.targets[rows]
        if self.augment and self.augment.mix:
            other, share, boxes = self._partners(self.augment, rows, epoch, arrays["pixel_values"].shape[2:])
            theirs = self.view(other, epoch)
            for mine, their, own, (top, bottom, left, right) in zip(
                arrays["pixel_values"], theirs, share, boxes, strict=True
            ):
                if self.augment.mix == "mixup":
                    mine *= own
                    mine += (1 - own) * their
                else:
                    mine[:, top:bottom, left:right] = their[:, top:bottom, left:right]
            arrays["own_share"] = share
            if self.targets is not None:
                arrays["other_labels"] = self.targets[other]
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def view(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """float32 [rows, 3, height, width], as that epoch sees them before they are mixed."""
        if self.augment is None:
            found = [self.preprocessing.resized(decode(self.pictures[row])) for row in rows]
        else:
            draws = uniform(self.augment.seed, epoch, rows, _DRAWS)
            found = [
                self._changed(self.augment, decode(self.pictures[row]), u) for row, u in zip(rows, draws, strict=True)
            ]
        return np.stack([self.preprocessing.normalised(pixels) for pixels in found])

    def _changed(self, augment: Augment, pixels: np.ndarray, u: np.ndarray) -> np.ndarray:
        """uint8 [height, width, 3], by torchvision's functions; `u` are eight draws from 0 to 1, for its classes would
        draw from a generator of their own."""
        from torchvision.transforms.v2 import functional

        if augment.shift:
            pixels = _shifted(pixels, augment.shift, u[0], u[1])
        size = self.preprocessing.output_size
        if augment.scale < 1 and size:
            area = augment.scale + (1 - augment.scale) * u[2]
            part = _part(pixels.shape[0], pixels.shape[1], area, (2 * u[3] - 1) * _RATIO, u[4], u[5])
            pixels = _with_pillow(
                pixels, lambda image: functional.resized_crop(image, *part, list(size), self.preprocessing.resample)
            )
        else:
            pixels = self.preprocessing.resized(pixels)
        if augment.light:
            # Two changes out of one draw: its first and its later digits.
            bright, contrast = (1 + augment.light * (2 * draw - 1) for draw in (u[7], u[7] * 1024 % 1))
            pixels = _with_pillow(
                pixels, lambda image: functional.adjust_contrast(functional.adjust_brightness(image, bright), contrast)
            )
        if augment.flip and u[6] < 0.5:
            pixels = _with_torch(pixels, functional.horizontal_flip_image)
        return pixels

    def _partners(
        self, augment: Augment, rows: np.ndarray, epoch: int, size: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows to mix with, the share float32 [rows] of the own picture, and rectangles int64 [rows, 4] (top, bottom,
        left, right) of the other."""
        # Own code: torchvision's MixUp and CutMix have no functional form, and mix with whoever is beside in the batch.
        from scipy.special import betaincinv

        u = uniform(augment.seed, epoch, rows, _MIX_DRAWS, _MIX_STREAM)
        other = (u[:, 0] * len(self.pictures)).astype(np.int64)
        share = betaincinv(augment.mix_alpha, augment.mix_alpha, u[:, 1])
        boxes = np.zeros((len(rows), 4), np.int64)
        if augment.mix == "cutmix":
            side = np.sqrt(1 - share)
            for place, length in enumerate(size):
                half, middle = side * length / 2, u[:, 2 + place] * length
                boxes[:, 2 * place] = np.clip(np.rint(middle - half), 0, length)
                boxes[:, 2 * place + 1] = np.clip(np.rint(middle + half), 0, length)
            covered = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
            share = 1 - covered / (size[0] * size[1])
        return other, share.astype(np.float32), boxes


def _with_pillow(pixels: np.ndarray, change: Callable[[Any], Any]) -> np.ndarray:
    """`change` of uint8 [height, width, 3] as a picture of Pillow, by whose interpolation models see pictures later."""
    from PIL import Image

    return np.asarray(change(Image.fromarray(pixels)))


def _with_torch(pixels: np.ndarray, change: "Callable[[torch.Tensor], torch.Tensor]") -> np.ndarray:
    """`change` of uint8 [height, width, 3] as a tensor [3, height, width]: quicker where nothing is resized."""
    import torch

    return change(torch.from_numpy(pixels.copy()).permute(2, 0, 1)).permute(1, 2, 0).numpy()


def _shifted(pixels: np.ndarray, share: float, x: float, y: float) -> np.ndarray:
    """uint8 [height, width, 3] moved by up to `share` of each side, the edge drawn out."""
    from torchvision.transforms.v2 import functional

    height, width = pixels.shape[:2]
    far = round(height * share), round(width * share)
    top, left = int(y * (2 * far[0] + 1)), int(x * (2 * far[1] + 1))

    def moved(image: "torch.Tensor") -> "torch.Tensor":
        padded = functional.pad_image(image, [far[1], far[0]], padding_mode="edge")
        return functional.crop_image(padded, top, left, height, width)

    return _with_torch(pixels, moved)


def _part(height: int, width: int, area: float, log_ratio: float, x: float, y: float) -> tuple[int, int, int, int]:
    """Top, left, height and width in pixels of a part of a picture.

    Args:
        area: share of the picture's.
        log_ratio: logarithm of how much wider than the picture the part is.
        x, y: from 0 to 1, where the part lies between the edges.
    """
    wide = min(math.sqrt(area * math.exp(log_ratio)), 1.0)
    size = max(1, round(height * min(area / wide, 1.0))), max(1, round(width * wide))
    return int(y * (height - size[0] + 1)), int(x * (width - size[1] + 1)), *size
