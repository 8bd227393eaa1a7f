"""The gates: what must hold before a candidate goes into production.

Each gate is a pure function of evaluation.json and the settings. Differences are student minus other, in
the main metric, on identical test rows; a gate uses their one-sided bound and not the point estimate, so that
few or noisy rows count against the candidate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stillhouse.components.promote.settings import PromoteSettings


@dataclass(frozen=True)
class Gate:
    """One condition: what was measured, what was asked for, and a sentence with both."""

    name: str
    passed: bool
    measured: float | None
    """None when there was nothing to measure."""
    limit: float
    sentence: str


def judge(evaluation: dict[str, Any], settings: PromoteSettings) -> list[Gate]:
    """All gates that apply, those against the champion only when one was compared."""
    return [
        *_evidence(evaluation, settings),
        *_quality(evaluation, settings),
        *_slices(evaluation, settings),
        *_cost(evaluation, settings),
    ]


def _evidence(evaluation: dict[str, Any], settings: PromoteSettings) -> Iterator[Gate]:
    limit = settings.min_test_rows
    counts = {"test_rows": (evaluation["rows"]["test"], "test rows")}
    if "champion" in evaluation["differences"]:
        unseen = evaluation["differences"]["champion"]["rows"]
        counts["champion_rows"] = (unseen, "test rows that the champion never saw")
    for name, (rows, what) in counts.items():
        passed = rows >= limit
        verb = "Enough" if passed else "Not enough"
        yield Gate(name, passed, rows, limit, f"{verb} evidence: {rows:,} {what}; {limit:,} are asked for.")


def _quality(evaluation: dict[str, Any], settings: PromoteSettings) -> Iterator[Gate]:
    metric, greater = evaluation["main_metric"], evaluation["greater_is_better"]
    if settings.min_metric is not None:
        value = evaluation["models"]["student"]["metrics"][metric]["value"]
        yield _floor("min_metric", f"{metric} is", value, settings.min_metric, greater)
    yield _within(evaluation, "teacher", settings.within_teacher)
    if "champion" in evaluation["differences"]:
        yield _within(evaluation, "champion", settings.within_champion)
    if settings.beat_majority:
        lead = -_shortfall(evaluation, "majority")
        sentence = (
            f"{metric} is {_better(lead)} the majority baseline's{_bound(evaluation, 'majority')}; it must be better."
        )
        yield Gate("beat_majority", lead > 0, lead, 0.0, sentence)


def _slices(evaluation: dict[str, Any], settings: PromoteSettings) -> Iterator[Gate]:
    metric, greater = evaluation["main_metric"], evaluation["greater_is_better"]
    for name, floor in settings.slice_floors.items():
        found = evaluation["slices"].get(name)
        if found is None:
            sentence = f"No test row lies in the slice {name}; nothing can be held against {floor:.4g}."
            yield Gate(f"slice {name}", False, None, floor, sentence)
        else:
            what = f"{metric} in the slice {name} ({found['rows']:,} rows) is"
            yield _floor(f"slice {name}", what, found["value"], floor, greater)


def _cost(evaluation: dict[str, Any], settings: PromoteSettings) -> Iterator[Gate]:
    limits = {"teacher": settings.max_latency_vs_teacher, "champion": settings.max_latency_vs_champion}
    for other, limit in limits.items():
        if other in evaluation["latency_ratio"]:
            ratio = evaluation["latency_ratio"][other]
            sentence = f"Median latency is {ratio:.3g} times the {other}'s; {limit:.3g} times is allowed."
            yield Gate(f"latency_vs_{other}", ratio <= limit, ratio, limit, sentence)
    if settings.max_bytes is not None:
        size = evaluation["models"]["student"]["bytes"]
        sentence = f"The weights take {size:,} bytes; {settings.max_bytes:,} are allowed."
        yield Gate("max_bytes", size <= settings.max_bytes, size, settings.max_bytes, sentence)


def _floor(name: str, what: str, value: float, floor: float, greater: bool) -> Gate:
    passed = value >= floor if greater else value <= floor
    most = "least" if greater else "most"
    return Gate(name, passed, value, floor, f"{what} {value:.4f}; at {most} {floor:.4g} is asked for.")


def _within(evaluation: dict[str, Any], other: str, limit: float) -> Gate:
    shortfall = _shortfall(evaluation, other)
    sentence = (
        f"{evaluation['main_metric']} is {_better(-shortfall)} the {other}'s{_bound(evaluation, other)}; "
        f"{limit:.4g} worse is allowed."
    )
    return Gate(f"within_{other}", shortfall <= limit, shortfall, limit, sentence)


def _shortfall(evaluation: dict[str, Any], other: str) -> float:
    """How much worse than `other` the student is at worst, at this confidence; negative when it is better."""
    difference = evaluation["differences"][other]
    return -difference["lower"] if evaluation["greater_is_better"] else difference["upper"]


def _better(lead: float) -> str:
    return f"at least {lead:.4f} better than" if lead > 0 else f"at worst {-lead:.4f} worse than"


def _bound(evaluation: dict[str, Any], other: str) -> str:
    rows = evaluation["differences"][other]["rows"]
    return f" ({evaluation['confidence'] * 100:.3g} % one-sided, {rows:,} rows)"
