"""Plain sentences wherever something else wins, and only there."""

from typing import Any

import pytest

from stillhouse.components.evaluate.wording import comparison_notes, label_notes, model_name, signed

TITLES = {"tfidf_logistic": "TF-IDF + logistic regression", "majority": "Majority answer"}


def evaluation(**values: float) -> dict[str, Any]:
    """Student at 0.90; the others' values as given, far outside chance unless they are within 0.02."""
    models = {"student": 0.9, "teacher": 0.95, "tfidf_logistic": 0.8, "majority": 0.4} | values
    document: dict[str, Any] = {
        "main_metric": "f1_macro",
        "greater_is_better": True,
        "confidence": 0.95,
        "models": {
            name: {"metrics": {"f1_macro": {"value": value}}, "title": TITLES.get(name, "")}
            for name, value in models.items()
        },
        "differences": {},
        "latency_ratio": {"teacher": 0.5},
    }
    for name, value in models.items():
        document["models"][name]["latency_ms"] = {"p50": 4.0}
        if name != "student":
            lead = 0.9 - value
            document["differences"][name] = {
                "rows": 1000,
                "difference": lead,
                "lower": lead - 0.02,
                "upper": lead + 0.02,
            }
    return document


def test_a_student_ahead_of_all_baselines_has_no_notes() -> None:
    assert comparison_notes(evaluation(), "macro-F1") == []


def test_a_clear_winner_beats_the_student() -> None:
    (note,) = comparison_notes(evaluation(champion=0.94), "macro-F1")
    assert note == (
        "The champion beats the student: macro-F1 0.940 against 0.900 on the same 1,000 test rows "
        "(student minus other −0.040, 95% bounds −0.060 and −0.020)."
    )


def test_a_lead_within_chance_is_called_that() -> None:
    (note,) = comparison_notes(evaluation(tfidf_logistic=0.91), "macro-F1")
    assert "is ahead of the student" in note
    assert "the difference may be chance" in note


def test_a_draw_is_called_a_draw() -> None:
    (note,) = comparison_notes(evaluation(majority=0.9), "macro-F1")
    assert note.startswith("The majority answer is as good as the student")


def test_a_winner_that_is_also_faster_is_said_to_be() -> None:
    document = evaluation(tfidf_logistic=0.94)
    document["models"]["tfidf_logistic"]["latency_ms"]["p50"] = 0.5
    (note,) = comparison_notes(document, "macro-F1")
    assert note.endswith("It is also faster: 0.5 ms a row against 4.0 ms.")


def test_a_baseline_at_the_teachers_level_is_noted() -> None:
    notes = comparison_notes(evaluation(teacher=0.79), "macro-F1")
    assert notes == ["TF-IDF + logistic regression does not lose to the teacher either: macro-F1 0.800 against 0.790."]


def test_a_student_no_faster_than_its_teacher_is_noted() -> None:
    document = evaluation()
    document["latency_ratio"]["teacher"] = 1.0
    assert comparison_notes(document, "macro-F1") == [
        "The student is not faster than the teacher: 4.0 ms a row against 4.0 ms."
    ]


@pytest.mark.parametrize(("value", "text"), [(-0.0415, "−0.042"), (0.5, "+0.500"), (0.0, "+0.000")])
def test_differences_carry_their_sign(value: float, text: str) -> None:
    assert signed(value) == text


def test_where_less_is_better_the_lower_one_wins() -> None:
    document = evaluation(majority=0.8)
    document["greater_is_better"] = False
    notes = comparison_notes(document, "error")
    assert notes[0].startswith("TF-IDF + logistic regression beats the student: error 0.800 against 0.900")
    assert notes[1].startswith("The majority answer beats the student: error 0.800 against 0.900")
    assert notes[2] == ("TF-IDF + logistic regression does not lose to the teacher either: error 0.800 against 0.950.")


def test_a_task_without_a_strong_baseline_is_held_against_the_others() -> None:
    document = evaluation(majority=0.9)
    for part in (document["models"], document["differences"]):
        del part["tfidf_logistic"]
    (note,) = comparison_notes(document, "macro-F1")
    assert note.startswith("The majority answer is as good as the student")


def test_a_model_is_called_by_its_title_or_by_its_name() -> None:
    models = evaluation()["models"]
    assert [model_name(name, models) for name in ("student", "tfidf_logistic")] == [
        "Student",
        "TF-IDF + logistic regression",
    ]


def test_labels_that_are_never_answered_are_named_in_a_sentence() -> None:
    per_label = [{"label": label, "rows": rows} for label, rows in (("ham", 4), ("spam", 3), ("eggs", 0))]
    document = {"never_answered": ["spam"], "models": {"student": {"per_label": per_label}}}
    assert label_notes(document) == ["1 of 3 labels the student never answers with: 'spam' (3 test rows)."]
