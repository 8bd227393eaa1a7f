"""What checkpoints cost a training: the same steps with one every so many seconds, and without.

    python tests/bench/checkpoints.py                  # 2 layers of width 256, a checkpoint every 2 seconds
    python tests/bench/checkpoints.py --layers 6 --width 384 --every 60

They take turns for `--rounds` rounds. Printed: the megabytes of a checkpoint, how many were written, the share of the
time that the training itself spent on them (copying, never writing), and how much longer it took in all, the median
over rounds: on few cores the writer takes some of the processor too.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from transformers import AutoModelForSequenceClassification, BertConfig

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.storage.manifest import Corrupt
from stillhouse.components.storage.store import NotFound, open_store
from stillhouse.components.tasks import task_of
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.components.training.loop import Training
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings

VOCABULARY = 8000
ABOUT = {"task": "text_classification", "target": "classes", "labels": ["a", "b"], "columns": {}}
LENGTH = 128


class Silent:
    """A reporter that reports nothing."""

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Nothing."""

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """Nothing."""


class Timed(Checkpoints):
    """Checkpoints that know how long the training waited for them."""

    seconds = 0.0
    count = 0
    bytes = 0

    def save(self, step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Save, with a clock running."""
        began = time.perf_counter()
        super().save(step, tensors, state)
        self.seconds += time.perf_counter() - began
        self.count += 1
        self.bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def train(asked: argparse.Namespace, checkpoints: Checkpoints | None) -> float:
    """Seconds of one training."""
    torch.manual_seed(1)
    draw = np.random.default_rng(1)
    lengths = draw.integers(LENGTH // 4, LENGTH, size=asked.rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = draw.integers(5, VOCABULARY, size=offsets[-1]).astype(np.int32)
    model = AutoModelForSequenceClassification.from_config(
        BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=asked.width,
            num_hidden_layers=asked.layers,
            num_attention_heads=asked.width // 64,
            intermediate_size=4 * asked.width,
        )
    )
    task, targets = task_of(Spec.of_model(ABOUT)), draw.integers(0, 2, size=asked.rows)
    loss = task.training_loss(Examples.of(label=targets), class_weights="none", label_smoothing=0.0)
    training = Training(
        model,
        TextSamples(tokens, offsets, 0, targets),
        lambda network, batch: loss(task.forward(network, batch), batch),
        settings=LoopSettings(epochs=1, batch_tokens=2048, checkpoint_seconds=asked.every),
        optimizer=OptimizerSettings(),
        num_layers=asked.layers,
        report=Silent(),
        checkpoints=checkpoints,
    )
    began = time.perf_counter()
    training.run()
    return time.perf_counter() - began


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--every", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    longer, waited, written = [], [], []
    for number in range(asked.rounds):
        without = train(asked, None)
        with tempfile.TemporaryDirectory() as folder:
            checkpoints = Timed(open_store(Path(folder)), f"round-{number}", 2, damaged=(NotFound, Corrupt))
            with_them = train(asked, checkpoints)
            checkpoints.close()
        longer.append(with_them / without - 1)
        waited.append(checkpoints.seconds / with_them)
        written.append(f"{checkpoints.count} of {checkpoints.bytes / 1e6:.0f} MB in {with_them:.1f} s")
    Console().print(
        f"checkpoints: {'; '.join(written)}. The training spent {statistics.median(waited):.2%} of its time on them "
        f"and took {statistics.median(longer):+.1%} longer ({min(longer):+.1%} to {max(longer):+.1%})."
    )


if __name__ == "__main__":
    main()
