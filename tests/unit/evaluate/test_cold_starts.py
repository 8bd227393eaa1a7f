"""Cold starts: what is told of them, and a model that does not start."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.evaluate import cold_starts as module
from stillhouse.components.evaluate.cold_starts import cold_starts
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.tasks import task_of
from stillhouse.errors import UserError

TEST = Examples.of(text=["a row", "another"])


class Run:
    """Where progress goes."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def progress(self, *what: Any) -> None:
        self.told.append(what)


def measured(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: int = 3) -> dict[str, Any]:
    """Cold starts of a program in the place of a model's, in real processes."""
    (tmp_path / "stand_in.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "PROGRAM", "stand_in")
    settings = EvaluateSettings(task="text_classification", cold_starts=starts)
    return cold_starts({"student": tmp_path, "champion": tmp_path}, TEST, settings, Run())  # type: ignore[arg-type]


def test_seconds_end_with_the_answer_and_memory_is_what_the_process_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import time; time.sleep(0.1); print('a warning'); print(time.time(), 5_000_000); time.sleep(0.3)"
    found = measured(program, tmp_path, monkeypatch)
    assert set(found) == {"student", "champion"}
    student = found["student"]
    assert student["starts"] == 3
    assert student["memory_bytes"] == {
        "p50": 5e6,
        "p95": 5e6,
        "p50_bounds": [5e6, 5e6],
        "p95_bounds": [5e6, 5e6],
    }
    low, high = student["seconds"]["p50_bounds"]
    assert 0.1 < low <= student["seconds"]["p50"] <= high


def test_a_model_that_does_not_start_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError) as caught:
        measured("raise MemoryError('no room')", tmp_path, monkeypatch)
    assert str(caught.value) == (
        "evaluate.cold_starts: the student gives no answer in a process of its own (MemoryError: no room); set it to "
        "0, or give the step more memory."
    )


def test_none_are_made_where_none_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured("raise SystemExit(1)", tmp_path, monkeypatch, starts=0) == {}


def test_a_process_tells_its_own_memory_and_not_that_of_its_parent() -> None:
    ballast = bytearray(200_000_000)
    for page in range(0, len(ballast), 4096):
        ballast[page] = 1
    ask = "from stillhouse.components.evaluate.cold_start import _most_memory; print(_most_memory())"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert 5e6 < int(found.stdout) < 100e6


def test_a_model_is_loaded_and_answers_in_a_process_of_its_own(tmp_path: Path) -> None:
    """TF-IDF with a linear model, which needs no torch."""
    spec = Spec(format=1, task="text_classification", target="classes", labels=["ham", "spam"], content_digest="c")
    task = task_of(spec)
    train = Examples.of(text=["cheap pills offer", "meeting agenda notes"] * 10, label=[1, 0] * 10)
    task.write_baseline(task.fit_baseline(train, 1), tmp_path / "model", settings={})
    settings = EvaluateSettings(task="text_classification", cold_starts=1)
    found = cold_starts({"student": tmp_path / "model"}, train, settings, Run())["student"]  # type: ignore[arg-type]
    assert found["seconds"]["p50"] > 0
    assert 2e7 < found["memory_bytes"]["p50"] < 1e9
