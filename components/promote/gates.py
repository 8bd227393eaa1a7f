"""The gates: what must hold before a candidate goes into production.

Each gate is a pure function of the evaluation and the settings. Differences are candidate minus other, in
the main metric, on identical test rows; a gate uses their one-sided bound and not the point estimate. Against baselines
and champion it is the lower one, so that few or noisy rows count against the candidate; against the teacher, which is
there to teach and not to serve, the upper one: a loss must be shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from stillhouse.components.artifacts.evaluation import TRIVIAL, Estimate, Evaluation, Slice
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.artifacts.verdict import Gate
from stillhouse.components.promote.anchor_gates import ANCHOR_EVIDENCE, anchor_gates
from stillhouse.components.promote.forgetting_gate import forgetting_gate
from stillhouse.components.promote.looking import Stake
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.wording import better, told_flips
from stillhouse.spelling import listed

EVIDENCE = {"test_rows", "champion_rows", "champion_compared", *ANCHOR_EVIDENCE}
"""Gates that say nothing against the candidate, only that too little is known of it."""
ROUNDING = 1e-9
"""A bound on its limit holds, whichever way the last digits of a difference fall."""


def judge(
    evaluation: Evaluation, settings: PromoteSettings, champion: Entry | None = None, stake: Stake | None = None
) -> list[Gate]:
    """All gates that apply.

    Args:
        champion: What the candidate would replace; None for nothing. One that the evaluation does not compare is a gate
            that fails: what cannot be compared cannot be worse.
        stake: The anchor, and at which error the candidate is held against it; None before there is one.
    """
    return [
        *_evidence(evaluation, settings, champion),
        *_answers(evaluation),
        *_labels(evaluation, settings),
        *_quality(evaluation, settings),
        *forgetting_gate(evaluation, settings),
        *anchor_gates(evaluation, settings, stake),
        *_slices(evaluation, settings),
        *_cost(evaluation, settings),
    ]


def _evidence(evaluation: Evaluation, settings: PromoteSettings, champion: Entry | None) -> Iterator[Gate]:
    rows, limit = evaluation.rows.test, settings.min_test_rows
    sentence = f"{_enough(rows >= limit)} evidence: {rows:,} test rows; {limit:,} are asked for."
    yield Gate("test_rows", rows >= limit, rows, limit, sentence)
    if _is_compared(evaluation, champion):
        yield _champion_rows(evaluation, settings)
    elif champion or evaluation.champion:
        yield _incomparable(evaluation, settings, champion)


def _champion_rows(evaluation: Evaluation, settings: PromoteSettings) -> Gate:
    rows, limit = evaluation.differences["champion"].rows, settings.min_test_rows
    compared = evaluation.champion
    others = compared and (compared.added_labels or compared.lost_labels)
    known = " and whose labels both know" if others else ""
    sentence = (
        f"{_enough(rows >= limit)} evidence: {rows:,} test rows that the champion never saw{known}; "
        f"{limit:,} are asked for."
    )
    if rows < limit:
        sentence += f" {_replaced_nonetheless(settings)}"
    opened = rows < limit and settings.replace_incomparable
    return Gate("champion_rows", rows >= limit or opened, rows, limit, sentence, opened)


def _incomparable(evaluation: Evaluation, settings: PromoteSettings, champion: Entry | None) -> Gate:
    seen = evaluation.champion
    name = seen.name if seen else f"champion ({champion.label})" if champion else "champion"
    why = (seen and seen.why_not) or "the evaluation was made without it, start the run again"
    evidence = "No" if settings.replace_incomparable else "Not enough"
    sentence = f"{evidence} evidence: the {name} cannot be compared: {why}. {_replaced_nonetheless(settings)}"
    opened = settings.replace_incomparable
    return Gate("champion_compared", opened, None, settings.min_test_rows, sentence, opened)


def _replaced_nonetheless(settings: PromoteSettings) -> str:
    if settings.replace_incomparable:
        return "It may be replaced nonetheless, as promote.replace_incomparable says."
    return "It stays in production; to replace it nonetheless, set promote.replace_incomparable to true for one run."


def _is_compared(evaluation: Evaluation, champion: Entry | None) -> bool:
    """Whether the evaluation holds the candidate against this champion."""
    asked, found = champion and champion.digest, evaluation.champion and evaluation.champion.digest
    return "champion" in evaluation.differences and not (asked and found and asked != found)


def _answers(evaluation: Evaluation) -> Iterator[Gate]:
    """A model that answers some rows with no number at all does so in production, too."""
    if missing := evaluation.models["student"].unanswered_rows:
        sentence = (
            f"The candidate has no finite answer (nan or infinite) for {missing:,} of {evaluation.rows.test:,} "
            "test rows; train it with a lower optimizer.learning_rate."
        )
        yield Gate("finite_answers", False, missing, 0, sentence)


def _labels(evaluation: Evaluation, settings: PromoteSettings) -> Iterator[Gate]:
    """A label that the candidate has never seen, and the champion knows: no score on today's rows shows the loss."""
    seen = evaluation.champion
    if seen is None or not seen.compared or not seen.lost_labels:
        return
    allowed, lost = settings.may_lose_labels, seen.lost_labels
    missed = [] if allowed is True else [label for label in lost if label not in (allowed or [])]
    if missed:
        respelt = [f"'{old}' is now written '{new}'" for old, new in seen.respelt_labels.items() if old in missed]
        spelling = f" ({', '.join(respelt)})" if respelt else ""
        sentence = (
            f"The candidate does not know {_labels_listed(missed)}, which the champion knows: no row of its data has it"
            f"{spelling}. If that is meant, name it in promote.may_lose_labels."
        )
    else:
        sentence = f"The candidate no longer knows {_labels_listed(lost)}, as promote.may_lose_labels says."
    yield Gate("keeps_labels", not missed, len(missed), 0, sentence, opened=not missed)


