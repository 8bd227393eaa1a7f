"""What the promotion record alone says about a candidate, whatever its gates say."""

from typing import NamedTuple

from stillhouse.components.artifacts.promotion_record import Decided, Entry, Record
from stillhouse.components.artifacts.verdict import Decision
from stillhouse.components.promote.choice import Choice


class Outcome(NamedTuple):
    """The decision, and why, in one sentence."""

    decision: Decision
    why: str


class Settled(Exception):
    """The record as it is now decides about the candidate."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome


def has_promoted(candidate: Entry, choice: Choice) -> Outcome:
    """The outcome of a candidate that is in production now."""
    replaced = candidate.compared_with
    place = f"It replaces {replaced.name}." if replaced else "It is the first champion of this name."
    opened = [gate.sentence for gate in choice.gates if gate.opened]
    return Outcome("promoted", choice.tell(" ".join([f"All gates hold. {place}", *opened])))


def settled(record: Record, candidate: Entry, choice: Choice) -> Outcome | None:
    """What the record alone says about the candidate, before any gate; None when the gates decide.

    A model that was rolled back is not promoted again: on unchanged inputs the next scheduled run makes the
    very same one. And a candidate that was compared with another champion than the present one proves nothing
    about the present one: so of two runs that promote at once one wins, and the other says so. Student and baseline of
    the same inputs are compared with each other by the gates; which of them is promoted is for the settings to say.
    """
    champion = record.champion
    if champion and (champion.digest, champion.run) == (candidate.digest, candidate.run):
        return has_promoted(champion, choice)  # this very step, before it was killed and retried
    if champion and is_same(champion, candidate):
        return Outcome("unchanged", f"The champion was made from the same inputs: {champion.name}.")
    if record.rolled_back and is_same(record.rolled_back, candidate):
        when = next(event.time for event in reversed(record.history) if event.what == "rolled_back")
        sentence = (
            f"This model was rolled back at {when} and is not promoted again; change the data or the "
            "settings, or bring it back by another rollback."
        )
        return Outcome("rejected", sentence)
    rival = champion.compared_with if champion and _beside(champion, candidate) else champion
    if (rival and rival.digest) != (candidate.compared_with and candidate.compared_with.digest):
        first = "The champion was rolled back in the meantime" if record.rolled_back else "Another run was first"
        sentence = (
            f"{first}: the champion is now {champion.name if champion else 'none'}, and this "
            "candidate was not compared with it; start the run again."
        )
        return Outcome("conflict", sentence)
    return None


def is_same(entry: Entry | Decided, candidate: Entry) -> bool:
    """Whether they are one model, or one of the same inputs and kind."""
    same_inputs = bool(candidate.inputs and entry.inputs == candidate.inputs)
    return entry.digest == candidate.digest or (same_inputs and entry.load == candidate.load)


def _beside(champion: Entry, candidate: Entry) -> bool:
    """Whether they are the student and the baseline of the same inputs."""
    return bool(candidate.inputs) and champion.inputs == candidate.inputs and champion.load != candidate.load
