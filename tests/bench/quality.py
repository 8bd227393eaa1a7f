"""Quality of the shipped recipe over seeds, and what pretraining is worth where labels are few.

    python tests/bench/quality.py                 # three seeds, all labels
    python tests/bench/quality.py --few-labels    # 240 labelled emails: pretrained against random weights

Every figure is of a `stillhouse run spam --set ...`, each seed in a home of its own; the figures are those of its
verdict, on the test split (macro-F1).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

STILLHOUSE = Path(sys.executable).with_name("stillhouse")
LABELLED_ROWS = 240
FEW_LABELS = [
    f"prepare.labelled_rows={LABELLED_ROWS}",
    "model.teacher={layers: 2, width: 128, heads: 2, vocab_size: 8000, max_length: 256, dropout: 0.0}",
    "pretrain.loop={epochs: 12, max_length: 256}",
    "pretrain.optimizer.learning_rate=0.002",
    "pretrain.mask_probability=0.2",
    "distill.loop.epochs=1",
]
"""A budget of labels: 240 training rows keep theirs, the other rows are text for pretraining. Students are not looked
at here."""
UNTAUGHT = ["pretrain.loop={epochs: 1, max_length: 128}", "pretrain.optimizer.learning_rate=1e-12"]
"""Random weights with the very tokenizer that the pretrained ones have."""
FINETUNINGS = {
    "3 epochs, 0.0005": ["finetune.loop={epochs: 3, max_length: 256}", "finetune.optimizer.learning_rate=0.0005"],
    "10 epochs, 0.001": ["finetune.loop={epochs: 10, max_length: 256, batch_tokens: 2048}"],
}
"""The defaults of finetune, and three times as many epochs of twice as many steps at the recipe's learning rate."""


def run(home: Path, *overrides: str) -> dict[str, Any]:
    """One more run of the recipe under `home`; its evaluation."""
    before = set(home.glob("*/verdict.json"))
    settings = [word for override in overrides for word in ("--set", override)]
    done = subprocess.run(
        [STILLHOUSE, "run", "spam", "--home", home, *settings], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    (verdict,) = set(home.glob("*/verdict.json")) - before
    return json.loads(verdict.read_text())["evaluation"]


def f1(evaluation: dict[str, Any], model: str) -> float:
    """Macro-F1 of a model on the test split."""
    return evaluation["models"][model]["metrics"]["f1_macro"]["value"]


def all_labels(seeds: list[int]) -> Table:
    """Teacher, student and the strongest baseline, seed by seed."""
    table = Table(title=f"spam, all labels, {len(seeds)} seeds: macro-F1 on the test split")
    for heading in ("seed", "teacher", "student", "kept", "parameters", "throughput", "TF-IDF + logistic regression"):
        table.add_column(heading, justify="right")
    lines = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as home:
            evaluation = run(Path(home), f"seed={seed}")
        teacher, student = (evaluation["models"][name] for name in ("teacher", "student"))
        lines.append(
            (
                f1(evaluation, "teacher"),
                f1(evaluation, "student"),
                f1(evaluation, "student") / f1(evaluation, "teacher"),
                student["parameters"] / teacher["parameters"],
                student["rows_per_second"] / teacher["rows_per_second"],
                f1(evaluation, "tfidf_logistic"),
            )
        )
        table.add_row(str(seed), *written(lines[-1]))
    table.add_row("mean", *written(tuple(statistics.mean(column) for column in zip(*lines, strict=True))))
    return table


def written(line: tuple[float, ...]) -> tuple[str, ...]:
    """The cells of one line."""
    teacher, student, kept, parameters, throughput, peer = line
    return f"{teacher:.4f}", f"{student:.4f}", f"{kept:.1%}", f"{parameters:.0%}", f"{throughput:.1f}x", f"{peer:.4f}"


def few_labels(seeds: list[int]) -> Table:
    """The teacher fine-tuned from pretrained weights against the same architecture from random weights."""
    table = Table(
        title=f"spam, {LABELLED_ROWS} labelled emails, {len(seeds)} seeds: the teacher's macro-F1 on the test split"
    )
    headings = (
        "fine-tuning",
        "seed",
        "from pretrained weights",
        "from random weights",
        "difference",
        "TF-IDF + logistic regression",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    lines: dict[str, list[tuple[float, ...]]] = {name: [] for name in FINETUNINGS}
    for seed in seeds:
        # One home: what is pretrained once is taken from the cache by the second fine-tuning.
        with tempfile.TemporaryDirectory() as home:
            for name, finetuning in FINETUNINGS.items():
                settled = (f"seed={seed}", *FEW_LABELS, *finetuning)
                pretrained, random = run(Path(home), *settled), run(Path(home), *settled, *UNTAUGHT)
                scores = f1(pretrained, "teacher"), f1(random, "teacher")
                lines[name].append((*scores, scores[0] - scores[1], f1(pretrained, "tfidf_logistic")))
    for name, of_seeds in lines.items():
        means = tuple(statistics.mean(column) for column in zip(*of_seeds, strict=True))
        for seed, line in zip([*map(str, seeds), "mean"], [*of_seeds, means], strict=True):
            table.add_row(name, seed, *(f"{value:.4f}" for value in line))
    return table


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few-labels", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    asked = parser.parse_args()
    Console(width=120).print((few_labels if asked.few_labels else all_labels)(asked.seeds))


if __name__ == "__main__":
    main()
