"""Pictures as the loop asks for them: decoded, changed at random and scaled in the loader."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

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
        """[height, width, 3] from 0 to 255; `u` are eight draws from 0 to 1."""
        if augment.shift:
            pixels = _shifted(pixels, augment.shift, u[0], u[1])
        if augment.scale < 1 and self.preprocessing.output_size:
            pixels = self._part(pixels, augment.scale + (1 - augment.scale) * u[2], (2 * u[3] - 1) * _RATIO, u[4], u[5])
        else:
            pixels = self.preprocessing.resized(pixels)
        if augment.flip and u[6] < 0.5:
            pixels = pixels[:, ::-1]
        if augment.light:
            # Two changes out of one draw: its first and its later digits.
            first, second = u[7], u[7] * 1024 % 1
            values = pixels.astype(np.float32) * np.float32(1 + augment.light * (2 * first - 1))
            mean = values.mean()
            pixels = ((values - mean) * np.float32(1 + augment.light * (2 * second - 1)) + mean).clip(0, 255)
        return pixels

    def _part(self, pixels: np.ndarray, area: float, log_ratio: float, x: float, y: float) -> np.ndarray:
        """A part of the picture, resized to what the model is given."""
        from PIL import Image

        height, width = pixels.shape[:2]
        target = self.preprocessing.output_size or (height, width)
        wide = min(math.sqrt(area * math.exp(log_ratio)), 1.0)
        high = min(area / wide, 1.0)
        box = width * x * (1 - wide), height * y * (1 - high)
        corner = min(box[0] + width * wide, width), min(box[1] + height * high, height)
        resample = Image.Resampling(self.preprocessing.resample)
        return np.asarray(Image.fromarray(pixels).resize(target[::-1], resample, box=(*box, *corner)))

    def _partners(
        self, augment: Augment, rows: np.ndarray, epoch: int, size: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows to mix with, the share float32 [rows] of the own picture, and rectangles int64 [rows, 4] (top, bottom,
        left, right) of the other."""
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


def _shifted(pixels: np.ndarray, share: float, x: float, y: float) -> np.ndarray:
    """Moved by up to `share` of each side, the edge drawn out."""
    height, width = pixels.shape[:2]
    far = round(height * share), round(width * share)
    padded = np.pad(pixels, ((far[0], far[0]), (far[1], far[1]), (0, 0)), mode="edge")
    top, left = int(y * (2 * far[0] + 1)), int(x * (2 * far[1] + 1))
    return padded[top : top + height, left : left + width]
