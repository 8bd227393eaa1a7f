"""From a picture to what a model is given, as its preprocessor_config.json says: resize, crop, subtract means.

The same values as transformers' own processors give (their Pillow kind), without their seconds of import; a test
compares.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from stillhouse.components.modalities.image.decode import decode

FILE = "preprocessor_config.json"
BILINEAR = 2
"""As Pillow and that file count."""
_RESAMPLES = {"bilinear": BILINEAR, "bicubic": 3, "nearest": 0, "lanczos": 1}
_CONVNEXT_CROPS_BELOW = 384
MOST_PIXELS = 128
"""Either way, of the size that follows from the pictures: a network from random weights takes its time with more."""
LOOKED_AT = 5000
"""Pictures that size and channels are learnt of."""
_LEAST_SPREAD = 1 / 255
"""Of a channel that is the same in all pictures."""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to each picture, in this order."""

    shortest: int | None = None
    """Pixels that the shorter side is resized to, the longer one in proportion."""
    size: tuple[int, int] | None = None
    """Height and width to resize to, whatever the proportion."""
    crop: tuple[int, int] | None = None
    """Height and width of the middle that is kept; black is put around a picture that is smaller."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Of the channels, of pixels from 0 to 1."""
    spread: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Their standard deviations."""
    resample: int = BILINEAR

    @property
    def output_size(self) -> tuple[int, int] | None:
        """Height and width of what comes out; None where it depends on the picture."""
        return self.crop or self.size

    @classmethod
    def of(cls, told: Mapping[str, Any], size: int | None) -> Self:
        """What `learnt` gave, at the size that a recipe asks for (pixels either way), if it does."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        found = cls(**values)
        return found if size is None else replace(found, shortest=None, size=(size, size), crop=None)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What a model's folder says, in its preprocessor_config.json, or as timm says it in config.json.

        Raises:
            ValueError: there is no such file, or it asks for something else than the above.
        """
        try:
            if not (folder / FILE).is_file() and (folder / "config.json").is_file():
                config = json.loads((folder / "config.json").read_bytes())
                if "pretrained_cfg" in config:
                    return cls._from_timm(config["pretrained_cfg"])
            told: dict[str, Any] = json.loads((folder / FILE).read_bytes())
            return cls._from_dict(told)
        except (OSError, AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"{FILE} cannot be read: {error}") from None

    @classmethod
    def _from_dict(cls, told: dict[str, Any]) -> Self:
        shortest, size, crop = None, None, None
        if told.get("do_resize", True):
            asked = told.get("size", {"height": 224, "width": 224})
            by_side = told.get("do_center_crop") or "crop_pct" in told
            if isinstance(asked, int):  # of before 2023: the shorter side where a crop follows
                asked = {"shortest_edge": asked} if by_side else {"height": asked, "width": asked}
            if "crop_pct" in told:  # of ConvNeXT's processor, which ResNets come with
                side = int(asked["shortest_edge"])
                size = (side, side)
                if side < _CONVNEXT_CROPS_BELOW:
                    shortest, size, crop = int(side / told["crop_pct"]), None, (side, side)
            elif asked.keys() == {"shortest_edge"}:
                shortest = int(asked["shortest_edge"])
            elif asked.keys() == {"height", "width"}:
                size = int(asked["height"]), int(asked["width"])
            else:
                raise ValueError(f"{FILE} asks for a size of {', '.join(asked)}, which is not known")
        if told.get("do_center_crop"):
            asked = told.get("crop_size", 224)
            crop = (asked, asked) if isinstance(asked, int) else (int(asked["height"]), int(asked["width"]))
        if not told.get("do_rescale", True) or abs(told.get("rescale_factor", 1 / 255) - 1 / 255) > 1e-9:
            raise ValueError(f"{FILE} scales pixels otherwise than from 0 to 1, which is not known")
        mean, spread = (tuple(told.get(name, (0.5, 0.5, 0.5))) for name in ("image_mean", "image_std"))
        if not told.get("do_normalize", True):
            mean, spread = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        if len(mean) != 3 or len(spread) != 3:
            raise ValueError(f"{FILE} has {len(mean)} channels where pictures have 3")
        return cls(shortest, size, crop, mean, spread, told.get("resample", BILINEAR))

    @classmethod
    def _from_timm(cls, told: dict[str, Any]) -> Self:
        """As timm's own transform for evaluation: resized to more than the network is given, and the middle cut out."""
        if told.get("crop_mode", "center") != "center":
            raise ValueError(f"its config.json asks for the crop_mode {told['crop_mode']}, which is not known")
        _, height, width = told["input_size"]
        if height != width:
            raise ValueError(f"its config.json asks for pictures of {height} x {width}, which are not square")
        resample = _RESAMPLES.get(told.get("interpolation", "bilinear"))
        if resample is None:
            raise ValueError(f"its config.json asks for the interpolation {told['interpolation']}, which is not known")
        mean, spread = tuple(told["mean"]), tuple(told["std"])
        return cls(int(height / told.get("crop_pct", 0.875)), None, (height, width), mean, spread, resample)

    def save(self, folder: Path) -> None:
        """Write it so that transformers' `AutoImageProcessor` reads it too."""
        size = {"height": self.size[0], "width": self.size[1]} if self.size else {"shortest_edge": self.shortest}
        told = {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": self.size is not None or self.shortest is not None,
            "size": size if self.size or self.shortest else {"height": 224, "width": 224},
            "resample": self.resample,
            "do_center_crop": self.crop is not None,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(self.mean),
            "image_std": list(self.spread),
        }
        if self.crop:
            told["crop_size"] = {"height": self.crop[0], "width": self.crop[1]}
        (folder / FILE).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    def resized(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [height, width, 3], resized and cropped."""
        from PIL import Image

        height, width = pixels.shape[:2]
        wanted = self.size or (height, width)
        if self.shortest:
            short, long = sorted((height, width))
            longer = int(self.shortest * long / short)
            wanted = (self.shortest, longer) if height <= width else (longer, self.shortest)
        if wanted != (height, width):
            pixels = np.asarray(Image.fromarray(pixels).resize(wanted[::-1], Image.Resampling(self.resample)))
        return _middle(pixels, self.crop) if self.crop else pixels

    def normalised(self, pixels: np.ndarray) -> np.ndarray:
        """float32 [3, height, width] of [height, width, 3] with values from 0 to 255."""
        mean, spread = np.array(self.mean, np.float32), np.array(self.spread, np.float32)
        scaled = (pixels.astype(np.float32) * np.float32(1 / 255) - mean) / spread
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))


PUBLISHED = Preprocessing(
    shortest=256, crop=(224, 224), mean=(0.485, 0.456, 0.406), spread=(0.229, 0.224, 0.225), resample=BILINEAR
)
"""How torchvision shows pictures to its first weights of ResNets; mean and deviation are ImageNet's."""


def learnt(pictures: Sequence[bytes]) -> dict[str, Any]:
    """What is learnt of the training pictures (of some, evenly taken, where there are many), to be kept as JSON: the
    fields of `Preprocessing`, but for those that the recipe sets.

    Pictures of one size stay as large as they are, within MOST_PIXELS either way. Of those that differ the shorter side
    is resized to that of half of them, and the middle is cut out.
    """
    some = pictures[:: -(-len(pictures) // LOOKED_AT) or 1]
    mean, spread = channel_statistics(some)
    sizes = np.array([decode(data).shape[:2] for data in some]).reshape(-1, 2)
    told: dict[str, Any] = {"mean": list(mean), "spread": list(spread)}
    if len(sizes) and (sizes == sizes[0]).all():
        height, width = sizes[0]
        factor = min(1.0, MOST_PIXELS / max(height, width))
        return {**told, "size": [max(1, round(height * factor)), max(1, round(width * factor))]}
    side = int(np.median(sizes.min(axis=1))) if len(sizes) else MOST_PIXELS
    side = min(side, MOST_PIXELS)
    return {**told, "shortest": side, "crop": [side, side]}


def channel_statistics(pictures: Iterable[bytes]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels of `pictures` (of the training rows alone), from 0 to
    1. Sums of whole numbers: the same whatever the order."""
    count, sums, squares = 0, np.zeros(3, np.int64), np.zeros(3, np.int64)
    for data in pictures:
        pixels = decode(data).reshape(-1, 3).astype(np.int64)
        count, sums, squares = count + len(pixels), sums + pixels.sum(0), squares + (pixels**2).sum(0)
    mean = sums / max(count, 1)
    spread = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
    return tuple((mean / 255).tolist()), tuple(np.maximum(spread / 255, _LEAST_SPREAD).tolist())


def _middle(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    lacking = [max(0, wanted - there) for wanted, there in zip(size, pixels.shape, strict=False)]
    if any(lacking):
        around = [(-(-n // 2), n // 2) for n in lacking]
        pixels = np.pad(pixels, (*around, (0, 0)))
    top, left = ((there - wanted) // 2 for wanted, there in zip(size, pixels.shape, strict=False))
    return pixels[top : top + size[0], left : left + size[1]]
