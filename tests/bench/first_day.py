"""The first day: five lines of recipe on sets that no default was chosen on, against a baseline and a peer.

    python tests/bench/first_day.py                         # all cells that are not done; stop it, and it goes on
    python tests/bench/first_day.py --only brown:300:1      # or brown, or brown:300; may be given several times
    python tests/bench/first_day.py --sets choose --without-trainer
    python tests/bench/first_day.py --table                 # writes docs/results.md from what is done

A cell is a set, a number of rows drawn from it, and a seed. Its rows become a CSV file and the five lines of the
README a recipe; `stillhouse run` makes of them what it makes, in a home of its own. Then transformers' Trainer has the
same rows, base, length and time, at five learning rates, of which the best on the *test* rows counts. Every model
answers up to 1,000 more rows of the set, too: the test split of 300 rows says little.

Each result is a line of tests/bench/results/first_day.jsonl. A cell is done when it has a line of the code as it is
(--any-code: of any); the Trainer's lines are taken over where rows, length and time are the same.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from data_sets import CACHE, DATA_SETS, Row, rows_of, sample
from first_day_table import Result, write
from product import add_line, code_digest, f1_macro, read_lines, run_recipe, stillhouse

from stillhouse.components.modalities.text.clean import cleaned
from stillhouse.components.storage.packages import ENGLISH, KNOWN, package_folder

RESULTS = Path(__file__).parent / "results/first_day.jsonl"
TRAINER = Path(__file__).with_name("first_day_trainer.py")
SIZES = (300, 1_500, 5_000)
SEEDS = (1, 2, 3)
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
FRESH_ROWS = 1_000
SAME_TIME = (0.97, 1.5)
"""A Trainer's result stands for a time of 1 where it had at least and at most so much: it is not to have less."""
BASE = f"package://{ENGLISH}"


@dataclass(frozen=True)
class Cell:
    """A set, so many rows of it, and what drew them."""

    set: str
    rows: int
    seed: int

    @property
    def folder(self) -> Path:
        """What is kept of it until the Trainer is done."""
        return CACHE / f"cells/{self.set}-{self.rows}-{self.seed}"

    def is_of(self, line: dict[str, Any]) -> bool:
        """Whether a line of the results is about it."""
        return (line["set"], line["rows"], line["seed"]) == (self.set, self.rows, self.seed)


# The product.


def run_product(cell: Cell) -> dict[str, Any]:
    """Run the five lines, score all models on fresh rows, keep the dataset for the peer; the line of the results."""
    drawn, others = sample(rows_of(cell.set), cell.rows, cell.seed)
    shutil.rmtree(cell.folder, ignore_errors=True)
    home = cell.folder / "home"
    home.mkdir(parents=True)
    recipe = write_recipe(cell, drawn)
    found, evaluation = run_recipe(recipe, home=home)
    line: dict[str, Any] = {"kind": "run", "set": cell.set, "rows": cell.rows, "seed": cell.seed, **found}
    if evaluation is None:
        return line
    (dataset,) = home.glob("pipeline/*/prepare/dataset")
    (teacher,) = home.glob("pipeline/*/finetune/teacher")
    shutil.copytree(dataset, cell.folder / "dataset")
    about = json.loads((dataset / "dataset.json").read_text())
    tfidf = next(name for name in evaluation["models"] if name.startswith("tfidf"))
    models = {"teacher": "teacher", "student": "student", "tfidf": tfidf, "majority": "majority"}
    promoted = promoted_kind(home, cell.set)
    line |= {
        "promoted": promoted,
        "f1": {
            name: evaluation["models"][model]["metrics"][evaluation["main_metric"]]["value"]
            for name, model in models.items()
        },
        "rows_per_second": {
            name: evaluation["models"][models[name]].get("rows_per_second") for name in ("teacher", "student", "tfidf")
        },
        "splits": about["rows"],
        "labels": len(about["labels"]),
        "content_digest": about["content_digest"],
        "max_length": json.loads((teacher / "model.json").read_text())["max_length"],
        "fresh": fresh_f1(cell, home, about, others),
    }
    for scores in (line["f1"], line["fresh"]):
        scores["promoted"] = scores.get(promoted) if promoted else None
    return line


def write_recipe(cell: Cell, rows: list[Row]) -> Path:
    """The rows as CSV, and the README's five lines about them."""
    with_group = rows[0].group is not None
    with (cell.folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "group"][: 3 if with_group else 2])
        writer.writerows(row if with_group else row[:2] for row in rows)
    recipe = cell.folder / "recipe.yaml"
    columns = "{text: text, label: label, group: group}" if with_group else "{text: text, label: label}"
    recipe.write_text(f"name: {cell.set}\ntask: text_classification\ndata:\n  source: rows.csv\n  columns: {columns}\n")
    return recipe


def promoted_kind(home: Path, name: str) -> str | None:
    """Which model is in production: `student`, `tfidf` or none."""
    record = home / f"store/promotions/{name}.json"
    if not record.is_file():
        return None
    digest = json.loads(record.read_text())["champion"]["digest"]
    info = json.loads((home / f"store/models/{digest}/model.json").read_text())
    return "student" if info.get("load") == "transformers" else "tfidf"


