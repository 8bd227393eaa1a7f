"""A task that has no labels, no strong baseline and lists for answers is measured, compared, reported and gated."""

import html
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from word_lengths import write_dataset, write_model

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.evaluate.evaluate import evaluate
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.promote.choice import choose
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.tracking.run import StepRun

Run = Callable[..., Evaluation]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Evaluates a right student and a teacher that is wrong on every word of more than three characters."""
    points = "[stillhouse.tasks]\n" + "".join(
        f"{name} = word_lengths:{kind}\n"
        for name, kind in (("word_lengths", "WordLengths"), ("with_baseline", "WordLengthsWithBaseline"))
    )
    package = tmp_path / "words-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: words\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))

    def done(task: str = "word_lengths", champion: str = "", off: float = 0.0) -> Evaluation:
        write_dataset(tmp_path / "dataset", task)
        settings = {"resamples": 200, "latency_rows": 8, "latency_rounds": 1, "slices": ["list"]}
        evaluate(
            EvaluateSettings.model_validate({"task": task, **settings}),
            champion=champion,
            dataset=tmp_path / "dataset",
            teacher=write_model(tmp_path / "teacher", task, 1.0),
            student=write_model(tmp_path / "student", task, off),
            evaluation=tmp_path / "evaluation.json",
            report=tmp_path / "report.html",
            baseline=tmp_path / "baseline",
            metrics=None,
            classification=None,
            run=StepRun("evaluate", "run-1", tmp_path / "home"),
        )
        return Evaluation.from_file(tmp_path / "evaluation.json")

    return done


def entry_of(folder: Path) -> str:
    return json.dumps({"version": "2", "digest": "d" * 64, "uri": str(folder)})


def test_measures_differences_and_slices_are_those_of_the_task(run: Run) -> None:
    found = run()
    # Of the 13 words of the texts 4 have more than three characters: some, bees, tree, trees.
    assert (found.main_metric, found.greater_is_better) == ("share_right", True)
    values = {name: model.metrics["share_right"].value for name, model in found.models.items()}
    assert values == {"student": 1.0, "teacher": pytest.approx(9 / 13), "majority": pytest.approx(4 / 13)}
    assert found.models["teacher"].metrics["miss"].value == pytest.approx(4 / 13)
    assert found.differences["teacher"].difference == pytest.approx(4 / 13)
    assert found.differences["teacher"].lower > 0
    assert found.differences["teacher"].p_value == pytest.approx(2 * 0.5**12)  # half of the 24 rows have such a word
    assert {name: part.rows for name, part in found.slices.items()} == {"list=no": 18, "list=yes": 6}
    assert found.models["student"].per_label == []
    student = found.models["student"].model_extra or {}
    assert student["words_per_second"] > (found.models["student"].rows_per_second or 0)


def test_without_a_strong_baseline_all_that_there_is_is_said(run: Run, tmp_path: Path) -> None:
    found = run()
    assert (found.baselines, found.strong_baseline, found.candidates) == (["majority"], None, {})
    assert found.evidence.half_rows is None
    assert not (tmp_path / "baseline" / "model.json").exists()
    choice = choose(found, PromoteSettings(model_name="words", task="word_lengths", min_test_rows=20), None)
    assert (choice.model, choice.said) == ("student", "")
    assert {gate.name for gate in choice.gates} >= {"test_rows", "within_teacher", "beat_majority"}
    assert [gate.name for gate in choice.gates if not gate.passed and "latency" not in gate.name] == []


def test_a_strong_baseline_that_is_no_model_is_measured_and_must_be_beaten(run: Run) -> None:
    found = run("with_baseline", off=1.0)
    assert (found.strong_baseline, found.candidates) == ("one_more", {})
    assert found.models["one_more"].title == "One more"
    assert found.models["one_more"].metrics["share_right"].value == pytest.approx(6 / 13)
    assert found.evidence.half_rows is not None
    choice = choose(found, PromoteSettings(model_name="words", task="with_baseline", must_beat="one_more"), None)
    assert choice.model == "student"
    assert {gate.name: gate.passed for gate in choice.gates}["beat_one_more"]
    assert choice.said.startswith("The student beats One more by 0.231")


def test_the_report_shows_the_worst_examples_and_the_unit_of_the_task(run: Run, tmp_path: Path) -> None:
    run(off=1.0)
    page = html.unescape((tmp_path / "report.html").read_text())
    assert "words/s" in page
    assert "share of right lengths" in page
    assert "The trivial answer stands in the tables only" in page
    # 'some bees' and 'trees' have no right word, 'it is a tree' three of four.
    assert "student's error: 1.000" in page
    assert "<b>text</b> some bees" in page
    assert "<b>answered</b> [5, 5]" in page
    assert "Where it errs" not in page
    assert "calibration error" not in page
    assert "(is nearer to)" in page


def test_a_champion_that_answers_the_same_question_is_compared(run: Run, tmp_path: Path) -> None:
    champion = write_model(tmp_path / "champion", "word_lengths", 1.0)
    found = run(champion=entry_of(champion))
    assert found.champion is not None and found.champion.compared
    assert found.rows.unseen_by_champion == 24
    assert found.differences["champion"].difference == pytest.approx(4 / 13)


def test_a_champion_whose_answers_mean_something_else_is_left_out(run: Run, tmp_path: Path) -> None:
    champion = write_model(tmp_path / "champion", "word_lengths", 1.0, labels=("inch", "ell"))
    found = run(champion=entry_of(champion))
    assert found.champion is not None and not found.champion.compared
    assert found.champion.why_not == "it answers with 'inch', 'ell', the data hold none"


def test_examples_without_an_answer_are_counted(run: Run) -> None:
    """Off by minus nine, no word of more than three characters has a length above zero."""
    found = run(off=-9.0)
    assert found.models["student"].unanswered_rows == 12
