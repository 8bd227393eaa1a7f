"""Each gate on both sides of its limit."""

import math
from typing import Any

import pytest
from tests.unit.promote.conftest import Gates

from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.config.settings import check
from stillhouse.components.promote.gates import EVIDENCE, judge
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.errors import UserError


def test_a_good_candidate_passes_every_gate(gates: Gates) -> None:
    assert all(gate.passed for gate in gates().values())


@pytest.mark.parametrize(("rows", "passed"), [(30, True), (29, False)])
def test_fewer_test_rows_than_asked_for_are_not_enough_evidence(gates: Gates, rows: int, passed: bool) -> None:
    gate = gates({"rows/test": rows})["test_rows"]

    assert gate.passed is passed
    verb = "Enough" if passed else "Not enough"
    assert gate.sentence == f"{verb} evidence: {rows} test rows; 30 are asked for."


def test_a_candidate_without_an_answer_for_a_row_is_not_promoted(gates: Gates) -> None:
    gate = gates({"models/student/unanswered_rows": 12})["finite_answers"]

    assert not gate.passed
    assert gate.sentence == (
        "The candidate has no finite answer (nan or infinite) for 12 of 1,000 test rows; train it with a lower "
        "optimizer.learning_rate."
    )


@pytest.mark.parametrize(("rows", "passed"), [(30, True), (29, False)])
def test_rows_that_the_champion_never_saw_count_as_evidence_too(gates: Gates, rows: int, passed: bool) -> None:
    assert gates({"differences/champion/rows": rows}, champion=True)["champion_rows"].passed is passed


def test_a_bound_on_its_limit_holds_whichever_way_its_last_digit_falls(gates: Gates) -> None:
    on_it = 0.96 - 0.97

    assert -on_it > 0.01
    assert gates({"differences/champion/lower": on_it}, champion=True)["within_champion"].passed


def incomparable(why: str) -> dict[str, Any]:
    """An evaluation beside which the champion stands uncompared."""
    about = {"name": "champion (version 1)", "digest": "d1", "compared": False, "why_not": why}
    return {"champion": {**about, "rows": 0, "lost_labels": [], "added_labels": {}, "respelt_labels": {}}}


ENTRY = Entry(
    version="1",
    digest="d1",
    uri="u",
    run="r",
    dataset_digest="d",
    statistics_uri="s",
    promoted_at="2026-01-01T00:00:00+00:00",
)


def test_a_champion_that_cannot_be_compared_is_not_enough_evidence(gates: Gates) -> None:
    gate = gates(incomparable("no label is one of both"))["champion_compared"]

    assert (gate.passed, gate.name in EVIDENCE) == (False, True)
    assert gate.sentence == (
        "Not enough evidence: the champion (version 1) cannot be compared: no label is one of both. It stays in "
        "production; to replace it nonetheless, set promote.replace_incomparable to true for one run."
    )


def test_a_setting_lets_it_be_replaced_and_says_so(gates: Gates) -> None:
    gate = gates(incomparable("no label is one of both"), replace_incomparable=True)["champion_compared"]

    assert (gate.passed, gate.opened) == (True, True)
    assert gate.sentence.endswith("It may be replaced nonetheless, as promote.replace_incomparable says.")


def test_a_champion_that_the_evaluation_does_not_mention_is_no_gate_that_vanishes(evaluate: Any) -> None:
    settings = PromoteSettings(model_name="spam", task="text_classification")

    failed = [gate for gate in judge(evaluate(), settings, ENTRY) if not gate.passed]

    assert [gate.name for gate in failed] == ["champion_compared"]
    assert "the champion (version 1) cannot be compared: the evaluation was made without it" in failed[0].sentence


def test_a_comparison_with_another_champion_counts_as_none(evaluate: Any) -> None:
    settings = PromoteSettings(model_name="spam", task="text_classification")
    other = evaluate({"champion/digest": "another"}, champion=True)

    assert not {gate.name: gate for gate in judge(other, settings, ENTRY)}["champion_compared"].passed


