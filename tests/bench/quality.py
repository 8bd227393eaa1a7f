"""Quality of the shipped recipe over seeds, and what pretraining is worth where labels are few.

    python tests/bench/quality.py                 # three seeds, all labels
    python tests/bench/quality.py --few-labels    # 240 labelled emails: pretrained against random weights

Every line is one `stillhouse run spam --set ...` of its own, in a home of its own; the figures are those of its
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
    "pretrain.loop.epochs=8",
    "finetune.loop.epochs=10",
    "finetune.loop.batch_tokens=2048",
]
"""A budget of labels: 240 training rows keep theirs, the other rows are text for pretraining."""


def run(home: Path, *overrides: str) -> dict[str, Any]:
    """One run of the recipe; its evaluation."""
    settings = [word for override in overrides for word in ("--set", override)]
    done = subprocess.run(
        [STILLHOUSE, "run", "spam", "--home", home, *settings], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    (verdict,) = home.glob("*/verdict.json")
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
    headings = ("seed", "from pretrained weights", "from random weights", "difference", "TF-IDF + logistic regression")
    for heading in headings:
        table.add_column(heading, justify="right")
    lines = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as home:
            pretrained = run(Path(home, "pretrained"), f"seed={seed}", *FEW_LABELS)
            random = run(Path(home, "random"), f"seed={seed}", *FEW_LABELS, "pretrain.objective=none")
        scores = f1(pretrained, "teacher"), f1(random, "teacher")
        lines.append((*scores, scores[0] - scores[1], f1(pretrained, "tfidf_logistic")))
        table.add_row(str(seed), *(f"{value:.4f}" for value in lines[-1]))
    table.add_row("mean", *(f"{statistics.mean(column):.4f}" for column in zip(*lines, strict=True)))
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
