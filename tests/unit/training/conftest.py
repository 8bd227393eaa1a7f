"""A toy: a bag of words under two small layers tells whether a sample holds more of token 3 than of token 4."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, open_store
from stillhouse.components.training.batches import Samples
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.components.training.loop import Evaluation, Reporter, Training
from stillhouse.components.training.randomness import seed_everything
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings

NUM_LAYERS = 2


class ToySamples:
    """60 ragged samples; with `noise` another tenth of the tokens is hidden in each epoch. Keeps what was asked for."""

    def __init__(self, noise: bool) -> None:
        draw = np.random.default_rng(5)
        self.rows = [draw.integers(3, 12, size=length) for length in draw.integers(4, 30, size=60)]
        self.lengths = np.array([len(row) for row in self.rows])
        self.targets = np.array([(row == 3).sum() > (row == 4).sum() for row in self.rows]).astype(np.int64)
        self.noise = noise
        self.asked: list[list[int]] = []

    def batch(self, rows: np.ndarray, epoch: int) -> dict[str, torch.Tensor]:
        """input_ids and labels, int64 [rows, longest] and [rows]; 0 is padding."""
        self.asked.append(rows.tolist())
        ids = np.zeros((len(rows), self.lengths[rows].max()), np.int64)
        for line, row in zip(ids, rows, strict=True):
            line[: self.lengths[row]] = self.rows[row]
            if self.noise:
                line[np.random.default_rng([epoch, row]).random(len(line)) < 0.1] = 0
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(self.targets[rows])}


class ToyModel(nn.Module):
    """Mean of the embeddings, layers named as transformers names them, and a head; the head may share a weight."""

    def __init__(self, dropout: float, tied: bool) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(12, 8, padding_idx=0)
        layers = [
            nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Dropout(dropout), nn.ReLU()) for _ in range(NUM_LAYERS)
        ]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.words = nn.Linear(8, 12, bias=False)
        if tied:
            self.words.weight = self.embeddings.weight
        self.classifier = nn.Linear(12, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits [rows, 2]."""
        states = self.embeddings(ids).sum(1) / (ids > 0).sum(1, keepdim=True).clamp(min=1)
        for layer in self.encoder["layer"].children():
            states = states + layer(states)
        return self.classifier(self.words(states))


def toy_loss(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Sum of the cross-entropies, and how many rows."""
    logits = model(batch["input_ids"])
    return nn.functional.cross_entropy(logits, batch["labels"], reduction="sum"), len(logits)


class Record:
    """A reporter that keeps what it is told; `after_step` is called with the number of steps done in this process."""

    def __init__(self) -> None:
        self.points: list[tuple[int, dict[str, float]]] = []
        self.steps = 0
        self.after_step: Callable[[int], Any] = lambda step: None

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Keep points."""
        self.points.append((step, values))

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """One step is done."""
        self.steps += 1
        self.after_step(self.steps)

    def curve(self, name: str) -> dict[int, float]:
        """Points of a curve by their step."""
        return {step: values[name] for step, values in self.points if name in values}


class Toy:
    """A training of the toy, made anew at each call of `make` and the same each time."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(folder / "store")
        self.record = Record()

    def checkpoints(self, keep: int = 2) -> Checkpoints:
        """Its checkpoints."""
        return Checkpoints(self.store, "toy", keep, damaged=(NotFound, Corrupt))

    def make(
        self,
        *,
        noise: bool = False,
        dropout: float = 0.0,
        tied: bool = False,
        optimizer: Mapping[str, Any] | None = None,
        evaluation: Evaluation | None = None,
        checkpoints: Checkpoints | None = None,
        unfreezing: Any = None,
        **loop: Any,
    ) -> Training:
        """A training with random weights from seed 1."""
        seed_everything(1)
        self.record = Record()
        settings = {"epochs": 4, "batch_tokens": 128, **loop}
        options = {} if unfreezing is None else {"unfreezing": unfreezing}
        return Training(
            ToyModel(dropout, tied),
            self.samples(noise),
            toy_loss,
            settings=LoopSettings.model_validate(settings),
            optimizer=OptimizerSettings.model_validate({"learning_rate": 0.02, **(optimizer or {})}),
            num_layers=NUM_LAYERS,
            report=self.reporter(),
            evaluation=evaluation,
            checkpoints=checkpoints,
            **options,
        )

    @staticmethod
    def weights(training: Training) -> dict[str, torch.Tensor]:
        """A copy of the model's weights."""
        return {name: tensor.clone() for name, tensor in training.model.state_dict().items()}

    @staticmethod
    def difference(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> float:
        """Largest difference between two sets of weights."""
        assert one.keys() == other.keys()
        return max((one[name] - other[name]).abs().max().item() for name in one)

    def samples(self, noise: bool = False) -> Samples:
        """The toy's samples."""
        return ToySamples(noise)

    def reporter(self) -> Reporter:
        """The record of the training made last."""
        return self.record

    def accuracy(self) -> Evaluation:
        """Share of right answers on the samples without noise, and the loss."""
        samples = ToySamples(noise=False)

        def measure(model: nn.Module) -> dict[str, float]:
            batch = samples.batch(np.arange(len(samples.rows)), 0)
            logits = model(batch["input_ids"])
            return {
                "accuracy": (logits.argmax(-1) == batch["labels"]).double().mean().item(),
                "loss": nn.functional.cross_entropy(logits, batch["labels"]).item(),
            }

        return Evaluation(measure, "accuracy")


@pytest.fixture
def toy(tmp_path: Path, one_thread: None) -> Toy:
    """A toy with a store of its own."""
    return Toy(tmp_path)
