"""Train again what a proof says, from the proof alone, and say what is the same and what is not.

It is a run of its own in a home folder of its own: store, registry and production stay as they are. Champion and anchor
of then are taken from the store, so that the verdict is reached against the same models, at the same look.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stillhouse.components.artifacts.kept import decided_key, model_key, rows_key, statistics_key
from stillhouse.components.artifacts.known_rows import PROMOTED
from stillhouse.components.artifacts.ledger import Ledger
from stillhouse.components.artifacts.promotion_record import Entry, Record, change
from stillhouse.components.artifacts.proof import Proof
from stillhouse.components.artifacts.recipe_lock import FILE, locked
from stillhouse.components.signing.keys import trusted_keys
from stillhouse.components.storage.digests import PROOF, SIGNATURE
from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.home import local_store
from stillhouse.components.storage.row_key import KEY
from stillhouse.components.storage.store import FileStore, NotFound, Store
from stillhouse.errors import UserError

REPEATS = "repeats"
"""Folder of a home with the homes of repeated runs."""
ELSEWHERE = (
    *("STILLHOUSE_STORE", "STILLHOUSE_SERVING", "STILLHOUSE_WEBHOOK_SECRET"),
    *("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"),
)
"""Environment variables by which a run would change something outside its home."""


class Repeat:
    """A run that is to be repeated.

    Raises:
        UserError: the file is not a proof, was changed since it was signed, or tells too little.
    """

    def __init__(self, file: Path, home: Path) -> None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UserError(f"--from-verdict {file}: it cannot be read ({error.strerror}); name a {PROOF}.") from None
        self.then = Proof.read(data, str(file), None)
        self.notes: list[str] = []
        keys = trusted_keys()
        if self.then.signed_by in keys:
            Proof.read(data, str(file), keys)
        else:
            by = f"with the key {self.then.signed_by[:12]}, which is not trusted here" if self.then.signed_by else ""
            self.notes.append(f"The proof was signed {by}." if by else "Nobody has signed the proof.")
        trained_with = self.then.settings["trained_with"]
        if not self.then.recipe or not trained_with or not all(trained_with.values()):
            raise UserError(f"--from-verdict {file}: the run {self.then.run} has trained no models by a recipe.")
        self._lock = locked(self.then.recipe, trained_with)
        self.original = local_store()
        self.home = _new_home(home / REPEATS / self.then.run)

    def write(self) -> Path:
        """Write the recipe, and what the store has of the models of then, into the home of the repeated run, and let
        this process and those that it starts know no other.

        Returns:
            The recipe's file.
        """
        store, recipe = FileStore(self.home / "store"), self.home / FILE
        with writing(recipe):
            recipe.parent.mkdir(parents=True, exist_ok=True)
            recipe.write_text(self._lock, encoding="utf-8")
        self._bring(store)
        for name in ELSEWHERE:
            os.environ.pop(name, None)
        os.environ["STILLHOUSE_HOME"] = str(self.home)
        return recipe

    def _bring(self, store: Store) -> None:
        before = self.then.settings["record_before"]
        entries = {role: Entry.model_validate(before[role]) for role in ("champion", "anchor") if before[role]}
        bases = {found["digest"] for found in PROMOTED.finditer(self._lock)}
        for digest in bases - {entry.digest for entry in entries.values()}:
            self._copy_model(store, digest)
        self._copy(store, KEY)
        lost = [role for role, entry in entries.items() if not self._copy_entry(store, entry)]
        if lost:
            self.notes.append(
                f"The {' and the '.join(lost)} of then {'is' if len(lost) == 1 else 'are'} not in {self.original.url} "
                "any more: the verdict is reached without."
            )
            return
        ledger = Ledger.model_validate(before["ledger"])
        for digest in ledger.needed:
            self._copy(store, decided_key(digest))
        plain = {role: entry.model_copy(update={"signed_by": ""}) for role, entry in entries.items()}
        name = self.then.statement["predicate"]["buildDefinition"]["externalParameters"]["model_name"]
        if plain:
            change(
                store,
                name,
                lambda record: Record(ledger=ledger, champion=plain.get("champion"), anchor=plain.get("anchor")),
            )

    def _copy_entry(self, store: Store, entry: Entry) -> bool:
        self._copy(store, rows_key(entry.digest))
        return self._copy_model(store, entry.digest) and self._copy(store, statistics_key(entry.dataset_digest))

    def _copy_model(self, store: Store, digest: str) -> bool:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            try:
                self.original.get_folder(model_key(digest), folder)
            except NotFound:
                return False
            for name in (PROOF, SIGNATURE):  # what it was promoted by there is nothing here
                (folder / name).unlink(missing_ok=True)
            store.put_folder(folder, model_key(digest))
        return True

    def _copy(self, store: Store, key: str) -> bool:
        try:
            store.put(key, self.original.get(key))
        except NotFound:
            return False
        return True

    def compare(self, folder: Path, say: Callable[[str], None]) -> bool:
        """Say what the run in `folder` has in common with that of then; whether weights and verdict are the same."""
        now = Proof.read((folder / PROOF).read_bytes(), str(folder / PROOF), None)
        for line in [*self.notes, *_made_of(self.then, now)]:
            say(line)
        weights = _weights(self.then, now, self.original, FileStore(self.home / "store"))
        verdict = list(_verdict(self.then, now))
        say(f"weights    {weights or 'the same, bit for bit'}")
        say(f"verdict    {'; '.join(verdict) or 'the same: ' + now.verdict['decision'] + ', and each gate'}")
        return not (weights or verdict)


def _new_home(path: Path) -> Path:
    names = (path if number == 1 else path.with_name(f"{path.name}-{number}") for number in count(1))
    return next(name for name in names if not name.exists()).absolute()


def _made_of(then: Proof, now: Proof) -> Iterator[str]:
    """What of the materials is not the same."""
    for name in dict.fromkeys([*then.materials, *now.materials]):
        old, new = then.materials.get(name, {}), now.materials.get(name, {})
        told = "annotations" if name in ("packages", "hardware") else "digest"
        found, other = old.get(told, {}), new.get(told, {})
        odd = [key for key in dict.fromkeys([*found, *other]) if found.get(key) != other.get(key)]
        parts = [f"{key} {_short(found.get(key))} then, {_short(other.get(key))} now" for key in odd]
        if parts:
            yield f"{name:<10} differs: {'; '.join(parts)}"
        elif found:
            yield f"{name:<10} the same"


def _short(value: object) -> str:
    text = "none" if value in (None, "", []) else str(value)
    return text[:12] if len(text) in (40, 64) and " " not in text else text


def _weights(then: Proof, now: Proof, original: Store, again: Store) -> str:
    """How the files of the candidate differ, but for model.json, which names the commit; empty where they do not."""
    files = {*then.subject, *now.subject} - {SIGNATURE, "model.json"}
    odd = sorted(name for name in files if then.subject.get(name) != now.subject.get(name))
    if not odd:
        return ""
    furthest = _distance(original, then.digest, again, now.digest)
    far = "" if furthest is None else f", weights by up to {furthest:.3g}"
    return f"{len(odd)} of {len(files)} files differ ({', '.join(odd)}){far}"


def _distance(original: Store, old: str, again: Store, new: str) -> float | None:
    """The largest difference of two weights; None where not both models are at hand, or they are of other shapes."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, name) for name in ("then", "now")]
        try:
            for store, digest, folder in zip((original, again), (old, new), folders, strict=True):
                store.get_folder(model_key(digest), folder)
            first, second = (load_file(folder / "model.safetensors") for folder in folders)
            return max(float(np.abs(first[name] - second[name]).max()) for name in {*first, *second})
        except (NotFound, SafetensorError, OSError, LookupError, TypeError, ValueError):
            return None


def _verdict(then: Proof, now: Proof) -> Iterator[str]:
    """What of the verdict is not the same; how fast a model was is never the same twice, and whether it was fast enough
    counts."""
    decided, again = _reached(then), _reached(now)
    if decided != again:
        yield f"{decided} then, {again} now"
    old, new = ({gate["name"]: gate for gate in proof.verdict["gates"]} for proof in (then, now))
    for name in dict.fromkeys([*old, *new]):
        keys = ("passed",) if name.startswith("latency") else ("passed", "measured")
        found, other = (tuple((gates.get(name) or {}).get(key) for key in keys) for gates in (old, new))
        if found != other:
            yield f"gate {name}: {_gate(old.get(name))} then, {_gate(new.get(name))} now"


def _reached(proof: Proof) -> str:
    """The decision without what a person has said: nobody is asked again."""
    return "waiting" if proof.verdict.get("approval") else proof.verdict["decision"]


def _gate(gate: dict[str, object] | None) -> str:
    return f"{gate['measured']} ({'held' if gate['passed'] else 'failed'})" if gate else "none"
