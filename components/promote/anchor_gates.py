"""The gates that no number of nights can wear down: what holds against the anchor, at what is left of the 5 %."""

from collections.abc import Iterator

from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.verdict import Gate
from stillhouse.components.promote.bounds import lower_bound
from stillhouse.components.promote.looking import Stake, is_compared, oriented, rows_asked_for
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.wording import better

ANCHOR_EVIDENCE = {"anchor_rows", "anchor_compared"}
"""Gates that say only that too little is known."""


def anchor_gates(evaluation: Evaluation, settings: PromoteSettings, stake: Stake | None) -> Iterator[Gate]:
    """All that apply; none before there is an anchor."""
    if stake is None:
        return
    if not is_compared(evaluation, stake.anchor):
        yield _incomparable(evaluation, settings, stake)
    elif stake.look is None:
        yield _too_few(evaluation, settings, stake)
    else:
        yield _within(evaluation, settings, stake)


def _within(evaluation: Evaluation, settings: PromoteSettings, stake: Stake) -> Gate:
    assert evaluation.to_anchor
    found, limit = oriented(evaluation.to_anchor, evaluation.greater_is_better), settings.within_anchor
    lead = lower_bound(found, stake.alpha)
    sentence = (
        f"{evaluation.main_metric} is {better(lead)} the anchor's, {stake.anchor.label} (estimate "
        f"{found.difference:+.4f}, {found.rows:,} rows, one-sided with an error of {stake.alpha:.2g}); a loss of up to "
        f"{limit:.4g} is allowed for all time."
    )
    return Gate(
        "within_anchor",
        -lead <= limit,
        -lead,
        limit,
        sentence,
        estimate=found.difference,
        rows=found.rows,
        alpha=stake.alpha,
    )


def _too_few(evaluation: Evaluation, settings: PromoteSettings, stake: Stake) -> Gate:
    rows, limit = evaluation.to_anchor.rows if evaluation.to_anchor else 0, rows_asked_for(evaluation, settings, stake)
    spared, opened = evaluation.anchor.spared if evaluation.anchor else 0, settings.replace_incomparable
    worn = f"; {spared:,} others have decided {settings.shelf_life:,} times and are used up" if spared else ""
    sentence = (
        f"Not enough evidence: {rows:,} test rows that the anchor never saw{worn}; {limit:,} are asked for. "
        f"{_way_on(settings)}"
    )
    return Gate("anchor_rows", opened, rows, limit, sentence, opened, rows=rows)


def _incomparable(evaluation: Evaluation, settings: PromoteSettings, stake: Stake) -> Gate:
    seen = evaluation.anchor if evaluation.anchor and evaluation.anchor.digest == stake.anchor.digest else None
    why = (seen and seen.why_not) or "the evaluation was made without it, start the run again"
    opened = settings.replace_incomparable
    evidence = "No" if opened else "Not enough"
    sentence = f"{evidence} evidence: the anchor ({stake.anchor.label}) cannot be compared: {why}. {_way_on(settings)}"
    return Gate("anchor_compared", opened, None, settings.min_test_rows, sentence, opened)


def _way_on(settings: PromoteSettings) -> str:
    if settings.replace_incomparable:
        return "The candidate may be promoted nonetheless, as promote.replace_incomparable says."
    return (
        "To go on, name another version in promote.anchor, add test rows, or set promote.replace_incomparable to true "
        "for one run."
    )
