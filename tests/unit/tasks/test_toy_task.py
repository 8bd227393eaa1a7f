"""The toy task under an entry point: trained, distilled, stopped and gone on with to the same bits."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_package import rows, write_entry_point

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.tasks import task_of
from stillhouse.components.training.preemption import Preempted

Workshop = Any
"""conftest.Workshop"""
SHORT = {"task": "rises", "loop": {"epochs": 3, "batch_tokens": 64, "checkpoint_seconds": 1e-6}}
SHAPE = {"architecture": {"width": 4}}


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows of numbers, and a package whose entry point names the task."""
    write_entry_point(tmp_path / "package")
    monkeypatch.syspath_prepend(tmp_path / "package")
    folder, draw = tmp_path / "dataset", random.Random(3)
    folder.mkdir()
    for split, number in {"train": 60, "validation": 20, "test": 20, "unlabelled": 10}.items():
        values, truths = rows(number, draw, 9)
        columns: dict[str, Any] = {"hash": [f"{len(split)}{row:031x}" for row in range(number)], "values": values}
        columns |= {} if split == "unlabelled" else {"rises": truths}
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
    spec = {"format": 1, "task": "rises", "target": "rises", "labels": [], "columns": {}, "content_digest": "e" * 64}
    (folder / "dataset.json").write_text(json.dumps(spec))
    return folder


def test_it_is_stopped_and_goes_on_to_the_same_bits(workshop: Workshop, dataset: Path) -> None:
    teacher = workshop.run("finetune", SHORT, dataset=dataset, name="teacher")
    with pytest.raises(Preempted):
        workshop.run("finetune", SHORT, dataset=dataset, stop_after=5, name="teacher-again")
    assert workshop.run("finetune", SHORT, dataset=dataset, name="teacher-again").weights == teacher.weights
    paths = {"dataset": dataset, "teacher": teacher.model}
    student = workshop.run("distill", {**SHORT, "student": SHAPE}, **paths, name="student")
    with pytest.raises(Preempted):
        workshop.run("distill", {**SHORT, "student": SHAPE}, **paths, stop_after=5, name="student-again")
    again = workshop.run("distill", {**SHORT, "student": SHAPE}, **paths, name="student-again")
    assert again.weights == student.weights
    assert again.figures["teacher_hit_share"] == pytest.approx(2 / 3)


def test_answers_are_as_long_as_their_rows(workshop: Workshop, dataset: Path) -> None:
    done = workshop.run("finetune", SHORT, dataset=dataset)
    task = task_of(Spec.of_model(done.info))
    values = [[0.5], [0.1, 0.9, -0.4], [0.2, 0.3]]
    answers = task.answer(task.load(done.model), Examples.of(values=values))
    assert [len(answer) for answer in answers] == [1, 3, 2]