def test_too_few_rows_that_the_champion_never_saw_are_opened_by_the_same_setting(gates: Gates) -> None:
    few = {"differences/champion/rows": 20, "differences/champion/lower": -0.4}

    kept, opened = gates(few, champion=True), gates(few, champion=True, replace_incomparable=True)

    assert (kept["champion_rows"].passed, kept["within_champion"].passed) == (False, False)
    assert (opened["champion_rows"].passed, opened["champion_rows"].opened) == (True, True)
    assert "within_champion" not in opened


def test_with_rows_enough_the_setting_opens_nothing(gates: Gates) -> None:
    worse = gates({"differences/champion/lower": -0.4}, champion=True, replace_incomparable=True)

    assert not worse["within_champion"].passed
    assert not worse["champion_rows"].opened


LOST = {"champion/lost_labels": ["Spam", "refund"], "champion/respelt_labels": {"Spam": "spam"}}


def test_a_label_that_would_be_lost_is_a_gate_of_its_own(gates: Gates) -> None:
    gate = gates(LOST, champion=True)["keeps_labels"]

    assert (gate.passed, gate.measured) == (False, 2)
    assert gate.sentence == (
        "The candidate does not know the labels 'Spam', 'refund', which the champion knows: no row of its data has it "
        "('Spam' is now written 'spam'). If that is meant, name it in promote.may_lose_labels."
    )


@pytest.mark.parametrize(
    ("allowed", "missed"), [(False, 2), ([], 2), (["refund"], 1), (["refund", "Spam", "other"], 0), (True, 0)]
)
def test_only_a_setting_lets_labels_go(gates: Gates, allowed: bool | list[str], missed: int) -> None:
    gate = gates(LOST, champion=True, may_lose_labels=allowed)["keeps_labels"]

    assert (gate.passed, gate.measured) == (missed == 0, missed)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("refund", ["refund"]), ([3.0, 4, "5"], ["3", "4", "5"]), (7, ["7"]), (True, True), (["a"], ["a"])],
)
def test_labels_may_be_one_name_or_numbers(given: Any, meant: Any) -> None:
    found = PromoteSettings(model_name="spam", task="text_classification", may_lose_labels=given)

    assert found.may_lose_labels == meant


def test_labels_that_yaml_takes_for_truth_values_are_one_sentence() -> None:
    with pytest.raises(UserError) as caught:
        check(
            PromoteSettings, {"model_name": "a", "task": "t", "may_lose_labels": [True, "b"]}, "tickets.yaml, promote"
        )

    assert str(caught.value) == (
        "tickets.yaml, promote: 'may_lose_labels' is [True, 'b'], but it is true, false or a list of labels "
        "(in YAML, quote those like 'yes' and 'no')."
    )


def test_new_labels_alone_are_no_gate(gates: Gates) -> None:
    found = gates(
        {"champion/added_labels": {"hardware": {"rows": 3, "precision": 0.0, "recall": 0.0, "f1": 0.0}}}, champion=True
    )

    assert "keeps_labels" not in found
    assert found["champion_rows"].sentence.startswith(
        "Enough evidence: 1,000 test rows that the champion never saw and whose labels both know;"
    )


@pytest.mark.parametrize(("upper", "passed"), [(-0.02, True), (-0.0201, False), (0.01, True)])
def test_a_loss_against_the_teacher_must_be_shown_by_the_upper_bound(gates: Gates, upper: float, passed: bool) -> None:
    few_rows = {"differences/teacher/lower": -0.4, "differences/teacher/upper": upper}
    assert gates(few_rows)["within_teacher"].passed is passed


@pytest.mark.parametrize(("upper", "shown"), [(-0.03, "at least 0.0300 worse"), (0.004, "at best 0.0040 better")])
def test_the_sentence_on_the_teacher_has_the_numbers(gates: Gates, upper: float, shown: str) -> None:
    sentence = gates({"differences/teacher/upper": upper})["within_teacher"].sentence

    assert sentence == (
        f"f1_macro is {shown} than the teacher's (95 % one-sided, 1,000 rows); a loss of more than 0.02 must not be "
        "shown."
    )


