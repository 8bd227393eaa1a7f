"""What a verdict says, in sentences."""

from collections.abc import Iterable

from stillhouse.components.artifacts.evaluation import Evaluation, HalfRows, NegativeFlips, PairedDifference
from stillhouse.components.artifacts.verdict import Gate, Verdict


def first_sentences(evaluation: Evaluation, gates: Iterable[Gate], *, in_its_place: bool = False) -> str:
    """Which is better, the student or the strong baseline, and by how much; where it is not the student, what to try
    next. Empty for an evaluation that does not compare them.

    Args:
        gates: of the student.
        in_its_place: whether the baseline is promoted instead of the student.
    """
    strong = evaluation.strong_baseline
    if strong is None:
        return ""
    difference, lower, upper = _sorted(evaluation, evaluation.differences[strong])
    stands = _stands(evaluation.title(strong), difference, lower, upper, in_its_place)
    beaten = difference <= 0 or any(gate.name == f"beat_{strong}" and not gate.passed for gate in gates)
    return f"{stands} {what_next(evaluation)}".rstrip() if beaten or in_its_place else stands


def what_next(evaluation: Evaluation) -> str:
    """What this run shows to be worth a try, with what shows it; empty when nothing does."""
    evidence, ideas = evaluation.evidence, []
    half, strong = evidence.half_rows, evaluation.strong_baseline
    if half and strong and _sorted(evaluation, half)[1] > 0:
        loss, baseline = _sorted(evaluation, half)[0], evaluation.title(strong)
        ideas.append(f"more rows (on half of the {half.of:,} training rows {baseline} loses {loss:.3f})")
    if evidence.random_start:
        ideas.append("a base (the teacher started from random weights)")
    if steps := evidence.still_gaining:
        ideas.append(f"a larger budget ({' and '.join(steps)} still gained at the last evaluation)")
    return f"To try next: {', '.join(ideas)}." if ideas else ""


def _sorted(evaluation: Evaluation, paired: PairedDifference | HalfRows) -> tuple[float, float, float]:
    """By how much the first is better than the second: at all, at worst, at best."""
    if evaluation.greater_is_better:
        return paired.difference, paired.lower, paired.upper
    return -paired.difference, -paired.upper, -paired.lower


def _stands(baseline: str, difference: float, lower: float, upper: float, in_its_place: bool) -> str:
    ahead, behind = f"({lower:.3f} to {upper:.3f})", f"({-upper:.3f} to {-lower:.3f})"
    taken = " and was promoted in its place" if in_its_place else ""
    if difference > 0:
        place = f"; {baseline} was promoted in its place" if in_its_place else ""
        chance = "" if lower > 0 else ", which may be chance"
        verb = "beats" if lower > 0 else "is ahead of"
        return f"The student {verb} {baseline} by {difference:.3f} {ahead}{chance}{place}."
    if difference == 0:
        return f"{baseline} is as good as the student {behind}{taken}."
    if upper < 0:
        return f"{baseline} is better than the student by {-difference:.3f} {behind}{taken}."
    chance = ", which may be chance," if in_its_place else ", which may be chance"
    return f"{baseline} is ahead of the student by {-difference:.3f} {behind}{chance}{taken}."


def better(lead: float) -> str:
    """A lead by a bound, before what it is over."""
    return f"at least {lead:.4f} better than" if lead > 0 else f"at worst {-lead:.4f} worse than"


def told_flips(flips: NegativeFlips, confidence: float) -> str:
    """How many rows the candidate loses that the champion has right, before a stop."""
    return (
        f"The candidate has {flips.number:,} of {flips.rows:,} rows wrong that the champion has right: a rate of "
        f"{flips.rate:.4f}, at most {flips.upper:.4f} ({confidence * 100:.3g} % one-sided)"
    )


def flips_of(verdict: Verdict) -> str:
    """The same of a verdict's candidate, as a sentence; empty where none were counted."""
    flips = verdict.negative_flips
    return f"{told_flips(flips, verdict.measured.confidence)}." if flips else ""
