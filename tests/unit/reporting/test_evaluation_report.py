"""The evaluation report in a real browser, for each kind of target."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import pictures_of, task_of_pictures
from tagged_words import SPEC, tagged

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.artifacts.verdict import Gate, Verdict
from stillhouse.components.evaluate.comparison import compare
from stillhouse.components.evaluate.contestants import Contestant
from stillhouse.components.evaluate.flips import described
from stillhouse.components.evaluate.mistakes import worst_mistakes
from stillhouse.components.evaluate.report import write_report
from stillhouse.components.evaluate.results import Findings
from stillhouse.components.evaluate.settings import EvaluateSettings
from stillhouse.components.evaluate.wording import comparison_notes, label_notes, short_name
from stillhouse.components.promote.told import Measured, with_verdict
from stillhouse.components.targets.tokens import TagAnswer
from stillhouse.components.tasks import Task, task_of
from stillhouse.components.tasks.interface.results import Results

OpenPage = Callable[[Path, int], Any]
ROWS = 80
TEXTS = ["<script>alert('mail')</script> cheap pills " + "averylongword" * 20] * ROWS
TRAININGS = [
    {
        "step": step,
        "metric": metric,
        "steps": 60,
        "best": best,
        "best_step": best_step,
        "stopped": False,
        "losses": [[i, 3.0 / (i + 1)] for i in range(1, 61)],
        "points": [[20, first], [40, best], [60, last]],
    }
    for step, metric, best, best_step, first, last in [
        ("pretrain", "perplexity", 30.0, 40, 900.0, 31.0),
        ("finetune", "f1_macro", 0.91, 40, 0.5, 0.88),
        ("distill", "f1_macro", 0.93, 60, 0.6, 0.93),
    ]
]
CHAMPION = Entry(
    version="3",
    digest="d" * 64,
    uri="store://models/d",
    run="mails-20261115-170914",
    dataset_digest="c" * 64,
    statistics_uri="store://datasets/c/dataset.json",
    promoted_at="2026-11-15T17:12:00+00:00",
)
SECTIONS = [
    "At a glance",
    "All models",
    "How they learnt",
    "Label by label",
    "Where it errs",
    "Most confused",
    "Speed and size",
    "Slices",
    "Worst mistakes",
    "Negative flips",
    "How it was measured",
]


def targets_of(target: str, num_labels: int) -> np.ndarray:
    generator = np.random.default_rng(1)
    if target == "number":
        return generator.normal(size=ROWS)
    if target == "multi_label":
        return (generator.random((ROWS, num_labels)) < 0.3).astype(float)
    return np.arange(ROWS) % num_labels


def scores_of(target: str, targets: np.ndarray, num_labels: int, noise: float, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if target == "number":
        return (targets + noise * generator.normal(size=ROWS))[:, None]
    truth = targets if target == "multi_label" else targets[:, None] == np.arange(num_labels)
    leaning = 3.0 * truth + noise * generator.normal(size=truth.shape)
    if target == "multi_label":
        return 1 / (1 + np.exp(1.5 - leaning))
    return np.exp(leaning) / np.exp(leaning).sum(axis=1, keepdims=True)


def findings(target: str, num_labels: int, *, champion: bool = True) -> Findings:
    """What a step might have found whose student is worse than its TF-IDF baseline."""
    labels = [f"label {i}" for i in range(num_labels)]
    targets = targets_of(target, num_labels)
    spec = Spec(format=1, task="text_classification", target=target, labels=labels, content_digest="")
    task, test = task_of(spec), Examples.of(text=TEXTS, label=targets.tolist())
    noise = {"student": 1.5, "teacher": 1.2, "champion": 2.0, "tfidf_logistic": 0.2, "majority": 9.0}
    titles = {"tfidf_logistic": task.baseline_title, "majority": task.trivial_title}
    contestants = {
        name: Contestant(scores_of(target, targets, num_labels, level, seed), title=titles.get(name, ""))
        for seed, (name, level) in enumerate(noise.items())
        if champion or name != "champion"
    }
    return found_of(task, test, contestants)


def found_of(task: Task, test: Examples, contestants: dict[str, Contestant]) -> Findings:
    """What a step finds where these have answered; a champion has not seen 50 of the rows."""
    champion, settings = "champion" in contestants, EvaluateSettings(task=task.spec.task, resamples=100)
    ground = (task.ground(task, test), np.arange(ROWS) < 50) if champion else None
    statistics = {
        name: task.statistics(contestant.answers, test)
        for name, contestant in contestants.items()
        if name != "champion"
    }
    models, differences, flips = compare(task, contestants, statistics, test, ground, settings, lambda done: None)
    for name, contestant in contestants.items():
        models[name] |= contestant.described()
    for size, name in enumerate(("tfidf_logistic", "champion", "student", "teacher"), 1):
        if name in models:
            models[name] |= {"parameters": size * 10**6, "rows_per_second": 900 / size, "bytes": size * 4 * 10**6}
            models[name] |= {"latency_ms": {"p50": 1.5 * size, "p90": 4.0 * size}, "tokens_per_second": 9e4 / size}
    document: dict[str, Any] = {
        "main_metric": task.measures[0].name,
        "greater_is_better": True,
        "confidence": 0.95,
        "rows": {"test": ROWS, "unseen_by_champion": 50 if champion else None},
        "models": models,
        "differences": differences["student"],
        "latency_ratio": {"teacher": 0.75},
        **({"negative_flips": described(int(flips["student"].sum()), 50, 0.95)} if flips else {}),
        "slices": {"list=yes": {"rows": 30, "value": 0.9, "low": 0.8, "high": 0.95}},
        "never_answered": task.never_answered(statistics["student"]),
    }
    document["notes"] = [*comparison_notes(document, task.measures[0].title), *label_notes(document)]
    worst = partial(
        worst_mistakes,
        task,
        test,
        contestants["student"].answers,
        contestants["teacher"].answers,
        statistics["student"],
    )
    return Findings(
        task=task,
        results=Results(test, statistics, document, lambda name: short_name(name, models)),
        settings=settings,
        source="mails.csv",
        mistakes=worst(5),
        flips=worst(5, flips["student"]) if flips else [],
        trainings=TRAININGS,
    )


KINDS = [("classes", 2), ("classes", 10), ("classes", 70), ("multi_label", 3), ("number", 0)]


@pytest.mark.parametrize(("target", "num_labels"), KINDS)
@pytest.mark.parametrize("width", [1280, 480])
def test_the_report_fits_and_is_silent(
    tmp_path: Path, open_page: OpenPage, target: str, num_labels: int, width: int
) -> None:
    write_report(tmp_path / "report.html", findings(target, num_labels))
    opened = open_page(tmp_path / "report.html", width)
    assert opened.overflow <= 0
    assert opened.messages == []
    assert opened.requests == []


@pytest.mark.parametrize("width", [1280, 480])
def test_with_its_verdict_it_fits_too_and_begins_with_it(tmp_path: Path, open_page: OpenPage, width: int) -> None:
    path, found = tmp_path / "report.html", findings("classes", 2)
    write_report(path, found)
    more = {"format": 1, "task": "text_classification", "seed": 1}
    verdict = Verdict(
        format=1,
        decision="rejected",
        why="Not promoted, version 3 stays in production: " + "averylongword" * 20,
        model_name="mails",
        notes=["A note."],
        gates=[Gate("within_teacher", False, 0.1, 0.02, "It is worse. " * 12)],
        evaluation=Evaluation.model_validate(found.evaluation | more),
        champion_before=CHAMPION,
        run="mails-20261122-170914",
        time="2026-11-22T17:12:00+00:00",
    )
    spec = Spec(
        format=1,
        task="text_classification",
        target="classes",
        labels=found.task.spec.labels,
        columns={"text": ["text"], "label": "label"},
        source="s3://" + "long" * 60,
        content_digest="c" * 64,
    )
    past = [Measured(f"2026-01-{day:02}", 0.9 + day / 1000, 0.88, 0.96) for day in range(1, 25)]
    path.write_text(with_verdict(path.read_text(), verdict, spec, past))
    opened = open_page(path, width)
    assert (opened.overflow, opened.messages, opened.requests) == (0, [], [])
    first = opened.page.locator("section").first
    assert first.locator("h2").inner_text() == "mails not promoted"
    assert first.locator("circle").count() == 25


def test_all_sections_are_there_and_visible(tmp_path: Path, open_page: OpenPage) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2))
    headings = open_page(tmp_path / "report.html", 480).page.locator("h2")
    assert headings.all_inner_texts() == SECTIONS
    assert all(heading.is_visible() for heading in headings.all())


@pytest.mark.parametrize("width", [1280, 480])
def test_the_worst_mistakes_on_pictures_are_seen_as_pictures(tmp_path: Path, open_page: OpenPage, width: int) -> None:
    test = pictures_of(ROWS, 3)
    noise = {"student": 3.0, "teacher": 1.2, "majority": 9.0}
    answers = {
        name: Contestant(scores_of("classes", np.array(test.values("label")), 3, level, seed))
        for seed, (name, level) in enumerate(noise.items())
    }
    write_report(tmp_path / "report.html", found_of(task_of_pictures("classes", test), test, answers))
    opened = open_page(tmp_path / "report.html", width)
    pictures = opened.page.locator("section", has_text="Worst mistakes").last.locator("img")
    assert pictures.count() == 5
    assert pictures.evaluate_all("all => all.map(one => one.naturalWidth)") == [96] * 5
    assert (opened.overflow, opened.messages, opened.requests) == (0, [], [])


@pytest.mark.parametrize("width", [1280, 480])
def test_the_worst_mistakes_on_words_are_marked_in_their_text(tmp_path: Path, open_page: OpenPage, width: int) -> None:
    test, task = tagged(ROWS), task_of(SPEC)
    draw = np.random.default_rng(1)

    def answers(wrong: float) -> Contestant:
        given = [np.where(draw.random(len(tags)) < wrong, 0, tags).astype(np.int32) for tags in test.values("tags")]
        return Contestant([TagAnswer(tags, np.full(len(tags), 0.9, np.float32)) for tags in given])

    contestants = {"student": answers(0.2), "teacher": answers(0.1), "majority": answers(0.9)}
    write_report(tmp_path / "report.html", found_of(task, test, contestants))
    opened = open_page(tmp_path / "report.html", width)
    shown = opened.page.locator("section", has_text="Worst mistakes").last
    assert shown.locator("mark").count() >= 5
    assert shown.locator("ruby").count() > 0
    assert {"LOC", "PER"} & {text.strip() for text in shown.locator("mark s").all_inner_texts()}
    assert (opened.overflow, opened.messages, opened.requests) == (0, [], [])


def test_a_baseline_that_wins_is_said_at_the_top_and_marked_in_the_table(tmp_path: Path, open_page: OpenPage) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2))
    page = open_page(tmp_path / "report.html", 1280).page
    top = page.locator("section").first.inner_text()
    assert "TF-IDF + logistic regression beats the student" in top
    row = page.locator("section").nth(1).locator("tr", has_text="TF-IDF").first
    assert row.locator("b").count() >= 4


def test_rows_that_the_champion_has_right_and_the_student_wrong_are_counted_and_shown(
    tmp_path: Path, open_page: OpenPage
) -> None:
    found = findings("classes", 2)
    told = found.evaluation["negative_flips"]
    write_report(tmp_path / "report.html", found)
    shown = open_page(tmp_path / "report.html", 1280).page.locator("section", has_text="Negative flips").last
    assert f"Of 50 rows the student has {told['number']} wrong that the champion has right: " in shown.inner_text()
    assert 0 < shown.locator(".shown").count() == min(5, told["number"])
    assert "student: label" in shown.inner_text()


def test_where_answers_are_not_right_or_wrong_it_says_that_no_flips_are_counted(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings("number", 0))
    page = (tmp_path / "report.html").read_text()
    assert "Answers here are not right or wrong but nearer or further off, so no negative flips are counted." in page


def test_without_a_champion_there_is_nothing_to_flip_from(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2, champion=False))
    assert "Negative flips" not in (tmp_path / "report.html").read_text()


def test_mistakes_are_shown_as_text(tmp_path: Path, open_page: OpenPage) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2))
    page = open_page(tmp_path / "report.html", 480).page
    assert page.locator("script").count() == 0
    example = page.locator("section", has_text="Worst mistakes").locator(".shown", has_text="cheap pills").first
    assert example.inner_text().startswith("<script>alert('mail')</script> cheap pills")


@pytest.mark.parametrize("num_labels", [2, 10, 50])
@pytest.mark.parametrize("width", [1280, 480])
def test_each_number_of_the_matrix_can_be_read_and_each_label_is_beside_its_row(
    tmp_path: Path, open_page: OpenPage, num_labels: int, width: int
) -> None:
    found = findings("classes", num_labels)
    write_report(tmp_path / "report.html", found)
    matrix = open_page(tmp_path / "report.html", width).page.locator("table.matrix")
    assert sorted(matrix.locator("tbody th").all_inner_texts()) == sorted(found.task.spec.labels)
    cells = [int(text) for text in matrix.locator("tbody td").all_inner_texts() if text]
    assert sum(cells) == ROWS
    clipped = "cells => cells.filter(c => c.scrollWidth > c.clientWidth || c.clientHeight < 12).length"
    assert matrix.locator("tbody td").evaluate_all(clipped) == 0
    assert matrix.evaluate("table => parseFloat(getComputedStyle(table).fontSize)") >= 9


def test_of_more_labels_than_fit_those_confused_most_are_shown_and_none_is_lost(tmp_path: Path) -> None:
    found = findings("classes", 70)
    write_report(tmp_path / "report.html", found)
    page = (tmp_path / "report.html").read_text()
    assert "The 49 labels that are confused most; the others stand together." in page


def test_labels_that_cost_most_come_first_and_one_never_answered_is_named(tmp_path: Path, open_page: OpenPage) -> None:
    found = findings("classes", 3)
    for row, f1, rows in zip(found.models["student"]["per_label"], (0.9, 0.0, 0.5), (100, 6, 40), strict=True):
        row |= {"f1": f1, "rows": rows}
    found.results.evaluation["never_answered"] = ["label 1"]
    write_report(tmp_path / "report.html", found)
    table = open_page(tmp_path / "report.html", 1280).page.locator("section", has_text="Label by label").locator("tr")
    cells = [row.locator("td").all_inner_texts() for row in table.all()][1:]
    assert [(row[0], row[2]) for row in cells] == [("label 2", "0.1370"), ("label 0", "0.0685"), ("label 1", "0.0411")]
    assert cells[2][3] == "never answered"


def test_the_kept_weights_are_marked_on_the_curve_of_each_training(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2))
    page = (tmp_path / "report.html").read_text()
    for title in (
        "pretrain: loss in training",
        "pretrain: perplexity on the",
        "finetune: macro-F1 on the validation rows",
    ):
        assert title in page
    assert "kept: 0.91" in page
    assert "past its best" in page


def test_a_training_whose_measure_chooses_nothing_is_not_said_to_get_better(
    tmp_path: Path, open_page: OpenPage
) -> None:
    adversarial = TRAININGS[0] | {"metric": "discriminator_perplexity", "best_step": 60, "keeps_last": True}
    write_report(tmp_path / "report.html", dataclasses.replace(findings("classes", 2), trainings=[adversarial]))
    table = open_page(tmp_path / "report.html", 1280).page.locator("section", has_text="How they learnt").locator("tr")
    cells = table.nth(1).locator("td").all_inner_texts()
    assert (cells[2], cells[-1]) == ("nothing: the last weights", "at its last step")


def test_without_a_history_no_curves_are_drawn(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", dataclasses.replace(findings("classes", 2), trainings=[]))
    assert "How they learnt" not in (tmp_path / "report.html").read_text()


def test_a_measure_that_no_model_has_gets_no_column(tmp_path: Path) -> None:
    found = findings("classes", 2)
    for entry in found.models.values():
        entry["metrics"].pop("roc_auc")
    write_report(tmp_path / "report.html", found)
    assert "ROC AUC" not in (tmp_path / "report.html").read_text()


def test_of_very_many_numbers_an_even_sample_is_drawn(tmp_path: Path) -> None:
    found = findings("number", 0)
    student = {name: np.repeat(values, 50) for name, values in found.results.statistics["student"].items()}
    results = dataclasses.replace(found.results, statistics={"student": student})
    many = dataclasses.replace(found, results=results)
    write_report(tmp_path / "report.html", many)
    assert "True against answered, 1,000 rows" in (tmp_path / "report.html").read_text()


def test_without_a_champion_the_report_says_so(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2, champion=False))
    page = (tmp_path / "report.html").read_text()
    assert "no champion to compare with" in page
    assert "The champion is measured" not in page


def test_the_champions_rows_are_named(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings("classes", 2))
    assert "The champion is measured on the 50 test rows" in (tmp_path / "report.html").read_text()


def test_a_champion_measured_on_fewer_rows_is_never_marked_as_best(tmp_path: Path) -> None:
    found = findings("classes", 2)
    found.models["champion"]["metrics"]["f1_macro"]["value"] = 1.01
    write_report(tmp_path / "report.html", found)
    assert "<b>1.010</b>" not in (tmp_path / "report.html").read_text()


def test_slices_that_were_found_are_listed_with_what_is_sure_of_them(tmp_path: Path) -> None:
    found = findings("classes", 2)
    slices = [
        {"name": "with the word 'refund'", "rows": 30, "value": 0.5, "bound": 0.71, "p_value": 0.0002},
        {"name": "characters: 9 to 12", "rows": 20, "value": 0.8, "bound": 1.0, "p_value": 0.4},
    ]
    told = {"looked_at": 212, "least_rows": 10, "correction": "Holm", "sure": 1, "slices": slices}
    found.evaluation["found_slices"] = told
    write_report(tmp_path / "report.html", found)
    page = (tmp_path / "report.html").read_text()
    assert "212 slices of the test rows with 10 rows or more were looked at, and 1 is surely answered worse" in page
    assert "with the word &#39;refund&#39;" in page

    found.evaluation["found_slices"] = {**told, "sure": 0, "slices": []}
    write_report(tmp_path / "report.html", found)
    assert "and none are surely answered worse" in (tmp_path / "report.html").read_text()


def test_latency_has_its_bounds_and_cold_starts_a_table_of_their_own(tmp_path: Path) -> None:
    found = findings("classes", 2)
    found.models["student"]["latency_ms"] |= {"p95": 8.25, "p50_bounds": [2.9, 3.1], "p95_bounds": [7.0, 9.75]}
    spread = {"p50": 2.5, "p95": 3.0, "p50_bounds": [2.25, 2.75], "p95_bounds": [2.5, 3.5]}
    memory = {
        name: [1e8 * value for value in each] if isinstance(each, list) else 1e8 * each for name, each in spread.items()
    }
    found.models["student"]["cold"] = {"starts": 5, "seconds": spread, "memory_bytes": memory}
    write_report(tmp_path / "report.html", found)
    page = (tmp_path / "report.html").read_text()
    for told in ("7.0 to 9.8", "2.25 to 2.75", "225 to 275", "Cold: from the start of a process of its own"):
        assert told in page
