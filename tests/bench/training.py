"""Real tokens per second of our fine-tuning against transformers' Trainer: same model, emails, threads, one run.

    python tests/bench/training.py                    # length 2,048, 2 layers of width 128
    python tests/bench/training.py --length 512
    python tests/bench/training.py --layers 6 --width 384 --rows 128

Every contestant starts from the same weights and learns each email once, so that all see equal tokens; they take
turns for `--rounds` rounds. Printed: real tokens per second (padding does not count), the share of real tokens, the
loss on held-out emails afterwards, and our speed as a ratio to each peer, the median over rounds.
"""

import argparse
import copy
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.modalities.text.samples import TextSamples
from stillhouse.components.models.loaded import LoadedModel
from stillhouse.components.models.settings import Architecture
from stillhouse.components.tasks.interface.task import Batch, View
from stillhouse.components.tasks.text_classification import TextClassification
from stillhouse.components.training.loop import Training
from stillhouse.components.training.score import mean_loss
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings

EMAILS = Path(__file__).parents[2] / "pipelines/recipes/data/spam-assassin.parquet"
BATCH_ROWS = 32
LEARNING_RATE = 1e-4
HELD_OUT_ROWS = 256
ABOUT = {"task": "text_classification", "target": "classes", "labels": ["ham", "spam"], "columns": {}}
PEERS = {
    "Trainer, pad to max": ("random", "max_length"),
    "Trainer, dynamic padding": ("random", "longest"),
    "Trainer, group by length": ("group_by_length", "longest"),
}
OURS = "Stillhouse"


@dataclass(frozen=True)
class Result:
    """What one contestant did in one round."""

    tokens_per_second: float
    fill_ratio: float
    loss: float


@dataclass(frozen=True)
class Bench:
    """What all contestants share."""

    start: LoadedModel
    train: TextSamples
    labels: np.ndarray
    held_out: TextSamples
    length: int
    loss: Callable[..., Any]

    def settings(self) -> LoopSettings:
        """Ours, with as many tokens a batch as BATCH_ROWS rows have on average."""
        tokens = int(BATCH_ROWS * self.train.lengths.mean())
        return LoopSettings(epochs=1, batch_tokens=tokens, max_length=self.length, precision="float32")

    def held_out_loss(self, model: PreTrainedModel) -> float:
        """Mean loss on the held-out emails."""
        model.eval()
        return mean_loss(model, self.held_out, self.loss, self.settings())


class Silent:
    """A reporter that reports nothing."""

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Nothing."""

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """Nothing."""


def ours(bench: Bench) -> Result:
    """One epoch of our loop, at a constant learning rate like the peers."""
    model = copy.deepcopy(bench.start.model)
    optimizer = OptimizerSettings(learning_rate=LEARNING_RATE, warmup=0.0, schedule="constant")
    training = Training(
        model,
        bench.train,
        bench.loss,
        settings=bench.settings(),
        optimizer=optimizer,
        num_layers=model.config.num_hidden_layers,
        report=Silent(),
    )
    began = time.perf_counter()
    history = training.run()
    seconds = time.perf_counter() - began
    return Result(history.units / seconds, history.units / history.padded_units, bench.held_out_loss(model))


def peer(bench: Bench, sampling: str, padding: str) -> Result:
    """One epoch of transformers' Trainer."""
    model = copy.deepcopy(bench.start.model)
    padded_tokens = 0

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        nonlocal padded_tokens
        batch = bench.start.processor.pad(rows, padding=padding, max_length=bench.length, return_tensors="pt")
        padded_tokens += batch["input_ids"].numel()
        return dict(batch)

    arguments = TrainingArguments(
        output_dir="unused",
        per_device_train_batch_size=BATCH_ROWS,
        num_train_epochs=1,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        weight_decay=0.01,
        optim="adamw_torch_fused",
        train_sampling_strategy=sampling,
        use_cpu=True,
        disable_tqdm=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        seed=1,
    )
    samples = bench.train
    ids = [part.tolist() for part in np.split(samples.tokens, samples.offsets[1:-1])]
    rows = {"input_ids": ids, "attention_mask": [[1] * len(part) for part in ids], "labels": bench.labels.tolist()}
    emails = datasets.Dataset.from_dict(rows)
    trainer = Trainer(model=model, args=arguments, train_dataset=emails, data_collator=collate)
    clock = Clock()
    trainer.add_callback(clock)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    tokens = int(samples.lengths.sum())
    return Result(tokens / clock.seconds, tokens / padded_tokens, bench.held_out_loss(model))


class Clock(TrainerCallback):
    """The seconds of the training itself, without the Trainer's set-up."""

    seconds = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        self.seconds = -time.perf_counter()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Stop."""
        self.seconds += time.perf_counter()


def make_bench(layers: int, width: int, length: int, rows: int) -> Bench:
    """Emails of the shipped corpus, drawn with a fixed seed, and a model from random weights."""
    table = pq.read_table(EMAILS).take(np.random.default_rng(1).permutation(6046)[: rows + HELD_OUT_ROWS])
    texts = [f"{s}\n{b}" for s, b in zip(table["subject"].to_pylist(), table["body"].to_pylist(), strict=True)]
    targets = np.array([label == "spam" for label in table["label"].to_pylist()], dtype=np.int64)
    task = TextClassification(Spec.of_model(ABOUT))
    torch.manual_seed(1)
    architecture = Architecture(layers=layers, width=width, heads=width // 64, max_length=length)
    emails = Examples.of(text=texts, label=targets)
    start = task.build(None, architecture, emails)
    train, held_out = (
        task.samples(start, part, View(length))
        for part in (emails.head(rows), emails.take(np.arange(rows, len(emails))))
    )
    learning = task.training_loss(emails.head(rows), class_weights="none", label_smoothing=0.0)

    def loss(network: nn.Module, batch: Batch) -> tuple[torch.Tensor, int]:
        return learning(task.forward(network, batch), batch)

    return Bench(start, train, targets[:rows], held_out, length, loss)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    bench = make_bench(asked.layers, asked.width, asked.length, asked.rows)
    results: dict[str, list[Result]] = {name: [] for name in (OURS, *PEERS)}
    for _ in range(asked.rounds):
        results[OURS].append(ours(bench))
        for name, (sampling, padding) in PEERS.items():
            results[name].append(peer(bench, sampling, padding))
    Console(width=110).print(table_of(results, asked, bench))


def table_of(results: dict[str, list[Result]], asked: argparse.Namespace, bench: Bench) -> Table:
    """Medians over the rounds, and our speed as a ratio to each peer, paired round by round."""
    title = (
        f"{asked.layers} layers of width {asked.width}, length {asked.length:,}, {asked.rows} emails of "
        f"{bench.train.lengths.mean():.0f} tokens on average, {torch.get_num_threads()} threads, {asked.rounds} rounds"
    )
    table = Table(title=title)
    for heading in ("", "real tokens/s", "real share", "held-out loss", "ours / peer", "loss, ours to peer"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, rounds in results.items():
        ratios = [
            mine.tokens_per_second / theirs.tokens_per_second
            for mine, theirs in zip(results[OURS], rounds, strict=True)
        ]
        losses = statistics.median(r.loss for r in rounds), statistics.median(r.loss for r in results[OURS])
        table.add_row(
            name,
            f"{statistics.median(r.tokens_per_second for r in rounds):,.0f}",
            f"{rounds[0].fill_ratio:.2f}",
            f"{losses[0]:.4f}",
            "" if name == OURS else f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            "" if name == OURS else f"{losses[1] / losses[0] - 1:+.1%}",
        )
    return table


if __name__ == "__main__":
    main()
