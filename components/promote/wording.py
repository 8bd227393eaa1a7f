"""What a verdict says, in sentences."""

from collections.abc import Iterable, Sequence

from stillhouse.components.artifacts.evaluation import TRIVIAL, Evaluation, HalfRows, NegativeFlips, PairedDifference
from stillhouse.components.artifacts.nights import Night, told_saved
from stillhouse.components.artifacts.verdict import Gate, Verdict


def first_sentences(
    evaluation: Evaluation, gates: Iterable[Gate], *, in_its_place: bool = False, waits: bool = False
) -> str:
    """How the student stands to each baseline that it loses to, and in any case to the strong one; where it is not
    ahead, what to try next. Empty for an evaluation that compares it with nothing of the kind.

    Args:
        gates: of the student.
        in_its_place: whether the strong baseline is promoted instead of the student.
        waits: whether a person is asked first.
    """
    strong = evaluation.strong_baseline
    lost = [] if in_its_place else beaten_by(evaluation, gates)
    told = [*lost, *([strong] if strong and strong not in lost else [])]
    taken = f"{'would be' if waits else 'was'} promoted in its place" if in_its_place else ""
    sentences = [_stands(_called(evaluation, name), *_beside(evaluation, name), taken) for name in told]
    behind = lost or in_its_place or any(_beside(evaluation, name)[0] <= 0 for name in told)
    return " ".join([*sentences, what_next(evaluation) if behind else ""]).rstrip()


def beaten_by(evaluation: Evaluation, gates: Iterable[Gate]) -> list[str]:
    """The baselines that the student loses to: it is behind them, or it does not reach them by the gate's bound,
    whether that is let pass or not. The strong one comes first."""
    missed = {gate.name for gate in gates if not gate.passed or gate.opened}

    def loses_to(name: str) -> bool:
        difference, *_ = _beside(evaluation, name)
        return f"beat_{name}" in missed or difference < 0 or (name == TRIVIAL and difference == 0)

    return [name for name in evaluation.baselines if loses_to(name)]


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


def _called(evaluation: Evaluation, baseline: str) -> str:
    title = evaluation.title(baseline)
    return f"the baseline '{title}'" if baseline == TRIVIAL else title


def _beside(evaluation: Evaluation, baseline: str) -> tuple[float, float, float]:
    return _sorted(evaluation, evaluation.differences[baseline])


def _sorted(evaluation: Evaluation, paired: PairedDifference | HalfRows) -> tuple[float, float, float]:
    """By how much the first is better than the second: at all, at worst, at best."""
    if evaluation.greater_is_better:
        return paired.difference, paired.lower, paired.upper
    return -paired.difference, -paired.upper, -paired.lower


def _stands(baseline: str, difference: float, lower: float, upper: float, taken: str) -> str:
    ahead, behind = f"({lower:.3f} to {upper:.3f})", f"({-upper:.3f} to {-lower:.3f})"
    and_taken = f" and {taken}" if taken else ""
    first = f"{baseline[0].upper()}{baseline[1:]}" if baseline.startswith("the ") else baseline
    if difference > 0:
        place = f"; {baseline} {taken}" if taken else ""
        chance = "" if lower > 0 else ", which may be chance"
        verb = "beats" if lower > 0 else "is ahead of"
        return f"The student {verb} {baseline} by {difference:.3f} {ahead}{chance}{place}."
    if difference == 0:
        return f"{first} is as good as the student {behind}{and_taken}."
    if upper < 0:
        return f"{first} is better than the student by {-difference:.3f} {behind}{and_taken}."
    chance = ", which may be chance," if taken else ", which may be chance"
    return f"{first} is ahead of the student by {-difference:.3f} {behind}{chance}{and_taken}."


def better(lead: float) -> str:
    """A lead by a bound, before what it is over."""
    return f"at least {lead:.4f} better than" if lead > 0 else f"at worst {-lead:.4f} worse than"


def told_flips(flips: NegativeFlips, confidence: float) -> str:
    """How many rows the candidate loses that the champion has right, before a stop."""
    return (
        f"The candidate has {flips.number:,} of {flips.rows:,} rows wrong that the champion has right: a rate of "
        f"{flips.rate:.4f}, at most {flips.upper:.4f} ({confidence * 100:.3g} % one-sided)"
    )


def gain_of(verdict: Verdict, nights: Sequence[Night]) -> str:
    """What the run was expected to gain over the champion, what it gained, and what skipped runs have saved; empty
    where nothing of it is known."""
    gained, expected = Night.of(verdict), verdict.expected
    measured = "" if gained.gain is None else f"The candidate gains {gained.gain:.4f} over the champion."
    return " ".join(filter(None, (expected.sentence if expected else "", measured, told_saved(nights))))


def flips_of(verdict: Verdict) -> str:
    """The same of a verdict's candidate, as a sentence; empty where none were counted."""
    flips = verdict.negative_flips
    return f"{told_flips(flips, verdict.measured.confidence)}." if flips else ""