def fresh_f1(cell: Cell, home: Path, about: dict[str, Any], others: list[Row]) -> dict[str, Any]:
    """Macro-F1 of all model folders on rows that were not drawn; only of classes that they know."""
    place = {label: index for index, label in enumerate(about["labels"])}
    known = [row for row in others if row.label in place][:FRESH_ROWS]
    texts = cleaned(pa.array([row.text for row in known], pa.string()), about["cleaning"])
    targets = np.array([place[row.label] for row in known], np.int64)
    pq.write_table(pa.table({"text": texts, "label": targets}), cell.folder / "fresh.parquet")
    found: dict[str, Any] = {"rows": len(known)}
    if not known:
        return found
    questions, answers = cell.folder / "questions.parquet", cell.folder / "answers.jsonl"
    pq.write_table(pa.table({"text": texts}), questions)
    for name, pattern in {
        "teacher": "pipeline/*/finetune/teacher",
        "student": "pipeline/*/distill/student",
        "tfidf": "pipeline/*/evaluate/baseline",
    }.items():
        for model in home.glob(pattern):
            if error := stillhouse("predict", model, questions, "--out", answers, home=home):
                found[f"{name}_error"] = error
                continue
            given = [place[json.loads(answer)["label"]] for answer in answers.read_text().splitlines()]
            found[name] = f1_macro(np.eye(len(place))[given], targets, about["labels"])
    return found


# The peer.


def run_trainer(cell: Cell, run: dict[str, Any], rate: float) -> dict[str, Any]:
    """One learning rate; the line of the results."""
    task = {
        "dataset": str(cell.folder / "dataset"),
        "fresh": str(cell.folder / "fresh.parquet"),
        "base": str(package_folder(BASE)),
        "max_length": run["max_length"],
        "rate": rate,
        "seconds": run["seconds"]["finetune"],
        "seed": cell.seed,
    }
    done = subprocess.run(
        [sys.executable, TRAINER, json.dumps(task)],
        env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    about = {key: result[key] for key in result if key not in ("dataset", "fresh", "base")}
    return {
        "kind": "trainer",
        "set": cell.set,
        "rows": cell.rows,
        **about,
        "content_digest": run["content_digest"],
        "peer": peer_digest(),
        "load": os.getloadavg()[0],
    }


def peer_digest() -> str:
    """Of the peer's own code and the base."""
    return hashlib.sha256(TRAINER.read_bytes() + KNOWN[ENGLISH].version.encode()).hexdigest()[:12]


def stands_for(line: dict[str, Any], run: dict[str, Any]) -> bool:
    """Whether a Trainer's line is what it would be for this run, at its rate."""
    same = ("set", "rows", "seed", "content_digest", "max_length")
    if line["kind"] != "trainer" or any(line[key] != run.get(key) for key in same):
        return False
    least, most = (share * run["seconds"]["finetune"] for share in SAME_TIME)
    return line["peer"] == peer_digest() and least <= line["seconds"] <= most


# All cells.


def cells(only: list[str], use: str) -> Iterator[Cell]:
    """Those that are asked for and have the rows, one seed of all sets after the other, so that each hour tells most.

    A set that is smaller than the smallest size is taken whole.
    """
    asked = [text.split(":") for text in only]
    names = [name for name, about in DATA_SETS.items() if asked or use in ("all", about.use)]
    names = [name for name in names if not asked or any(parts[0] == name for parts in asked)]
    sizes = {name: _sizes(len(rows_of(name))) for name in names}
    for seed, name in product(SEEDS, names):
        for size in sizes[name]:
            here = [name, str(size), str(seed)]
            if not asked or any(parts == here[: len(parts)] for parts in asked):
                yield Cell(name, size, seed)


def _sizes(count: int) -> list[int]:
    return [size for size in SIZES if size <= count] or [count]


def do(cell: Cell, any_code: bool, without_trainer: bool) -> None:
    """What of a cell is not done."""
    code = code_digest()
    runs = [line for line in read_lines(RESULTS) if line["kind"] == "run" and cell.is_of(line)]
    known = next((line for line in reversed(runs) if any_code or line["code"] == code), None)
    missing = [] if known is None or without_trainer else missing_rates(known)
    if known is None or (missing and not (cell.folder / "dataset").is_dir()):
        print(f"{cell.set}:{cell.rows}:{cell.seed} stillhouse run", flush=True)
        known = run_product(cell)
        add_line(RESULTS, known)
        with suppress(FileNotFoundError):
            shutil.rmtree(cell.folder / "home")
    for rate in () if without_trainer else missing_rates(known):
        print(f"{cell.set}:{cell.rows}:{cell.seed} Trainer at {rate:g}", flush=True)
        add_line(RESULTS, run_trainer(cell, known, rate))


def missing_rates(run: dict[str, Any]) -> list[float]:
    """Learning rates that the Trainer has not been tried at; none where the product got no model."""
    if "f1" not in run:
        return []
    tried = {line["rate"] for line in read_lines(RESULTS) if stands_for(line, run)}
    return [rate for rate in RATES if rate not in tried]


def told() -> list[Result]:
    """The newest run of each cell, with the Trainer's results that stand for it."""
    lines = read_lines(RESULTS)
    newest = {(line["set"], line["rows"], line["seed"]): line for line in lines if line["kind"] == "run"}
    return [Result(run, [line for line in lines if stands_for(line, run)]) for run in newest.values()]


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="SET[:ROWS[:SEED]]")
    parser.add_argument("--sets", choices=["choose", "state", "all"], default="state")
    parser.add_argument("--any-code", action="store_true", help="results of earlier code count, too")
    parser.add_argument("--without-trainer", action="store_true")
    parser.add_argument("--table", action="store_true", help="write docs/results.md, and run nothing")
    asked = parser.parse_args()
    if not asked.table:
        for cell in cells(asked.only, asked.sets):
            do(cell, asked.any_code, asked.without_trainer)
    write(told())


if __name__ == "__main__":
    main()
