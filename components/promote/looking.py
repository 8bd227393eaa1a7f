"""A look at a candidate: which anchor it is held against, and what of the 5 % that costs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stillhouse.components.artifacts.decided_rows import decided_rows, rows_digest, rows_tested
from stillhouse.components.artifacts.evaluation import Evaluation, PairedEstimate
from stillhouse.components.artifacts.kept import DECIDED
from stillhouse.components.artifacts.ledger import Look, alpha_of
from stillhouse.components.artifacts.promotion_record import Entry, Record, change
from stillhouse.components.promote.bounds import lower_bound, rows_needed
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.lease import hold
from stillhouse.components.storage.store import Store


@dataclass(frozen=True)
class Stake:
    """The anchor, and how sure it has to be that a candidate is not worse."""

    anchor: Entry
    alpha: float
    """The probability of error of one bound: what the look spends, shared by the candidates of one run."""
    needed: int
    """Rows without which no candidate could be within the margin."""
    look: Look | None = None
    """None where nothing was looked at: the anchor cannot be compared, or too few rows are left."""

    def is_beaten_by(self, found: PairedEstimate | None, greater_is_better: bool) -> bool:
        """Whether a candidate is surely better: the bound that shows that it is not worse shows that, too."""
        return (
            found is not None
            and self.look is not None
            and lower_bound(oriented(found, greater_is_better), self.alpha) > 0
        )


def stake_of(
    store: Store,
    settings: PromoteSettings,
    evaluation: Evaluation,
    record: Record,
    *,
    anchor: Entry | None,
    candidate: Entry,
    dataset: Path,
) -> Stake | None:
    """Look at the candidate: what that costs is in the record before anything is decided by it.

    The same candidate, anchor and rows are the same look, however often the run is tried again, and cost once.

    Args:
        anchor: What the evaluation holds the candidates against; None for nothing.
        candidate: The student, of which the others of its run are made.
    """
    if anchor is None:
        return None

    def stake(look: Look | None) -> Stake:
        alpha = (look.alpha if look else alpha_of(record.ledger.looks + 1)) / (1 + len(evaluation.candidates))
        return Stake(anchor, alpha, rows_needed(alpha, settings.within_anchor), look)

    if evaluation.to_anchor is None or not is_compared(evaluation, anchor):
        return stake(None)
    hashes = rows_tested(dataset)
    rows = rows_digest(hashes)
    before = stake(record.ledger.found(candidate.digest, anchor.digest, rows))
    if evaluation.to_anchor.rows < rows_asked_for(evaluation, settings, before):
        return replace(before, look=None)
    return stake(_spend(store, settings, anchor, candidate, hashes, rows))


def _spend(
    store: Store, settings: PromoteSettings, anchor: Entry, candidate: Entry, hashes: np.ndarray, rows: str
) -> Look:
    """Write the look into the record, unless it is there.

    Args:
        hashes: int64 [rows], of the test rows; `rows` is their digest.
    """

    def edit(record: Record) -> Record:
        if record.ledger.found(candidate.digest, anchor.digest, rows):
            return record
        known = decided_rows(store, record.ledger.decided)
        deciding = hashes[known.times_of(hashes) < settings.shelf_life]
        return record.looked(
            candidate=candidate.digest,
            anchor=anchor.digest,
            champion=candidate.compared_with.digest if candidate.compared_with else "",
            rows=rows,
            inputs=candidate.inputs,
            run=candidate.run,
            decided_now=known.after(deciding, record.ledger.looks + 1).put(store),
        )

    with hold(store, DECIDED, run=candidate.run):
        after = change(store, settings.model_name, edit)
    look = after.ledger.found(candidate.digest, anchor.digest, rows)
    assert look is not None
    return look


def is_compared(evaluation: Evaluation, anchor: Entry) -> bool:
    """Whether the evaluation holds its candidates against this anchor."""
    found = evaluation.anchor
    return found is not None and found.compared and found.digest == anchor.digest


def rows_asked_for(evaluation: Evaluation, settings: PromoteSettings, stake: Stake) -> int:
    """Rows that the anchor is compared on at least. Where others are used up, as many as can show anything: fresh ones
    are not wasted on a look that no candidate can pass, and add up from run to run."""
    spared = evaluation.anchor.spared if evaluation.anchor else 0
    return max(settings.min_test_rows, stake.needed if spared else 0)


def oriented(found: PairedEstimate, greater_is_better: bool) -> PairedEstimate:
    """The estimate so that more is better."""
    return found if greater_is_better else found.model_copy(update={"difference": -found.difference})
