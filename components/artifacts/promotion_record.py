"""The promotion record: which model is in production, and which one was before it.

One JSON document for each model name, at `promotions/<name>.json` in the store. It is the truth (MLflow's
aliases have no compare-and-set and only follow it) and changes by conditional write alone: a writer says
which version it read, and the store refuses the write when another one was first. So nothing is lost or moved
back.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Literal
from uuid import uuid4

from pydantic import ValidationError

from stillhouse.components.artifacts.ledger import Ledger, Look, alpha_of
from stillhouse.components.config.settings import Settings, explain
from stillhouse.components.signing.document import Signature, check_document, signed_document
from stillhouse.components.signing.keys import FILE as KEY_FILE
from stillhouse.components.signing.keys import keep_public, signing_key
from stillhouse.components.storage.store import Conflict, NotFound, Store
from stillhouse.errors import UserError

MAX_ATTEMPTS = 100
"""Conditional writes one change may lose before it gives up; each loss means that another one got through."""
MAX_HISTORY = 200
"""Events a record keeps, newest last."""
MOVES = ("promoted", "rolled_back")
"""Events after which another model is the champion."""

What = Literal["promoted", "rolled_back", "registered", "waiting", "declined"]
"""What may happen to a record: a candidate that waited is promoted, or declined."""
Decision = Literal["promoted", "rejected", "conflict"]
"""What may become of a candidate that has waited."""
UNFOLLOWED = ("waiting", "declined")
"""Events that change nothing that MLflow's aliases follow."""


class Entry(Settings):
    """A promoted model: where its copy lies, and what it was made from."""

    version: str | None = None
    """In the model registry; None until it is registered there."""
    digest: str
    """sha256 of the model folder's content."""
    uri: str
    """Address of the copy when it was promoted; its digest finds it in the store at hand, which may have moved."""
    run: str
    """Pipeline run that promoted it."""
    dataset_digest: str
    statistics_uri: str
    """The same of its dataset.json: what the drift of later data is measured against."""
    inputs: str = ""
    """Digest of all that the model was made from; empty when the step ran alone."""
    prepare_inputs: str = ""
    """Digest of all that its dataset was made from."""
    reference: str | None = None
    """The dataset.json that the drift of its own dataset was measured against."""
    reference_model: str | None = None
    """The model whose rows were not new to its run; None where none was asked for."""
    data_since: str | None = None
    """The first partition of its data, where its source is a window. UTC, ISO 8601, as below."""
    data_until: str | None = None
    """When its run was due, where its source is a window: there that of the next model begins."""
    promoted_at: str
    """UTC, ISO 8601."""
    load: str = "transformers"
    """What kind of model it is, as its model.json says."""
    look: int = 0
    """Number of the look that it was promoted by; 0 before there was a ledger, or anything to look at beside it."""
    signed_by: str = ""
    """Id of the key that its proof, beside its files, was signed with; empty of a model that is not signed."""
    compared_with: "Entry | None" = None
    """The champion it was compared with and replaced, without that one's own `compared_with`."""

    @property
    def name(self) -> str:
        """What a sentence calls it."""
        return f"{self.label} of the run {self.run} (promoted {self.promoted_at})"

    @property
    def label(self) -> str:
        """Its short name."""
        return f"version {self.version}" if self.version else f"the model {self.digest[:12]}"

    @property
    def has_weights(self) -> bool:
        """Whether a training can start from it."""
        return self.load == "transformers"

    def alone(self) -> "Entry":
        """The entry without the one it was compared with."""
        return self.model_copy(update={"compared_with": None})


class Waiting(Entry):
    """A candidate that holds all gates and waits for a person; its `promoted_at` is since when."""

    until: str
    """The deadline."""
    anchor: Entry | None = None
    """The anchor from its promotion on; None: the candidate itself."""
    held_against: str = ""
    """Digest of the anchor that it was held against; empty before there was one."""

    @property
    def deadline(self) -> str:
        """For people."""
        return f"{datetime.fromisoformat(self.until):%Y-%m-%d %H:%M} UTC"

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return datetime.fromisoformat(self.until) <= datetime.now(UTC)


class Decided(Settings):
    """What became of a candidate that has waited."""

    decision: Decision
    run: str
    """That made it."""
    digest: str
    inputs: str
    dataset_digest: str
    load: str
    by: str = ""
    """Who said so; empty where nobody did: the deadline passed, or a later candidate took its place."""
    note: str = ""
    """What that person added."""
    time: str
    why: str
    """In a sentence."""


class Event(Settings):
    """One change of the record."""

    serial: int
    what: What
    digest: str
    """Of the champion after the change (of the model that got its version, for `registered`; of the candidate, for
    `waiting` and `declined`)."""
    run: str
    time: str
    by: str = ""
    """The person who approved or rejected."""
    id: str = ""
    """Of this change alone: by it a writer whose answer was lost knows its own."""


