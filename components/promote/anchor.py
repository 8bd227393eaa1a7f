"""The anchor: which model it is, what a run is told of it, and which it is after a promotion."""

from stillhouse.components.artifacts.evaluation import Evaluation, ShelfLife
from stillhouse.components.artifacts.held_against import HeldAgainst, Rival
from stillhouse.components.artifacts.kept import AT_HAND, found_model, model_key, statistics_key
from stillhouse.components.artifacts.ledger import ERROR
from stillhouse.components.artifacts.promotion_record import Entry, Record, load
from stillhouse.components.artifacts.verdict import Spending
from stillhouse.components.promote.choice import Choice
from stillhouse.components.promote.looking import Stake, is_compared
from stillhouse.components.promote.presence import present
from stillhouse.components.promote.settings import PromoteSettings
from stillhouse.components.storage.store import Store
from stillhouse.errors import UserError


def anchor_of(store: Store, settings: PromoteSettings, record: Record) -> Entry | None:
    """The model that candidates are held against beside the champion; None before the first promotion.

    Raises:
        UserError: `promote.anchor` names a version that there is not, or whose model the store does not hold.
    """
    if settings.anchor is None:
        anchor = record.reference
    else:
        known = (entry for entry in record.roles.values() if entry.version == settings.anchor)
        anchor = next(known, None) or _registered(store, settings.model_name, settings.anchor)
        if not found_model(store, anchor.digest, anchor.uri):
            raise UserError(
                f"promote.anchor names version {settings.anchor} of '{settings.model_name}', whose model is not whole "
                f"at {store.uri(model_key(anchor.digest))}; copy it back, or name another version."
            )
    return present(store, settings.model_name, anchor.alone(), needed=False) if anchor else None


def held_against(
    store: Store, settings: PromoteSettings, inputs: str, champion: Entry | None
) -> tuple[str, Entry | None]:
    """What evaluate is told, as JSON ("" without a champion), and the anchor.

    A run whose inputs were looked at before, beside the same champion, is told the same again: all its steps come from
    the cache, and its look is that one.

    Args:
        inputs: Digest of all that the candidate is made from.
        champion: What it is compared with.
    """
    record, _ = load(store, settings.model_name)
    anchor, ledger = anchor_of(store, settings, record) if champion else None, record.ledger
    if champion is None or anchor is None:
        return "", None
    look = ledger.made_from(inputs, champion.digest)
    if record.champion and record.champion.digest != champion.digest:  # a repeated run: what its own was told
        of_look = (one for one in record.roles.values() if look and one.digest == look.anchor)
        then = next(of_look, None) if look else record.previous_anchor or champion
        if then:
            anchor = present(store, settings.model_name, then.alone(), needed=False)
    told = HeldAgainst(
        version=champion.version,
        digest=champion.digest,
        uri=champion.uri,
        anchor=_rival(anchor),
        decided=look.decided if look else ledger.decided,
        look=champion.look,
        shelf_life=settings.shelf_life,
    )
    return told.model_dump_json(), anchor


def anchor_after(
    settings: PromoteSettings, evaluation: Evaluation, choice: Choice, stake: Stake | None, candidate: Entry
) -> Entry:
    """The anchor once the candidate is promoted: the candidate itself, where it is surely better, or where there is
    nothing that it can be held against."""
    if stake is None:
        return candidate
    if settings.anchor is not None:
        return stake.anchor
    lost = not is_compared(evaluation, stake.anchor)
    beaten = stake.is_beaten_by(choice.to_anchor(evaluation), evaluation.greater_is_better)
    return candidate if lost or beaten else stake.anchor


def spending(stake: Stake | None, evaluation: Evaluation, record: Record, *, had_anchor: bool) -> Spending | None:
    """What the verdict says of the ledger.

    Args:
        record: After the look.
        had_anchor: Whether the record had one before; that of an earlier release has none.
    """
    if stake is None:
        return None
    look, ledger = stake.look, record.ledger
    first = "" if had_anchor else " The record had none: the champion is the anchor from now on."
    spent = (
        f"Look {look.number:,} has spent {look.alpha:.2g} of the {ERROR * 100:.3g} % that all looks together may err; "
        if look
        else "Nothing was looked at, and nothing spent; "
    )
    sentence = f"The anchor is {stake.anchor.label}.{first} {spent}{ledger.left:.2g} is left."
    if evaluation.shelf_life:
        sentence += f" {_shelf_life(evaluation.shelf_life)}"
    return Spending(
        anchor=stake.anchor.label,
        look=look.number if look else None,
        alpha=look.alpha if look else 0.0,
        spent=ledger.spent,
        left=ledger.left,
        sentence=sentence,
    )


def _shelf_life(found: ShelfLife) -> str:
    if found.fresh == found.rows:
        return f"All {found.rows:,} test rows are fresh: they have decided nothing yet."
    return (
        f"Of {found.rows:,} test rows {found.fresh:,} are fresh, {found.fresh_since_champion:,} since the champion; "
        f"the others have decided up to {found.times:,} times before, of {found.limit:,} that a row may."
    )


def _rival(entry: Entry) -> Rival:
    return Rival(version=entry.version, digest=entry.digest, uri=entry.uri)


def _registered(store: Store, model_name: str, version: str) -> Entry:
    """A version of before as MLflow's registry has it."""
    from stillhouse.components.tracking.registered import registered_version

    found = registered_version(model_name, version)
    if found is None:
        raise UserError(
            f"promote.anchor names version {version} of '{model_name}', which is not registered; name one that "
            "`stillhouse runs` shows, or leave it out."
        )
    return Entry(
        version=version,
        digest=found.digest,
        uri=AT_HAND + model_key(found.digest),
        run=found.run,
        dataset_digest=found.dataset,
        statistics_uri=AT_HAND + statistics_key(found.dataset),
        promoted_at=found.time,
    )