def _quality(evaluation: Evaluation, settings: PromoteSettings) -> Iterator[Gate]:
    if settings.min_metric is not None:
        found, what = evaluation.estimate("student"), f"{evaluation.main_metric} is"
        yield _floor_of("min_metric", what, found, settings.min_metric, evaluation.rows.test, evaluation)
    if settings.max_calibration_error is not None:
        yield _calibration(evaluation, settings.max_calibration_error)
    if "teacher" in evaluation.differences:
        yield _within_teacher(evaluation, settings.within_teacher)
    if "champion" in evaluation.differences:
        few = evaluation.differences["champion"].rows < settings.min_test_rows
        if not (few and settings.replace_incomparable):
            yield _within(evaluation, "champion", settings.within_champion)
            if settings.max_negative_flips is not None:
                yield _negative_flips(evaluation, settings.max_negative_flips)
    for gate in _baselines(evaluation, settings):
        warns = settings.when_beaten == "warn" and not gate.passed and gate.measured is not None
        yield _opened(gate) if warns else gate


def _opened(gate: Gate) -> Gate:
    sentence = f"{gate.sentence} It may be promoted nonetheless, as promote.when_beaten says."
    return replace(gate, passed=True, opened=True, sentence=sentence)


def _calibration(evaluation: Evaluation, limit: float) -> Gate:
    """Whether answers are as often right as their confidence says."""
    name, found = "max_calibration_error", evaluation.models["student"].metrics.get("ece")
    if found is None:
        sentence = "No calibration error is measured of such answers; leave promote.max_calibration_error out."
        return Gate(name, False, None, limit, sentence)
    return _floor(name, "The calibration error (ECE) is", found.value, limit, greater=False)


def _negative_flips(evaluation: Evaluation, limit: float) -> Gate:
    """What users had right yesterday and have wrong tomorrow."""
    name, flips = "max_negative_flips", evaluation.negative_flips
    if flips is None:
        sentence = (
            "Answers here are not right or wrong but nearer or further off, so no negative flips can be held against "
            f"{limit:.4g}; leave promote.max_negative_flips out."
        )
        return Gate(name, False, None, limit, sentence)
    sentence = f"{told_flips(flips, evaluation.confidence)}; up to {limit:.4g} is allowed."
    held = flips.upper <= limit + ROUNDING
    return Gate(name, held, flips.upper, limit, sentence, estimate=flips.rate, rows=flips.rows)


def _baselines(evaluation: Evaluation, settings: PromoteSettings) -> Iterator[Gate]:
    """A model that a plain one beats is not worth its cost."""
    compared = evaluation.baselines
    for name in compared if settings.must_beat is None else settings.must_beat:
        if name not in compared:
            sentence = (
                f"The evaluation does not compare {evaluation.title(name)}, which promote.must_beat names; "
                "start the run again."
            )
            yield Gate(f"beat_{name}", False, None, settings.must_beat_margin, sentence)
        elif name == TRIVIAL:
            lead = -_shortfall(evaluation, name)
            sentence = (
                f"{evaluation.main_metric} is {better(lead)} the majority baseline's{_bound(evaluation, name)}; "
                "it must be better."
            )
            yield Gate(f"beat_{name}", lead > 0, lead, 0.0, sentence)
        else:
            whose = f"that of {evaluation.title(name)}"
            yield _within(evaluation, name, settings.must_beat_margin, gate=f"beat_{name}", whose=whose)


def _slices(evaluation: Evaluation, settings: PromoteSettings) -> Iterator[Gate]:
    for name, floor in settings.slice_floors.items():
        found = evaluation.slices.get(name)
        if found is None:
            sentence = f"No test row lies in the slice {name}; nothing can be held against {floor:.4g}."
            yield Gate(f"slice {name}", False, None, floor, sentence)
        else:
            what = f"{evaluation.main_metric} in the slice {name} ({found.rows:,} rows) is"
            yield _floor_of(f"slice {name}", what, found, floor, found.rows, evaluation)


