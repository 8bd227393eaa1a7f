"""The gate of rows that the champion has right and the candidate wrong."""

import pytest
from tests.unit.promote.conftest import Gates

FLIPS = {"negative_flips": {"rows": 1200, "number": 12, "rate": 0.01, "upper": 0.0163}}


@pytest.mark.parametrize(("limit", "passed"), [(0.0163, True), (0.016, False)])
def test_negative_flips_are_held_against_the_limit_by_their_bound(gates: Gates, limit: float, passed: bool) -> None:
    gate = gates(FLIPS, champion=True, max_negative_flips=limit)["max_negative_flips"]

    assert (gate.passed, gate.measured, gate.estimate, gate.rows) == (passed, 0.0163, 0.01, 1200)
    assert gate.sentence == (
        "The candidate has 12 of 1,200 rows wrong that the champion has right: a rate of 0.0100, at most 0.0163 (95 % "
        f"one-sided); up to {limit:.4g} is allowed."
    )


def test_negative_flips_are_a_gate_only_where_a_limit_is_set_and_a_champion_is_compared(gates: Gates) -> None:
    assert "max_negative_flips" not in gates(FLIPS, champion=True)
    assert "max_negative_flips" not in gates(max_negative_flips=0.01)


def test_where_answers_are_not_right_or_wrong_a_limit_of_flips_cannot_hold(gates: Gates) -> None:
    gate = gates(champion=True, max_negative_flips=0.01)["max_negative_flips"]

    assert not gate.passed
    assert gate.sentence == (
        "Answers here are not right or wrong but nearer or further off, so no negative flips can be held against 0.01; "
        "leave promote.max_negative_flips out."
    )


def test_rows_that_are_too_few_for_the_champion_are_too_few_for_flips(gates: Gates) -> None:
    few = {**FLIPS, "differences/champion/rows": 20}

    opened = gates(few, champion=True, max_negative_flips=0, replace_incomparable=True)

    assert "max_negative_flips" not in opened
