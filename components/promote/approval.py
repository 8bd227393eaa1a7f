"""A person's decision about a candidate that waits, by conditional write: of two at once one wins, one is told."""

import numpy as np

from stillhouse.components.artifacts.forgotten import forgotten_rows
from stillhouse.components.artifacts.kept import found_model
from stillhouse.components.artifacts.known_rows import known_rows
from stillhouse.components.artifacts.promotion_record import (
    Decided,
    Record,
    Waiting,
    change,
    load,
    model_names,
)
from stillhouse.components.artifacts.proof import verified_in_store
from stillhouse.components.promote.after_decision import follow_up
from stillhouse.components.promote.choice import STUDENT, Choice
from stillhouse.components.promote.settling import Outcome, settled
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError
from stillhouse.spelling import did_you_mean

MAX_BY = 100
"""Characters of a person's name, and ..."""
MAX_NOTE = 1000
"""... of what that person adds."""


def decide(
    store: Store, model_name: str, *, approves: bool, by: str, run: str = "", note: str = ""
) -> tuple[Decided, list[str]]:
    """Promote or reject the candidate that waits; what it rests on is looked at again, as it is at that moment.

    Args:
        model_name: Name in the model registry.
        by: Who decides, as that person says; the store's rights are what keeps others from it.
        run: The run whose candidate is meant; by default whichever waits.
        note: What that person adds.

    Returns:
        What was decided: `promoted`; `rejected`, also where the deadline has passed or rows were forgotten meanwhile;
        `conflict` where the champion or the anchor is another one by now. And what does not follow yet, in sentences.

    Raises:
        UserError: nothing waits, or another run's candidate does, somebody else was first, or the model is gone.
    """
    by, note = " ".join(by.split())[:MAX_BY], " ".join(note.split())[:MAX_NOTE]
    if not by:
        raise UserError("It is not known who decides; give a name (--by NAME, or `by` on the form).")
    made: list[Decided] = []

    def edit(record: Record) -> Record:
        waiting = record.waiting
        if waiting is None or (run and waiting.run != run):
            raise UserError(_nothing_waits(store, record, model_name, run))
        if made and made[-1].digest != waiting.digest:
            raise UserError(f"A later candidate, of the run {waiting.run}, waits by now; look at that one first.")
        made.append(_decided(store, record, waiting, approves, by, note))
        return record.decided_as(made[-1])

    change(store, model_name, edit)
    return made[-1], follow_up(store, model_name)


def close_late(store: Store, model_name: str) -> None:
    """Reject a candidate whose deadline has passed, and tell whoever shows it as waiting."""
    record, _ = load(store, model_name)
    if record.waiting and record.waiting.is_late:
        change(
            store, model_name, lambda now: now.decided_as(now.late()) if now.waiting and now.waiting.is_late else now
        )
    follow_up(store, model_name)


def _decided(store: Store, record: Record, waiting: Waiting, approves: bool, by: str, note: str) -> Decided:
    said = {"by": by, "note": note}
    if waiting.is_late:
        return record.late()
    if not approves:
        return record.of_waiting("rejected", f"rejected by {by}{f': {note}' if note else '.'}", **said)
    found = settled(record, waiting, Choice(STUDENT, [], "")) or _another_anchor(record, waiting)
    if found:
        return record.of_waiting("conflict" if found.decision == "conflict" else "rejected", found.why, **said)
    if gone := _forgotten(store, waiting):
        why = f"it has learnt from {gone:,} of the rows that were forgotten meanwhile; start the run again."
        return record.of_waiting("rejected", why, **said)
    if not found_model(store, waiting.digest, ""):
        raise UserError(
            f"the candidate, {waiting.label} of the run {waiting.run}, is not whole in {store.url}; copy it back from "
            "where the store was before, or reject it."
        )
    verified_in_store(store, waiting)
    return record.of_waiting("promoted", f"Approved by {by}{f': {note}' if note else '.'}", **said)


def _another_anchor(record: Record, waiting: Waiting) -> Outcome | None:
    anchor = record.reference
    if (anchor.digest if anchor else "") == waiting.held_against:
        return None
    why = f"The anchor is now {anchor.name if anchor else 'none'}, and this candidate was not held against it; "
    return Outcome("conflict", f"{why}start the run again.")


def _forgotten(store: Store, waiting: Waiting) -> int:
    """How many rows that were forgotten since its run began it has learnt from."""
    forgotten = forgotten_rows(store)
    if forgotten is None:
        return 0
    known = known_rows(store, waiting.digest)
    return int(np.isin(np.union1d(known.labelled, known.others), forgotten.hashes).sum())


def _nothing_waits(store: Store, record: Record, model_name: str, run: str) -> str:
    """Why there is nothing to decide, in a sentence."""
    last = record.decided
    if last and (run in ("", last.run)) and record.waiting is None:
        who = f" by {last.by}" if last.by else ""
        return f"That of the run {last.run} is decided already: {last.decision}{who} at {last.time}. {last.why}"
    if record.waiting:
        return (
            f"The candidate of the run {run} does not wait for approval under '{model_name}'; that of the run "
            f"{record.waiting.run} does, until {record.waiting.deadline}."
        )
    if record.serial:
        return f"Nothing waits for approval under '{model_name}' in {store.url}; `stillhouse runs` shows what does."
    known = did_you_mean(model_name, model_names(store), "check the name and --home.")
    return f"There is no '{model_name}' in {store.url}; {known}"
