"""The gate of what is forgotten of partitions before the window."""

from typing import Any

import pytest
from tests.unit.promote.conftest import Gates

from stillhouse.components.artifacts.evaluation import PairedEstimate
from stillhouse.components.promote.bounds import lower_bound

MARCH, APRIL = "2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"


def kept(difference: float, rows: int = 400) -> dict[str, Any]:
    paired = {"rows": rows, "difference": difference, "standard_error": 0.015, "row_cost": 1 / rows}
    return {**paired, "value": 0.9 + difference, "champion": 0.9}


def forgetting(march: dict[str, Any], april: dict[str, Any], together: dict[str, Any]) -> dict[str, Any]:
    return {"forgetting": {"together": together, "periods": {MARCH: march, APRIL: april}}}


def test_a_loss_on_one_partition_that_is_surely_too_large_is_refused(gates: Gates) -> None:
    found = forgetting(kept(-0.12), kept(0.01), kept(-0.05, 800))
    gate = gates(found, champion=True)["max_forgetting"]
    bound = lower_bound(PairedEstimate(**{**kept(0.12), "difference": 0.12}), 0.05 / 3)

    assert (gate.passed, gate.estimate, gate.rows, gate.limit) == (False, pytest.approx(0.12), 400, 0.02)
    assert gate.measured == pytest.approx(bound)
    assert gate.alpha == pytest.approx(0.05 / 3)
    assert gate.sentence == (
        f"On the 400 kept rows of 2026-03-01 00:00, the worst of 3, f1_macro is at least {bound:.4f} worse than the "
        "champion's (estimate -0.1200, one-sided with an error of 0.017); a loss of more than 0.02 must not be shown."
    )


def test_a_loss_that_may_be_chance_or_is_allowed_is_not(gates: Gates) -> None:
    may_be_chance = forgetting(kept(-0.03), kept(0.0), kept(-0.015, 800))

    assert gates(may_be_chance, champion=True)["max_forgetting"].passed
    assert gates(forgetting(kept(-0.12), kept(0.0), kept(-0.06, 800)), champion=True, max_forgetting=0.1)[
        "max_forgetting"
    ].passed


def test_where_less_is_better_more_is_a_loss(gates: Gates) -> None:
    found = {**forgetting(kept(0.12), kept(0.0), kept(0.06, 800)), "greater_is_better": False}

    assert not gates(found, champion=True)["max_forgetting"].passed


def test_partitions_with_few_rows_count_together(gates: Gates) -> None:
    """The worst one alone would be no evidence; all of them are."""
    found = forgetting(kept(-0.5, 20), kept(-0.2, 20), kept(-0.3, 40))
    gate = gates(found, champion=True)["max_forgetting"]

    assert (gate.passed, gate.rows, gate.alpha) == (False, 40, pytest.approx(0.05))
    assert "all earlier partitions together, the worst of 1" in gate.sentence


def test_too_few_rows_show_nothing_and_say_so(gates: Gates) -> None:
    gate = gates(forgetting(kept(-0.5, 9), kept(-0.5, 9), kept(-0.5, 18)), champion=True)["max_forgetting"]

    assert (gate.passed, gate.measured) == (True, None)
    assert gate.sentence == "Too few rows are kept of earlier partitions to show that something was forgotten: 18."


def test_without_earlier_partitions_or_a_limit_there_is_no_gate(gates: Gates) -> None:
    lost = forgetting(kept(-0.5), kept(-0.5), kept(-0.5, 800))

    assert "max_forgetting" not in gates(champion=True)
    assert "max_forgetting" not in gates(lost, champion=True, max_forgetting=None)
