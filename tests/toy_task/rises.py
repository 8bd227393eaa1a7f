"""A kind of problem as a package of its own has it: which numbers of a row are larger than the one before them?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stillhouse.components.config.settings import Settings
from stillhouse.components.models.loaded import LoadedModel, info_of_trained
from stillhouse.components.targets.measure import Measure
from stillhouse.components.targets.parse import Targets
from stillhouse.components.targets.signal import Ragged
from stillhouse.components.tasks.interface.task import AS_EVALUATED, Field, Task, Unit


class Shape(Settings):
    width: int = 16


@dataclass
class Numbers:
    """Rows of numbers, padded in batches; answers and truths are as long as their rows."""

    rows: list[list[float]]
    truths: list[list[bool]] | None

    def __post_init__(self) -> None:
        self.lengths = np.array([len(row) for row in self.rows], np.int64)

    def batch(self, rows: np.ndarray, epoch: int) -> dict[str, Any]:
        import torch

        mask = np.arange(self.lengths[rows].max()) < self.lengths[rows][:, None]
        values, labels = np.zeros(mask.shape, np.float32), np.full(mask.shape, np.nan, np.float32)
        values[mask] = np.concatenate([self.rows[row] for row in rows])
        if self.truths is not None:
            labels[mask] = np.concatenate([self.truths[row] or [np.nan] * self.lengths[row] for row in rows])
        return {name: torch.from_numpy(of) for name, of in (("values", values), ("mask", mask), ("labels", labels))}


class Rises(Task):
    fields: ClassVar = {"values": Field("list"), "rises": Field("list", target=True)}
    unit = Unit("number", batch=256, micro_batch=1024)
    Architecture = Shape
    measures = (Measure("accuracy", "Numbers that are right", lambda s, w: w @ s["hits"] / (w @ s["numbers"])),)

    def standardise(self, example: Any) -> Any:
        return {"values": [float(value) for value in example["values"]]} if example["values"] else "empty"

    def parse(self, values: Any, where: Any, reading: Any) -> Targets:
        return Targets("rises", [], [row and tuple(str(of).lower() == "true" for of in row) for row in values])

    def build(self, start: Any, architecture: Any, examples: Any, *, like: Any = None) -> Any:
        from rises_model import RisesConfig, RisesModel

        made = RisesModel(RisesConfig(width=(architecture or Shape()).width)) if start is None else None
        return LoadedModel(made or RisesModel.from_pretrained(start), None)

    def load(self, folder: str | Path, device: str = "cpu") -> LoadedModel:
        model = self.build(str(folder), None, None).model.to(device).eval()
        return LoadedModel(model, None, info_of_trained(Path(folder)))

    def samples(self, loaded: Any, examples: Any, view: Any = AS_EVALUATED) -> Numbers:
        return Numbers(examples.values("values"), examples.values("rises") if "rises" in examples else None)

    def loss(self, outputs: Any, batch: Any) -> Any:
        from torch.nn.functional import binary_cross_entropy_with_logits

        logits, labels = outputs.logits[known := ~batch["labels"].isnan()], batch["labels"][known]
        return binary_cross_entropy_with_logits(logits, labels, reduction="sum"), len(labels)

    def signal(self, outputs: Any, batch: Any, temperature: float) -> dict[str, Ragged]:
        return {"logits": Ragged(outputs.logits[batch["mask"]], batch["mask"].sum(1))}

    def distillation_loss(self, outputs: Any, signal: Any, batch: Any, temperature: float) -> Any:
        from torch.nn.functional import mse_loss

        own = outputs.logits[batch["mask"]]
        return mse_loss(own, signal["logits"], reduction="sum"), len(own)

    def answers(self, outputs: Any, batch: Any) -> list[np.ndarray]:
        masks = batch["mask"].cpu().numpy()
        return [logits[mask] for logits, mask in zip(outputs.logits.float().cpu().numpy(), masks, strict=True)]

    def unanswered(self, answers: Any) -> np.ndarray:
        return np.array([np.isnan(each).any() for each in answers], bool)

    def statistics(self, answers: Any, examples: Any) -> dict[str, np.ndarray]:
        pairs = list(zip(answers, examples.values("rises"), strict=True))
        hits = [float(((each > 0) == np.array(truth)).sum()) for each, truth in pairs]
        return {"hits": np.array(hits), "numbers": np.array([len(truth) for _, truth in pairs], float)}

    def trivial(self, train: Any, examples: Any) -> list[np.ndarray]:
        share = np.concatenate(train.values("rises")).mean()
        return [np.full(len(row), share - 0.5) for row in examples.values("values")]

    def rows(self, answers: Any, examples: Any) -> Any:
        return ({"rises": (each > 0).tolist()} for each in answers)
