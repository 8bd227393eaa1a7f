"""verdict.json: what became of a run's candidate. promote writes it, or decline where there was nothing to learn.

Fields stand in the order of the file. A copy lies in the store, where later runs and the exit step find it.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from stillhouse.components.artifacts.evaluation import Evaluation, NegativeFlips
from stillhouse.components.artifacts.json_artifact import JsonArtifact
from stillhouse.components.artifacts.promotion_record import Entry
from stillhouse.components.artifacts.worth import Cost, ExpectedGain, News
from stillhouse.components.runtime.attempts import VERDICTS
from stillhouse.components.storage.store import NotFound, Store

FORMAT = 1
Decision = Literal[
    "promoted", "rejected", "not enough evidence", "unchanged", "conflict", "nothing to learn", "waiting"
]


@dataclass(frozen=True)
class Gate:
    """One condition: what was measured, what was asked for, and a sentence with both."""

    name: str
    passed: bool
    measured: int | float | None
    """None when there was nothing to measure."""
    limit: int | float
    sentence: str
    opened: bool = False
    """It would not hold, and a setting lets it pass."""
    estimate: float | None = None
    """Of what the bound `measured` is of; None, as `rows`, of gates that say neither."""
    rows: int | None = None
    alpha: float | None = None
    """The probability that the bound is wrong; None of gates that are bounds of neither anchor nor forgetting."""


class Spending(JsonArtifact):
    """What the verdict has spent of the probability that a model below the anchor is ever promoted."""

    anchor: str
    """As people call it."""
    look: int | None = None
    """Its number; None where the candidate was not looked at."""
    alpha: float = 0.0
    """What this look spends."""
    spent: float
    """The sum of all looks so far."""
    left: float
    sentence: str


class Approval(JsonArtifact):
    """That a person was asked, and what came of it."""

    until: str
    """The deadline; UTC, ISO 8601, as below."""
    reason: str
    """Why it may be promoted, in sentences."""
    by: str = ""
    """Who approved or rejected, as that person said; empty while it waits, and where nobody decided."""
    note: str = ""
    """What that person added."""
    time: str | None = None
    """When it was decided; None while it waits."""


class Verdict(JsonArtifact):
    """verdict.json."""

    format: int
    decision: Decision
    why: str
    """In sentences."""
    model_name: str
    version: str | None = None
    """In the model registry, of the model that is in production now; None where the run brought none there."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """What the run was asked for; empty where promote ran alone."""
    candidate: str = "student"
    """The model that the gates were for, as evaluation.json calls it."""
    gates: list[Gate] = Field(default_factory=list)
    passed_over: list[Gate] = Field(default_factory=list)
    """The student's gates, where it is not the candidate."""
    loses_to: list[str] = Field(default_factory=list)
    """Baselines that the candidate is behind, or does not surely reach, as evaluation.json calls them."""
    ledger: Spending | None = None
    """None where there was no anchor."""
    approval: Approval | None = None
    """None where no person was asked."""
    notes: list[str] = Field(default_factory=list)
    """What does not follow yet, in sentences."""
    evaluation: Evaluation | None = None
    """None where nothing was trained."""
    champion_before: Entry | None = None
    news: News | None = None
    """What the run's data held that the champion had not seen; None, as the next two, where it is not known."""
    expected: ExpectedGain | None = None
    """What the run was expected to gain."""
    cost: Cost | None = None
    run: str
    time: str
    """UTC, ISO 8601."""

    @property
    def measured(self) -> Evaluation:
        """The evaluation of a verdict that promote reached.

        Raises:
            LookupError: nothing was trained.
        """
        if self.evaluation is None:
            raise LookupError(f"the run {self.run} has no evaluation")
        return self.evaluation

    @property
    def negative_flips(self) -> NegativeFlips | None:
        """The candidate's, as far as they were counted."""
        found = self.measured
        return (found.candidates.get(self.candidate) or found).negative_flips

    @property
    def failed(self) -> list[Gate]:
        """The gates that do not hold."""
        return [gate for gate in self.gates if not gate.passed]


def verdict_key(run_id: str) -> str:
    """Where the verdict of a run lies in the store."""
    return f"{VERDICTS}/{run_id}.json"


def stored_verdict(store: Store, run_id: str) -> Verdict | None:
    """The verdict of a run as the store has it; None where it has none.

    Raises:
        UserError: it is not what a step wrote.
    """
    key = verdict_key(run_id)
    try:
        return Verdict.from_json(store.get(key), store.uri(key))
    except NotFound:
        return None