@pytest.mark.parametrize(("lower", "passed"), [(-0.01, True), (-0.0101, False)])
def test_the_lower_bound_of_the_difference_to_the_champion_counts(gates: Gates, lower: float, passed: bool) -> None:
    assert gates({"differences/champion/lower": lower}, champion=True)["within_champion"].passed is passed


def test_gates_against_the_champion_apply_only_when_one_was_compared(gates: Gates) -> None:
    against = {"champion_rows", "within_champion", "latency_vs_champion"}

    assert against.isdisjoint(gates())
    assert against <= gates(champion=True).keys()


@pytest.mark.parametrize(("lower", "passed"), [(0.0001, True), (0.0, False), (-0.1, False)])
def test_the_majority_baseline_must_be_beaten_surely(gates: Gates, lower: float, passed: bool) -> None:
    assert gates({"differences/majority/lower": lower})["beat_majority"].passed is passed


TFIDF = {"rows": 1000, "difference": -0.004, "lower": -0.01, "upper": 0.002, "p_value": 0.5}


@pytest.mark.parametrize(("lower", "passed"), [(-0.01, True), (-0.0101, False), (0.02, True)])
def test_every_baseline_that_was_trained_must_be_reached(gates: Gates, lower: float, passed: bool) -> None:
    found = gates({"differences/tfidf_logistic": {**TFIDF, "lower": lower}})

    assert found["beat_tfidf_logistic"].passed is passed
    assert found["beat_majority"].passed


def test_the_sentence_on_a_baseline_names_it_and_has_the_numbers(gates: Gates) -> None:
    named = {"models/tfidf_logistic": {"metrics": {}, "title": "TF-IDF + ridge regression"}}
    tfidf = {"differences/tfidf_logistic": {**TFIDF, "lower": -0.05}}

    assert gates(tfidf | named)["beat_tfidf_logistic"].sentence == (
        "f1_macro is at worst 0.0500 worse than that of TF-IDF + ridge regression (95 % one-sided, 1,000 rows); "
        "0.01 worse is allowed."
    )
    assert "that of tfidf_logistic" in gates(tfidf)["beat_tfidf_logistic"].sentence  # an earlier release had no titles


def test_a_margin_says_how_much_worse_than_a_baseline_is_allowed(gates: Gates) -> None:
    worse = {"differences/tfidf_logistic": {**TFIDF, "lower": -0.05}}

    assert gates(worse, must_beat_margin=0.05)["beat_tfidf_logistic"].passed
    level = {"differences/majority/lower": 0.0}
    assert not gates(level, must_beat_margin=0.05)["beat_majority"].passed


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], set()),
        ("majority", {"beat_majority"}),
        (["tfidf_logistic"], {"beat_tfidf_logistic"}),
        (None, {"beat_majority", "beat_tfidf_logistic"}),
    ],
)
def test_a_setting_names_the_baselines_that_count(gates: Gates, given: Any, kept: set[str]) -> None:
    found = gates({"differences/tfidf_logistic": TFIDF}, must_beat=given)

    assert {name for name in found if name.startswith("beat_")} == kept


def test_a_baseline_that_is_named_and_was_not_compared_is_no_gate_that_vanishes(gates: Gates) -> None:
    gate = gates(must_beat="tfidf_logistic")["beat_tfidf_logistic"]

    assert not gate.passed
    assert gate.sentence == (
        "The evaluation does not compare tfidf_logistic, which promote.must_beat names; start the run again."
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"must_beat": ["majority", "xgboost"]},
            "'must_beat' is ['majority', 'xgboost'], but 'xgboost' is not a baseline; name some of majority, "
            "tfidf_logistic, or [] for none.",
        ),
        ({"must_beat": 3}, "'must_beat' is 3, but input should be a valid list."),
        (
            {"beat_majority": False},
            "'beat_majority' is a key of earlier releases; name the baselines that the student must beat in "
            "'must_beat' ([] for none).",
        ),
    ],
)
def test_wrong_baselines_are_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        check(PromoteSettings, {"model_name": "a", "task": "text_classification", **given}, "tickets.yaml, promote")

    assert str(caught.value) == f"tickets.yaml, promote: {sentence}"


