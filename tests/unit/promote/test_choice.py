"""Student or baseline: which of them goes into production, and what the verdict says of it."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.promote.conftest import BEATEN, Evaluate, Workplace

from stillhouse.components.promote.choice import Choice, choose
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.wording import first_sentences, what_next
from stillhouse.components.tasks import baselines_of, known_tasks
from stillhouse.components.tracking.spool import read_events

Choose = Callable[..., Choice]
STRONG = "tfidf_logistic"
TFIDF = "TF-IDF + logistic regression"
NEXT = (
    "To try next: more rows (on half of the 4,000 training rows TF-IDF + logistic regression loses 0.031), a base (the "
    "teacher started from random weights), a larger budget (finetune and distill still gained at the last evaluation)."
)


@pytest.fixture
def chosen(evaluate: Evaluate) -> Choose:
    """The choice for an evaluation in which the student is beaten, with some changes and settings."""

    def choice(changes: dict[str, Any] | None = None, *, champion: bool = False, **settings: Any) -> Choice:
        given = PromoteSettings(model_name="spam", task="text_classification", **settings)
        document = evaluate({**BEATEN, **(changes or {})}, champion=champion)
        return choose(document, given, None)

    return choice


def failed(choice: Choice) -> list[str]:
    return [gate.name for gate in choice.gates if not gate.passed]


def test_a_baseline_that_the_student_does_not_reach_is_the_candidate_in_its_place(chosen: Choose) -> None:
    choice = chosen()

    assert (choice.model, failed(choice)) == ("tfidf_logistic", [])
    assert [gate.name for gate in choice.gates] == ["test_rows", "beat_majority"]
    assert [gate.name for gate in choice.passed_over if not gate.passed] == ["beat_tfidf_logistic"]


def test_one_whose_student_has_answers_that_are_no_numbers_too(chosen: Choose) -> None:
    ahead = {"rows": 1000, "difference": 0.02, "lower": 0.01, "upper": 0.03, "p_value": 0.0}
    choice = chosen({"differences/tfidf_logistic": ahead, "models/student/unanswered_rows": 3})

    assert choice.model == "tfidf_logistic"
    assert choice.said == (
        f"The student beats {TFIDF} by 0.020 (0.010 to 0.030); {TFIDF} was promoted in its place. {NEXT}"
    )


def test_never_where_a_setting_prefers_the_student(chosen: Choose) -> None:
    assert (chosen(prefer="student").model, failed(chosen(prefer="student"))) == ("student", ["beat_tfidf_logistic"])


def test_not_where_the_student_need_not_beat_it(chosen: Choose) -> None:
    choice = chosen(must_beat="majority")

    assert (choice.model, failed(choice)) == ("student", [])


def test_not_where_the_student_fails_another_gate_alone(chosen: Choose) -> None:
    level = {"rows": 1000, "difference": 0.0, "lower": -0.005, "upper": 0.005, "p_value": 1.0}
    choice = chosen({"differences/tfidf_logistic": level}, max_bytes=2_000_000)

    assert (choice.model, failed(choice)) == ("student", ["max_bytes"])


CHAMPION = "candidates/tfidf_logistic/differences/champion"


@pytest.mark.parametrize(
    ("changes", "settings", "gate"),
    [
        ({f"{CHAMPION}/lower": -0.02}, {}, "at worst 0.0200 worse than the champion's"),
        ({}, {"min_metric": 0.995}, "f1_macro is 0.9900; at least 0.995 is asked for."),
        ({}, {"max_bytes": 999_999}, "The weights take 1,000,000 bytes"),
        ({}, {"slice_floors": {"a=b": 0.9}}, "No test row lies in the slice a=b"),
        ({"candidates/tfidf_logistic/latency_ratio_bounds/champion": [1.6, 1.9]}, {}, "1.6 to 1.9 by chance"),
        ({"candidates/tfidf_logistic/differences/majority/lower": -0.1}, {}, "the majority baseline's"),
        ({f"{CHAMPION}/rows": 12}, {}, "12 test rows that the champion never saw"),
    ],
)
def test_it_has_to_hold_the_gates_that_apply_to_it(
    chosen: Choose, changes: dict[str, Any], settings: dict[str, Any], gate: str
) -> None:
    choice = chosen(changes, champion=True, **settings)

    assert choice.model == "student"
    assert "beat_tfidf_logistic" in failed(choice)
    assert f"{TFIDF} is not promoted in its place: " in choice.said
    assert gate in choice.said.partition("in its place: ")[2]


def test_the_champion_is_what_it_is_held_against(chosen: Choose) -> None:
    names = {gate.name for gate in chosen(champion=True).gates}

    assert names == {"test_rows", "champion_rows", "within_champion", "beat_majority", "latency_vs_champion"}


def test_an_evaluation_of_an_earlier_release_knows_no_other_candidate(evaluate: Any) -> None:
    settings = PromoteSettings(model_name="spam", task="text_classification")
    before = evaluate({"differences/tfidf_logistic": BEATEN["differences/tfidf_logistic"]})

    choice = choose(before, settings, None)

    assert (choice.model, failed(choice)) == ("student", ["beat_tfidf_logistic"])
    assert choice.said == "tfidf_logistic is better than the student by 0.052 (0.021 to 0.083)."
    assert choose(evaluate(), settings, None).said == ""


@pytest.mark.parametrize(
    ("difference", "lower", "upper", "in_its_place", "sentence"),
    [
        (0.014, 0.006, 0.022, False, f"The student beats {TFIDF} by 0.014 (0.006 to 0.022)."),
        (
            0.01,
            -0.005,
            0.02,
            False,
            f"The student is ahead of {TFIDF} by 0.010 (-0.005 to 0.020), which may be chance.",
        ),
        (-0.052, -0.083, -0.021, False, f"{TFIDF} is better than the student by 0.052 (0.021 to 0.083). {NEXT}"),
        (
            *(-0.052, -0.083, -0.021, True),
            f"{TFIDF} is better than the student by 0.052 (0.021 to 0.083) and was promoted in its place. {NEXT}",
        ),
        (
            *(-0.01, -0.05, 0.02, True),
            f"{TFIDF} is ahead of the student by 0.010 (-0.020 to 0.050), which may be chance, and was promoted in its "
            f"place. {NEXT}",
        ),
        (
            *(0.01, -0.05, 0.07, True),
            f"The student is ahead of {TFIDF} by 0.010 (-0.050 to 0.070), which may be chance; {TFIDF} was promoted in "
            f"its place. {NEXT}",
        ),
        (0.0, -0.01, 0.01, False, f"{TFIDF} is as good as the student (-0.010 to 0.010). {NEXT}"),
    ],
)
def test_the_first_sentence_says_how_they_stand_to_each_other(
    evaluate: Any, difference: float, lower: float, upper: float, in_its_place: bool, sentence: str
) -> None:
    paired = {"rows": 1000, "difference": difference, "lower": lower, "upper": upper, "p_value": 0.1}
    document = evaluate({**BEATEN, "differences/tfidf_logistic": paired})

    assert first_sentences(document, [], in_its_place=in_its_place) == sentence


BEHIND = {"rows": 1000, "difference": -0.052, "lower": -0.083, "upper": -0.021, "p_value": 0.0}


def test_a_loss_is_let_pass_where_the_recipe_says_so_and_said_first_everywhere(workplace: Workplace) -> None:
    verdict = workplace.promote("a", BEATEN, when_beaten="warn")

    assert (verdict["decision"], verdict["candidate"], verdict["loses_to"]) == ("promoted", "student", [STRONG])
    assert verdict["why"].startswith(f"{TFIDF} is better than the student by 0.052 (0.021 to 0.083). {NEXT} All gates")
    assert verdict["why"].endswith(
        "0.01 worse is allowed. It may be promoted nonetheless, as promote.when_beaten says."
    )
    assert workplace.weights("champion") == "a"
    home = workplace.folder / "home" / "run-a"
    assert '<span class="badge warn">let pass</span>' in (home / "report.html").read_text()
    assert f"| beat_{STRONG} | **let pass** |" in (workplace.folder / "run-a" / "summary.md").read_text()
    tags = [event["values"] for _, event in read_events(home / "spool" / "promote.jsonl") if event.get("what") == "tag"]
    assert tags == [{"champion": "none", "loses_to": TFIDF}]


@pytest.mark.parametrize("task", known_tasks())
def test_any_baseline_of_a_kind_of_problem_may_be_named_and_refuses_or_warns(evaluate: Evaluate, task: str) -> None:
    for name in baselines_of(task):
        lost = evaluate({f"differences/{name}": BEHIND})
        settings: dict[str, Any] = {"model_name": "m", "task": task, "must_beat": name}

        refused = choose(lost, PromoteSettings(**settings), None)
        warned = choose(lost, PromoteSettings(**settings, when_beaten="warn"), None)

        assert (failed(refused), failed(warned)) == ([f"beat_{name}"], [])
        assert refused.loses_to == warned.loses_to == [name]
        assert warned.said == refused.said != ""
        assert warned.said.startswith("The baseline 'majority' is" if name == "majority" else f"{name} is")


def test_a_baseline_that_is_not_named_is_told_where_the_student_loses_to_it(chosen: Choose) -> None:
    choice = chosen({"differences/majority": BEHIND}, must_beat=[])

    assert failed(choice) == []
    assert choice.loses_to == [STRONG, "majority"]
    assert choice.said == (
        f"{TFIDF} is better than the student by 0.052 (0.021 to 0.083). The baseline 'majority' is better than the "
        f"student by 0.052 (0.021 to 0.083). {NEXT}"
    )


def test_a_baseline_that_was_not_compared_is_refused_even_so(chosen: Choose) -> None:
    choice = chosen({"differences": {}}, must_beat="majority", when_beaten="warn", prefer="student")

    assert failed(choice) == ["beat_majority"]


def test_only_what_the_run_shows_is_worth_a_try(evaluate: Any) -> None:
    chance = {"half_rows": {"rows": 1, "of": 2, "difference": 0.01, "lower": -0.01, "upper": 0.03}}

    assert what_next(evaluate()) == ""
    assert what_next(evaluate({"evidence": {**chance, "random_start": False, "still_gaining": []}})) == ""
    assert what_next(evaluate({"evidence": {**chance, "random_start": False, "still_gaining": ["distill"]}})) == (
        "To try next: a larger budget (distill still gained at the last evaluation)."
    )


def test_the_baseline_is_promoted_registered_and_told(workplace: Workplace) -> None:
    verdict = workplace.promote("a", BEATEN)

    assert (verdict["decision"], verdict["version"], verdict["candidate"]) == ("promoted", "1", "tfidf_logistic")
    assert verdict["why"] == (
        f"{TFIDF} is better than the student by 0.052 (0.021 to 0.083) and was promoted in its place. {NEXT} "
        "All gates hold. It is the first champion of this name."
    )
    champion = workplace.record.champion
    assert champion and (champion.load, champion.has_weights) == ("tfidf_linear", False)
    assert workplace.weights("champion") == "a words"
    summary = (workplace.folder / "run-a" / "summary.md").read_text()
    assert "| gate of the student | | |" in summary
    assert "| beat_tfidf_logistic | **failed** |" in summary


def test_the_next_student_replaces_it_and_a_rollback_brings_it_back(workplace: Workplace) -> None:
    from stillhouse.components.promote.rollback import rollback

    workplace.promote("a", BEATEN)
    assert workplace.promote("b")["decision"] == "promoted"
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("b", "a words")

    rollback(workplace.name, store=workplace.store)

    assert (workplace.weights("champion"), workplace.weights("previous")) == ("a words", "b")


def test_the_same_inputs_again_are_unchanged_and_another_setting_may_still_take_the_student(
    workplace: Workplace,
) -> None:
    workplace.promote("a", BEATEN)
    before: dict[str, Any] = {"inputs": "a", "against": None}

    again = workplace.promote("a", BEATEN, run="again", **before)
    student = workplace.promote("a", BEATEN, run="student", must_beat="majority", **before)

    assert (again["decision"], student["decision"]) == ("unchanged", "promoted")
    assert (workplace.weights("champion"), workplace.weights("previous")) == ("a", "a words")