def _cost(evaluation: Evaluation, settings: PromoteSettings) -> Iterator[Gate]:
    limits = {"teacher": settings.max_latency_vs_teacher, "champion": settings.max_latency_vs_champion}
    for other, limit in limits.items():
        if other in evaluation.latency_ratio:
            ratio = evaluation.latency_ratio[other]
            # An evaluation of an earlier release has no bounds.
            low, high = evaluation.latency_ratio_bounds.get(other, (ratio, ratio))
            sentence = (
                f"Median latency is {ratio:.3g} times the {other}'s ({low:.3g} to {high:.3g} by chance); "
                f"up to {limit:.3g} times is allowed, and {low:.3g} counts."
            )
            yield Gate(f"latency_vs_{other}", low <= limit, low, limit, sentence)
    if settings.max_latency_p95_ms is not None:
        yield _latency_p95(evaluation, settings.max_latency_p95_ms)
    if settings.max_bytes is not None:
        size = evaluation.models["student"].bytes
        assert size is not None  # what may be promoted has weights
        sentence = f"The weights take {size:,} bytes; {settings.max_bytes:,} are allowed."
        yield Gate("max_bytes", size <= settings.max_bytes, size, settings.max_bytes, sentence)


def _latency_p95(evaluation: Evaluation, limit: float) -> Gate:
    """Whether nearly all users surely wait no longer."""
    name, found = "max_latency_p95_ms", evaluation.models["student"].latency_ms
    if found is None or found.p95 is None or found.p95_bounds is None:
        sentence = "The evaluation says nothing of the latency's 95th percentile; start the run again."
        return Gate(name, False, None, limit, sentence)
    bound = found.p95_bounds[1]
    sentence = (
        f"95 of 100 rows are answered within {found.p95:.3g} ms, at most {bound:.3g} ms "
        f"({evaluation.confidence * 100:.3g} % one-sided); {limit:.3g} ms are allowed."
    )
    return Gate(name, bound <= limit, bound, limit, sentence, estimate=found.p95)


def _floor_of(name: str, what: str, found: Estimate | Slice, floor: float, rows: int, evaluation: Evaluation) -> Gate:
    """Whether the main metric is surely above its floor: by the one-sided bound, on so many rows."""
    greater = evaluation.greater_is_better
    bound = found.lower if greater else found.upper
    if bound is None:  # an evaluation of an earlier release
        return _floor(name, what, found.value, floor, greater)
    passed, most = bound >= floor - ROUNDING if greater else bound <= floor + ROUNDING, "least" if greater else "most"
    sentence = (
        f"{what} {found.value:.4f}, at {most} {bound:.4f} ({evaluation.confidence * 100:.3g} % one-sided); "
        f"at {most} {floor:.4g} is asked for."
    )
    return Gate(name, passed, bound, floor, sentence, estimate=found.value, rows=rows)


def _floor(name: str, what: str, value: float, floor: float, greater: bool) -> Gate:
    passed = value >= floor if greater else value <= floor
    most = "least" if greater else "most"
    return Gate(name, passed, value, floor, f"{what} {value:.4f}; at {most} {floor:.4g} is asked for.")


def _within(evaluation: Evaluation, other: str, limit: float, *, gate: str = "", whose: str = "") -> Gate:
    shortfall, whose = _shortfall(evaluation, other), whose or f"the {other}'s"
    sentence = (
        f"{evaluation.main_metric} is {better(-shortfall)} {whose}{_bound(evaluation, other)}; "
        f"{limit:.4g} worse is allowed."
    )
    return Gate(gate or f"within_{other}", shortfall <= limit + ROUNDING, shortfall, limit, sentence)


def _within_teacher(evaluation: Evaluation, limit: float) -> Gate:
    paired = evaluation.differences["teacher"]
    loss = -paired.upper if evaluation.greater_is_better else paired.lower
    shown = f"at least {loss:.4f} worse" if loss > 0 else f"at best {-loss:.4f} better"
    sentence = (
        f"{evaluation.main_metric} is {shown} than the teacher's{_bound(evaluation, 'teacher')}; "
        f"a loss of more than {limit:.4g} must not be shown."
    )
    return Gate("within_teacher", loss <= limit, loss, limit, sentence)


def _shortfall(evaluation: Evaluation, other: str) -> float:
    """How much worse than `other` the student is at worst, at this confidence; negative when it is better."""
    paired = evaluation.differences[other]
    return -paired.lower if evaluation.greater_is_better else paired.upper


def _bound(evaluation: Evaluation, other: str) -> str:
    rows = evaluation.differences[other].rows
    return f" ({evaluation.confidence * 100:.3g} % one-sided, {rows:,} rows)"


def _enough(is_enough: bool) -> str:
    return "Enough" if is_enough else "Not enough"


def _labels_listed(labels: Sequence[str]) -> str:
    return ("the label " if len(labels) == 1 else "the labels ") + listed(labels)