def test_baselines_of_a_task_that_is_not_installed_here_are_left_to_the_gates() -> None:
    """Light steps run in an image that may lack the package of a task."""
    assert PromoteSettings(model_name="a", task="of_another_package", must_beat=["xgboost"]).must_beat == ["xgboost"]


@pytest.mark.parametrize(("floor", "passed"), [(0.97, True), (0.9701, False)])
def test_the_floor_of_the_main_metric(gates: Gates, floor: float, passed: bool) -> None:
    assert gates(min_metric=floor)["min_metric"].passed is passed


@pytest.mark.parametrize(("limit", "passed"), [(0.0312, True), (0.03, False)])
def test_the_ceiling_of_the_calibration_error(gates: Gates, limit: float, passed: bool) -> None:
    measured = {"models/student/metrics/ece": {"value": 0.0312, "low": 0.02, "high": 0.05}}

    gate = gates(measured, max_calibration_error=limit)["max_calibration_error"]

    assert gate.passed is passed
    assert gate.sentence == f"The calibration error (ECE) is 0.0312; at most {limit} is asked for."


def test_a_ceiling_of_an_error_that_is_not_measured_cannot_hold(gates: Gates) -> None:
    gate = gates(max_calibration_error=0.05)["max_calibration_error"]

    assert not gate.passed
    assert gate.sentence == (
        "No calibration error is measured of such answers; leave promote.max_calibration_error out."
    )


@pytest.mark.parametrize(("value", "passed"), [(0.9, True), (0.8999, False)])
def test_the_floor_of_a_slice(gates: Gates, value: float, passed: bool) -> None:
    measured = {"slices": {"language=de": {"rows": 40, "value": value, "low": 0.8, "high": 1.0}}}

    gate = gates(measured, slice_floors={"language=de": 0.9})["slice language=de"]

    assert gate.passed is passed
    assert "40 rows" in gate.sentence


def test_floors_are_held_by_the_lower_bound_where_there_is_one(gates: Gates) -> None:
    """A file of an earlier release has none: above, its value counts."""
    changes = {
        "models/student/metrics/f1_macro": {"value": 0.97, "low": 0.96, "high": 0.98, "lower": 0.9614, "upper": 0.98},
        "slices": {"language=de": {"rows": 40, "value": 1.0, "low": 1.0, "high": 1.0, "lower": 0.89, "upper": 1.11}},
    }
    held = gates(changes, min_metric=0.96, slice_floors={"language=de": 0.89})
    missed = gates(changes, min_metric=0.965, slice_floors={"language=de": 0.9})

    assert [held[name].passed for name in ("min_metric", "slice language=de")] == [True, True]
    assert [missed[name].passed for name in ("min_metric", "slice language=de")] == [False, False]
    assert missed["min_metric"].sentence == (
        "f1_macro is 0.9700, at least 0.9614 (95 % one-sided); at least 0.965 is asked for."
    )
    gate = missed["slice language=de"]
    assert (gate.measured, gate.estimate, gate.rows) == (0.89, 1.0, 40)


def test_the_ceiling_of_an_error_is_held_by_the_upper_bound(gates: Gates) -> None:
    error = {"value": 2.0, "low": 1.9, "high": 2.2, "lower": 1.9, "upper": 2.15}
    changes = {"greater_is_better": False, "models/student/metrics/f1_macro": error}

    assert gates(changes, min_metric=2.2)["min_metric"].passed
    assert gates(changes, min_metric=2.1)["min_metric"].sentence == (
        "f1_macro is 2.0000, at most 2.1500 (95 % one-sided); at most 2.1 is asked for."
    )