class Record(Settings):
    """The promotion record of one model name."""

    format: Literal[1] = 1
    serial: int = 0
    """Number of changes so far; 0 before the first promotion."""
    champion: Entry | None = None
    previous: Entry | None = None
    anchor: Entry | None = None
    """The best champion so far by paired evidence, against which every candidate is held; see `reference`."""
    previous_anchor: Entry | None = None
    """The anchor beside `previous`: a rollback brings it back."""
    waiting: Waiting | None = None
    """The candidate that a person is to decide about."""
    decided: Decided | None = None
    """What was decided last about one that had waited."""
    ledger: Ledger = Ledger()
    history: tuple[Event, ...] = ()
    followed: int = 0
    """The serial that MLflow's aliases were last set from; while it is another one they do not follow yet."""
    signature: Signature | None = None
    """Of all of the above; None of a record that is not signed."""

    @property
    def signed_by(self) -> str:
        """Id of the key that it is signed with; empty where it is not."""
        return self.signature.key if self.signature else ""

    @property
    def rolled_back(self) -> Entry | None:
        """The model that the last rollback took out of production, until the next promotion."""
        moves = [event.what for event in self.history if event.what in MOVES]
        return self.previous if moves and moves[-1] == "rolled_back" else None

    @property
    def reference(self) -> Entry | None:
        """The anchor; of a record of 0.1.0, which has none, the champion."""
        return self.anchor or self.champion

    @property
    def roles(self) -> dict[str, Entry]:
        """The models that it refers to, by the part they play."""
        named = {
            "champion": self.champion,
            "previous": self.previous,
            "anchor": self.anchor,
            "previous_anchor": self.previous_anchor,
            "waiting": self.waiting,
        }
        return {role: entry for role, entry in named.items() if entry}

    def promoted(self, entry: Entry, anchor: Entry | None = None, *, by: str = "", **to: object) -> "Record":
        """The record with `entry` as the champion, and `anchor` as the anchor; None leaves that as it is.

        Args:
            by: The person who approved it.
            to: What else changes.
        """
        after = (anchor or self.reference or entry).alone()
        anchors = {"anchor": after, "previous_anchor": self.reference and self.reference.alone()}
        return self._changed("promoted", entry, by, champion=entry, previous=self.champion, **anchors, **to)

    def proposed(self, candidate: Waiting) -> "Record":
        """The record with a candidate that waits, in the place of one that did before."""
        before = self.decided
        if self.waiting:
            why = f"the candidate of a later run, {candidate.run}, waits in its place."
            before = self.late() if self.waiting.is_late else self.of_waiting("rejected", why)
        return self._changed("waiting", candidate, waiting=candidate, decided=before)

    def of_waiting(self, decision: Decision, why: str, *, by: str = "", note: str = "") -> Decided:
        """A decision about the candidate that waits."""
        entry = self.waiting
        assert entry is not None
        known = {name: getattr(entry, name) for name in ("run", "digest", "inputs", "dataset_digest", "load")}
        return Decided(decision=decision, by=by, note=note, time=now(), why=why, **known)

    def late(self) -> Decided:
        """The decision about one whose deadline has passed."""
        assert self.waiting
        return self.of_waiting("rejected", f"not approved in time, until {self.waiting.deadline}.")

    def decided_as(self, decided: Decided) -> "Record":
        """The record after a decision about the candidate that waited."""
        entry, to = self.waiting, {"waiting": None, "decided": decided}
        assert entry is not None
        if decided.decision != "promoted":
            return self._changed("declined", entry, decided.by, **to)
        own = {name: getattr(entry, name) for name in Entry.model_fields}
        promoted = Entry(**{**own, "promoted_at": decided.time})
        return self.promoted(promoted, entry.anchor or promoted, by=decided.by, **to)

    def swapped(self) -> "Record":
        """The record with champion and previous exchanged, each with the anchor beside it."""
        assert self.previous is not None
        anchors = {"anchor": self.previous_anchor, "previous_anchor": self.anchor}
        return self._changed("rolled_back", self.previous, champion=self.previous, previous=self.champion, **anchors)

    def looked(self, *, decided_now: str, **look: Any) -> "Record":
        """The record after a look that is new; it changes nothing that MLflow follows.

        Args:
            decided_now: Digest of what is known now of the rows that have decided.
            look: See `Look`.
        """
        number = self.ledger.looks + 1
        before = {"number": number, "alpha": alpha_of(number), "decided": self.ledger.decided, "time": now()}
        return self.model_copy(update={"ledger": self.ledger.with_look(Look(**before, **look), decided_now)})

    def registered(self, digest: str, version: str) -> "Record":
        """The record with the registry's `version` noted for the model `digest`, if it had none."""
        new = {
            role: entry.model_copy(update={"version": version})
            for role, entry in self.roles.items()
            if entry.digest == digest and entry.version is None
        }
        return self._changed("registered", next(iter(new.values())), **new) if new else self

    def renumbered(self, digest: str, old: str, new: str) -> "Record":
        """The record with `new` as the version of the model `digest`, where a registry of before had given `old`."""
        changed = {
            role: entry.model_copy(update={"version": new})
            for role, entry in self.roles.items()
            if (entry.digest, entry.version) == (digest, old)
        }
        return self._changed("registered", next(iter(changed.values())), **changed) if changed else self

    def mirrored(self, serial: int) -> "Record":
        """The record with the note that the aliases follow it, unless it has gone on from `serial`."""
        return self.model_copy(update={"followed": serial}) if self.serial == serial != self.followed else self

    def in_production_since(self, moment: datetime) -> set[str]:
        """Digests of the models that were the champion at `moment` or became it later."""
        moves = [(datetime.fromisoformat(event.time), event.digest) for event in self.history if event.what in MOVES]
        before = [digest for time, digest in moves if time < moment]
        return {digest for time, digest in moves if time >= moment} | set(before[-1:])

    def at_alias(self, alias: str) -> Entry | None:
        """The model that models:/NAME@ALIAS means; None for another alias than champion and previous, or before any."""
        return {"champion": self.champion, "previous": self.previous}.get(alias)

    def version_of(self, digest: str) -> str | None:
        """The registry's version of the model `digest`, if it is known here."""
        entries = [entry for entry in self.roles.values() if entry.digest == digest]
        return entries[0].version if entries else None

    def _changed(self, what: What, about: Entry, by: str = "", /, **to: object) -> "Record":
        serial = self.serial + 1
        event = Event(serial=serial, what=what, digest=about.digest, run=about.run, time=now(), by=by, id=uuid4().hex)
        history = (*self.history, event)[-MAX_HISTORY:]
        followed = serial if what in UNFOLLOWED and self.followed == self.serial else self.followed
        return self.model_copy(update={"serial": serial, "history": history, "followed": followed, **to})


