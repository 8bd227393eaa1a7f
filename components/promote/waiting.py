"""Candidates that hold all gates and wait for a person: who waits, until when, and what a person has said before."""

from datetime import UTC, datetime, timedelta

from stillhouse.components.artifacts.promotion_record import Entry, Record, Waiting, now
from stillhouse.components.artifacts.verdict import Approval
from stillhouse.components.config.duration import seconds
from stillhouse.components.promote.choice import Choice
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.promote.settling import Outcome, has_promoted, is_same


def proposal(record: Record, settings: PromoteSettings, candidate: Entry, anchor: Entry) -> Waiting:
    """The candidate as it waits.

    Args:
        anchor: The anchor once it is promoted.
    """
    until = datetime.now(UTC) + timedelta(seconds=seconds(settings.approval_deadline))
    own = {name: getattr(candidate, name) for name in Entry.model_fields}
    return Waiting(
        **own,
        until=until.isoformat(timespec="seconds"),
        anchor=None if anchor.digest == candidate.digest else anchor,
        held_against=record.reference.digest if record.reference else "",
    )


def waits(record: Record, model_name: str, candidate: Entry, choice: Choice) -> Outcome | None:
    """The outcome of a candidate that waits, or whose like does; None where neither is so."""
    waiting = record.waiting
    if waiting is None:
        return None
    if (waiting.digest, waiting.run) == (candidate.digest, candidate.run):
        asked = " or ".join(f"`stillhouse {verb} {model_name} --run {waiting.run}`" for verb in ("approve", "reject"))
        why = f"All gates hold. Waiting for approval until {waiting.deadline}: {asked}."
        return Outcome("waiting", choice.tell(why))
    if is_same(waiting, candidate) and not waiting.is_late:
        why = f"A candidate of the same inputs waits for approval until {waiting.deadline}"
        return Outcome("unchanged", f"{why}: that of the run {waiting.run}.")
    return None


def approval_of(record: Record, candidate: Entry, choice: Choice) -> Approval:
    """What the verdict says of a candidate that waits, or did until just now."""
    waiting = record.waiting
    until = waiting.until if waiting and waiting.run == candidate.run else now()
    return Approval(until=until, reason=has_promoted(candidate, choice).why)


def declined(record: Record, candidate: Entry) -> Outcome | None:
    """A model that a person has rejected is not proposed again: on unchanged inputs the next run makes the same one."""
    said = record.decided
    if said is None or said.decision != "rejected" or not said.by or not is_same(said, candidate):
        return None
    why = (
        f"{said.by} rejected this model at {said.time}, and it is not proposed again; change the data or the settings."
    )
    return Outcome("rejected", why)