def test_a_slice_without_test_rows_fails_its_floor(gates: Gates) -> None:
    gate = gates(slice_floors={"language=fr": 0.5})["slice language=fr"]

    assert not gate.passed
    assert gate.sentence == "No test row lies in the slice language=fr; nothing can be held against 0.5."


@pytest.mark.parametrize(("ratio", "passed"), [(1.0, True), (1.001, False)])
def test_latency_as_a_ratio_to_the_teacher(gates: Gates, ratio: float, passed: bool) -> None:
    assert gates({"latency_ratio/teacher": ratio})["latency_vs_teacher"].passed is passed


def test_latency_is_refused_only_where_its_lower_bound_is_above_the_limit(gates: Gates) -> None:
    """1.02 times the teacher's is noise where it may be 0.97."""
    noise = gates({"latency_ratio/teacher": 1.02, "latency_ratio_bounds": {"teacher": [0.97, 1.08]}})
    slower = gates({"latency_ratio/teacher": 1.1, "latency_ratio_bounds": {"teacher": [1.04, 1.17]}})
    assert (noise["latency_vs_teacher"].passed, slower["latency_vs_teacher"].passed) == (True, False)
    assert slower["latency_vs_teacher"].sentence == (
        "Median latency is 1.1 times the teacher's (1.04 to 1.17 by chance); up to 1 times is allowed, and 1.04 counts."
    )


@pytest.mark.parametrize(("ratio", "passed"), [(1.5, True), (1.501, False)])
def test_latency_as_a_ratio_to_the_champion(gates: Gates, ratio: float, passed: bool) -> None:
    assert gates({"latency_ratio/champion": ratio}, champion=True)["latency_vs_champion"].passed is passed


def test_the_time_that_nearly_all_rows_keep_is_held_by_its_upper_bound(gates: Gates) -> None:
    latency = {"p50": 4.0, "p90": 6.0, "p95": 8.0, "p50_bounds": [3.8, 4.2], "p95_bounds": [7.0, 9.5]}
    changes = {"models/student/latency_ms": latency}

    assert gates(changes, max_latency_p95_ms=9.5)["max_latency_p95_ms"].passed
    missed = gates(changes, max_latency_p95_ms=9)["max_latency_p95_ms"]
    assert not missed.passed
    assert missed.sentence == (
        "95 of 100 rows are answered within 8 ms, at most 9.5 ms (95 % one-sided); 9 ms are allowed."
    )


def test_an_evaluation_of_an_earlier_release_cannot_hold_it(gates: Gates) -> None:
    gate = gates({"models/student/latency_ms": {"p50": 4.0, "p90": 6.0}}, max_latency_p95_ms=9)["max_latency_p95_ms"]

    assert (gate.passed, gate.measured) == (False, None)


@pytest.mark.parametrize(("limit", "passed"), [(4_000_000, True), (3_999_999, False)])
def test_the_size_of_the_weights(gates: Gates, limit: int, passed: bool) -> None:
    assert gates(max_bytes=limit)["max_bytes"].passed is passed


@pytest.mark.parametrize(("bound", "passed"), [(0.01, True), (0.011, False)])
def test_where_smaller_is_better_the_other_bound_counts(gates: Gates, bound: float, passed: bool) -> None:
    errors = {"differences/champion/upper": bound, "differences/teacher/lower": bound, "greater_is_better": False}
    found = gates(errors, champion=True, within_teacher=0.01)

    assert found["within_champion"].passed is passed
    assert found["within_teacher"].passed is passed


def test_where_smaller_is_better_the_floor_is_a_ceiling(gates: Gates) -> None:
    assert not gates({"greater_is_better": False}, min_metric=0.9)["min_metric"].passed


def test_what_could_not_be_measured_passes_no_gate(gates: Gates) -> None:
    assert not gates({"differences/teacher/upper": math.nan})["within_teacher"].passed
    assert not gates({"differences/majority/lower": math.nan})["beat_majority"].passed
