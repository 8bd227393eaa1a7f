"""Which model may go into production: the student, or the baseline that it does not reach."""

from dataclasses import dataclass, field

from stillhouse.components.artifacts.evaluation import Evaluation, PairedEstimate
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.artifacts.verdict import Gate
from stillhouse.components.promote.gates import judge
from stillhouse.components.promote.looking import Stake
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.wording import beaten_by, first_sentences

STUDENT = "student"


@dataclass(frozen=True)
class Choice:
    """The candidate, and what it is held against."""

    model: str
    """As evaluation.json calls it."""
    gates: list[Gate]
    said: str
    """How student and baseline stand to each other, and what to try next, in sentences; empty when nothing is known."""
    passed_over: list[Gate] = field(default_factory=list)
    """The student's gates, when it is not the candidate."""
    loses_to: list[str] = field(default_factory=list)
    """Baselines that the candidate does not reach, as evaluation.json calls them."""

    def to_anchor(self, evaluation: Evaluation) -> PairedEstimate | None:
        """The candidate beside the anchor; None where that was not compared."""
        return evaluation.to_anchor if self.model == STUDENT else evaluation.candidates[self.model].to_anchor

    def tell(self, why: str) -> str:
        """The reason of a verdict, with what comes before it."""
        return f"{self.said} {why}".lstrip()


def choose(
    evaluation: Evaluation, settings: PromoteSettings, champion: Entry | None, stake: Stake | None = None
) -> Choice:
    """The student if all its gates hold; in its place the baseline, if that alone may be promoted.

    Args:
        champion: What the candidate would replace, as for `judge`.
        stake: What both are held against, as for `judge`.
    """
    gates = judge(evaluation, settings, champion, stake)
    other = next(iter(evaluation.candidates), None)
    lost = beaten_by(evaluation, gates)
    if settings.prefer == "student" or not _is_beaten(gates) or other is None:
        return Choice(STUDENT, gates, first_sentences(evaluation, gates), loses_to=lost)
    beside = judge(seen := _seen_from(evaluation, other), _without(settings, other), champion, stake)
    if all(gate.passed for gate in beside):
        said = first_sentences(evaluation, gates, in_its_place=True, waits=settings.approval == "human")
        return Choice(other, beside, said, gates, beaten_by(seen, beside))
    failed = " ".join(gate.sentence for gate in beside if not gate.passed)
    said = first_sentences(evaluation, gates)
    said = f"{said} {evaluation.title(other)} is not promoted in its place: {failed}".lstrip()
    return Choice(STUDENT, gates, said, loses_to=lost)


def _is_beaten(gates: list[Gate]) -> bool:
    return any(not gate.passed and gate.name.startswith(("beat_", "finite_answers")) for gate in gates)


def _seen_from(evaluation: Evaluation, model: str) -> Evaluation:
    """The evaluation as if `model` were the student: what it was held against is all there is."""
    models = {**evaluation.models, STUDENT: evaluation.models[model]}
    return evaluation.model_copy(update={**dict(evaluation.candidates[model]), "models": models})


def _without(settings: PromoteSettings, baseline: str) -> PromoteSettings:
    """Nothing has to beat itself."""
    named = settings.must_beat and [name for name in settings.must_beat if name != baseline]
    return settings.model_copy(update={"must_beat": named})
