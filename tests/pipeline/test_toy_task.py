"""A kind of problem that another package brings: one file under an entry point goes through the whole pipeline."""

import json
import random
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from runs import Outcome, run_recipe, stillhouse
from toy_package import rows, write_entry_point

TASK = Path(__file__).parents[1] / "toy_task"
RECIPE = """
name: rises
task: rises
budget: none
data: {source: rows.jsonl}
model: {base: "", teacher: {width: 16}, student: {architecture: {width: 4}}}
finetune: {loop: {epochs: 12}, optimizer: {learning_rate: 0.02}}
distill: {loop: {epochs: 24}, optimizer: {learning_rate: 0.02}}
evaluate: {resamples: 200, latency_rows: 8}
promote: {within_teacher: 0.05}
"""


class Toy(NamedTuple):
    """A run of the toy."""

    outcome: Outcome
    home: Path
    folder: Path


def written(number: int, seed: int) -> list[dict[str, list[Any]]]:
    """Rows of a file."""
    values, rises = rows(number, random.Random(seed), 12)
    return [{"values": row, "rises": truth} for row, truth in zip(values, rises, strict=True)]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A package with the task, made known to the command, and a run of it."""
    folder = tmp_path_factory.mktemp("toy")
    shutil.copytree(TASK, folder / "package", ignore=shutil.ignore_patterns("__pycache__"))
    write_entry_point(folder / "package")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in written(400, 1)))
    (folder / "rises.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "package"))
        return Toy(run_recipe(folder / "rises.yaml", folder / "home"), folder / "home", folder)


def test_a_task_is_one_short_file() -> None:
    assert len((TASK / "rises.py").read_text().splitlines()) < 100


def test_it_is_trained_distilled_gated_and_promoted(toy: Toy) -> None:
    assert toy.outcome.code == 0, toy.outcome.printed
    assert toy.outcome.verdict["decision"] == "promoted"
    models = toy.outcome.verdict["evaluation"]["models"]
    measured = {name: model["metrics"]["accuracy"]["value"] for name, model in models.items()}
    assert measured["student"] > 0.9 > measured["majority"]


def test_the_report_names_its_measure_and_its_unit(toy: Toy) -> None:
    report = next(toy.home.glob("*/report.html")).read_text()
    assert "Numbers that are right" in report
    assert "numbers/s" in report


def test_predict_answers_a_file_with_the_champion(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(toy.folder / "package"))
    fresh = written(20, 2)
    (toy.folder / "fresh.jsonl").write_text("".join(json.dumps({"values": row["values"]}) + "\n" for row in fresh))
    done = stillhouse("predict", "models:/rises@champion", toy.folder / "fresh.jsonl", home=toy.home)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line)["rises"] for line in done.stdout.splitlines()]
    right = [
        a == b for answer, row in zip(answers, fresh, strict=True) for a, b in zip(answer, row["rises"], strict=True)
    ]
    assert sum(right) > 0.9 * len(right)