def load(store: Store, model_name: str) -> tuple[Record, str | None]:
    """The record, and the version tag that a conditional write needs (None before the first promotion).

    Raises:
        UserError: what lies there is no promotion record of this format.
        Unverified: it is signed, or its models are, and it is not what was signed.
    """
    record, data, tag = _read(store, model_name)
    if data:
        expected = any(entry.signed_by for entry in record.roles.values())
        where = store.uri(record_key(model_name))
        check_document(data, where, _kind(model_name), record.signature, expected=expected)
    return record, tag


def look(store: Store, model_name: str) -> Record:
    """The record as it lies there, whoever has signed it: for what decides nothing by it.

    Raises:
        UserError: what lies there is no promotion record of this format.
    """
    return _read(store, model_name)[0]


def _read(store: Store, model_name: str) -> tuple[Record, bytes, str | None]:
    key = record_key(model_name)
    try:
        data, tag = store.read(key)
    except NotFound:
        return Record(), b"", None
    try:
        return Record.model_validate_json(data), data, tag
    except ValidationError as error:
        where = f"promotion record {store.url}/{key}"
        raise UserError(
            f"{explain(error, Record, where)} Restore the record, or use the release that wrote it."
        ) from None


def change(store: Store, model_name: str, edit: Callable[[Record], Record]) -> Record:
    """Replace the record by `edit(record)`, by conditional write.

    When another writer is first, `edit` is asked again with what that one wrote; it raises to give up, and
    returns the record itself to leave it as it is. A change is made once, also when the answer to its write was
    lost and others have written since.

    Returns:
        The record as it is now in the store.
    """
    refused: Event | None = None
    for _ in range(MAX_ATTEMPTS):
        record, tag = load(store, model_name)
        if refused in record.history:
            return record
        changed = edit(record)
        if changed is record:
            return record
        try:
            data = _written(store, model_name, record, changed)
            store.put_if(record_key(model_name), data, tag)
            return Record.model_validate_json(data)
        except Conflict:
            # A change without an event is one that `edit` finds made.
            refused = changed.history[-1] if changed.serial != record.serial else None
    raise UserError(
        f"{store.url}/{record_key(model_name)}: {MAX_ATTEMPTS} conditional writes in a row were refused; "
        "see whether the store supports them (S3 If-Match), then start again."
    )


def _written(store: Store, model_name: str, before: Record, changed: Record) -> bytes:
    """The changed record as it is stored, signed if what the store holds is.

    Raises:
        UserError: it is signed, and there is no key here to sign it with.
    """
    key = signing_key(store, before.signed_by)
    if before.signature and key is None:
        raise UserError(
            f"{store.uri(record_key(model_name))} is signed, and only who has a key may change it: name its file in "
            f"{KEY_FILE}."
        )
    if key is None:
        return changed.model_dump_json(indent=1).encode()
    keep_public(store, key.public)
    return signed_document(changed.model_dump(mode="json"), _kind(model_name), key)


def _kind(model_name: str) -> str:
    """What is signed beside the content: the record of one model is not that of another."""
    return f"application/vnd.stillhouse.promotion-record+json; name={model_name}"


def model_names(store: Store) -> list[str]:
    """Names of the models that have a promotion record."""
    return [PurePosixPath(entry.key).stem for entry in store.list("promotions") if entry.key.endswith(".json")]


def record_key(model_name: str) -> str:
    """Where the record lies in the store."""
    return f"promotions/{model_name}.json"


def now() -> str:
    """The time, as the record writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
