"""The peer of tests/bench/first_day.py: transformers' Trainer on the same rows, from the same base, in the same time.

    python tests/bench/first_day_trainer.py '{"dataset": ..., "base": ..., ...}'    # the fields of `Task`

Its learning rate follows the clock: up in the first tenth of its time, then linearly down to nothing at the end, so
that the schedule is whole however fast the machine is. What is kept are the weights that are best on the validation
rows. Only steps cost it time: reading, tokenising, loading and validating do not. Prints one line of JSON.
"""

import contextlib
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import transformers
from product import f1_macro
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from stillhouse.components.artifacts.dataset import read_dataset_json, read_split

BATCH_ROWS = 16
EVALUATIONS = 5
WARMUP = 0.1
"""Share of the time."""
ENDLESS = 1_000_000
"""Steps that no run gets to: it ends by the clock."""


@dataclass(frozen=True)
class Task:
    """What to learn from what."""

    dataset: str
    """Folder that the product's step prepare wrote."""
    fresh: str
    """Parquet of texts and classes that no run has seen."""
    base: str
    """Folder."""
    max_length: int
    rate: float
    seconds: float
    seed: int


class Clock(TrainerCallback):
    """Adds up the time of the steps, asks for an evaluation at each fifth of it, and ends the training."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.used = 0.0
        self.evaluations = 0
        self._began = 0.0

    @property
    def share(self) -> float:
        """Of the time that is used."""
        return min(1.0, self.used / self.seconds)

    def factor(self, _: int) -> float:
        """Of the learning rate, now."""
        return min(self.share / WARMUP, (1 - self.share) / (1 - WARMUP))

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start of a step."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End of a step."""
        self.used += time.perf_counter() - self._began
        control.should_evaluate = int(self.share * EVALUATIONS) > self.evaluations
        control.should_training_stop = self.share == 1
        if control.should_evaluate:
            self.evaluations = int(self.share * EVALUATIONS)


class Timed(Trainer):
    """A Trainer whose learning rate follows a clock."""

    def __init__(self, clock: Clock, **settings: Any) -> None:
        super().__init__(callbacks=[clock], **settings)
        self.clock = clock

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """By the time, not by the steps."""
        over: Any = optimizer or self.optimizer
        self.lr_scheduler = LambdaLR(over, self.clock.factor)
        return self.lr_scheduler


def main() -> None:
    """Learn, and print what came of it."""
    task = Task(**json.loads(sys.argv[1]))
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    with contextlib.redirect_stdout(sys.stderr):
        result = learn(task)
    print(json.dumps(result))


def learn(task: Task) -> dict[str, Any]:
    """Macro-F1 on the test rows and the fresh ones, and what it took."""
    folder = Path(task.dataset)
    labels = read_dataset_json(folder)["labels"]
    tokenizer: Any = AutoTokenizer.from_pretrained(task.base)

    def encoded(texts: list[str], targets: list[int]) -> datasets.Dataset:
        ids = tokenizer(texts, truncation=True, max_length=task.max_length)
        return datasets.Dataset.from_dict({**ids, "labels": targets})

    train, validation, test = (
        encoded(split.values("text"), split.values("label"))
        for split in (read_split(folder, name) for name in ("train", "validation", "test"))
    )
    others = pq.read_table(task.fresh)
    fresh = encoded(others["text"].to_pylist(), others["label"].to_pylist()) if len(others) else []

    def scored(answers: EvalPrediction) -> dict[str, float]:
        return {"f1_macro": f1_macro(np.asarray(answers.predictions), np.asarray(answers.label_ids), labels)}

    set_seed(task.seed)
    clock = Clock(task.seconds)
    with tempfile.TemporaryDirectory() as temporary:
        trainer = Timed(
            clock,
            model=AutoModelForSequenceClassification.from_pretrained(task.base, num_labels=len(labels)),
            args=TrainingArguments(
                output_dir=temporary,
                per_device_train_batch_size=BATCH_ROWS,
                per_device_eval_batch_size=4 * BATCH_ROWS,
                max_steps=ENDLESS,
                learning_rate=task.rate,
                weight_decay=0.01,
                use_cpu=True,
                disable_tqdm=True,
                report_to=[],
                logging_strategy="no",
                seed=task.seed,
                eval_strategy="steps",
                eval_steps=ENDLESS,  # the clock asks for them
                save_strategy="best",
                save_total_limit=1,
                save_only_model=True,
                load_best_model_at_end=True,
                metric_for_best_model="f1_macro",
            ),
            train_dataset=train,
            eval_dataset=validation,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=scored,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        sets: list[tuple[str, Any]] = [("test", test), ("fresh", fresh)]
        f1 = {name: trainer.evaluate(rows, metric_key_prefix=name)[f"{name}_f1_macro"] for name, rows in sets if rows}
    steps = trainer.state.global_step
    taken = {"steps": steps, "epochs": steps * BATCH_ROWS / len(train), "trained_seconds": clock.used}
    return {**asdict(task), **taken, "f1": f1["test"], "fresh_f1": f1.get("fresh")}


if __name__ == "__main__":
    main()
