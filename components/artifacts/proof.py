"""The proof of a verdict: what a candidate is, what it was made of and how, and why it was promoted or was not.

One statement of in-toto (https://in-toto.io/Statement/v1) with the provenance of SLSA
(https://slsa.dev/spec/v1.0/provenance), in a signed envelope. It lies beside the files of a model that was promoted, in
the folder of its run, and in the store at `proofs/RUN.intoto.jsonl`.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stillhouse.components.artifacts.kept import model_key, statistics_key
from stillhouse.components.artifacts.promotion_record import Entry, Record
from stillhouse.components.artifacts.verdict import Verdict
from stillhouse.components.signing.envelope import Unverified, unseal
from stillhouse.components.signing.keys import PublicKey, trusted_keys
from stillhouse.components.storage.digests import (
    PROOF,
    SIGNATURE,
    digest_json,
    files_below,
    sha256_bytes,
    sha256_file,
)
from stillhouse.components.storage.manifest import MANIFEST
from stillhouse.components.storage.store import NotFound, Store
from stillhouse.errors import UserError

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:stillhouse:retrain:v1"
"""What the parameters of the statement are those of: a recipe, and the settings that followed from its data."""
PROOFS = "proofs"
"""Folder of a store."""
LATER = ("version", "notes")
"""Keys of a verdict that follow when the registry does; all others are part of the proof."""
DATASET, CODE, PACKAGES, IMAGE, HARDWARE = "dataset", "code", "packages", "image", "hardware"
"""Names of materials; those of base models begin with `base`."""


@dataclass(frozen=True)
class Proof:
    """A statement, as it was read out of its envelope."""

    statement: dict[str, Any]
    signed_by: str
    """Id of the key; empty where nobody has signed."""

    @classmethod
    def read(cls, data: bytes, where: str, keys: Mapping[str, PublicKey] | None) -> "Proof":
        """The statement in an envelope.

        Args:
            where: It lies, for messages.
            keys: Those that are trusted; None: only look what is in it.

        Raises:
            Unverified: it was changed, signed by another key, or is not a statement of this kind.
        """
        opened = unseal(data, where, keys)
        found = cls(json.loads(opened.payload), opened.signed_by)
        if (found.statement.get("_type"), found.statement.get("predicateType")) != (STATEMENT, PREDICATE):
            raise Unverified(f"'{where}' is not a proof of Stillhouse's; name a file {PROOF}.")
        return found

    @cached_property
    def subject(self) -> dict[str, str]:
        """sha256 of each file of the candidate, by its name."""
        return {one["name"]: one["digest"]["sha256"] for one in self.statement["subject"]}

    @cached_property
    def digest(self) -> str:
        """Digest of the candidate's folder."""
        return digest_json({name: sha256 for name, sha256 in self.subject.items() if name != SIGNATURE})

    @property
    def verdict(self) -> dict[str, Any]:
        """Decision, gates and what else verdict.json says of them."""
        return self.statement["predicate"]["stillhouse_verdict"]

    @property
    def run(self) -> str:
        """Id of the run that decided."""
        return self.statement["predicate"]["runDetails"]["metadata"]["invocationId"]

    def is_of(self, verdict: dict[str, Any]) -> bool:
        """Whether it is the proof of this verdict, which is given as its file has it."""
        byproducts = self.statement["predicate"]["runDetails"]["byproducts"]
        return {one["name"]: one["digest"]["sha256"] for one in byproducts}["verdict"] == digest_of(verdict)

    @property
    def recipe(self) -> dict[str, Any]:
        """What the run was asked for."""
        return self._build["externalParameters"]["recipe"]

    @property
    def settings(self) -> dict[str, Any]:
        """`trained_with` and `promote`: settings of the steps; `record_before`: the promotion record before the
        decision."""
        return self._build["internalParameters"]

    @cached_property
    def materials(self) -> dict[str, dict[str, Any]]:
        """What the candidate was made of, by name: in-toto's resource descriptors."""
        return {one["name"]: one for one in self._build["resolvedDependencies"]}

    @property
    def dataset(self) -> tuple[str, str]:
        """Digests of the data's content and of its dataset.json."""
        described = self.materials[DATASET]
        return described["digest"]["sha256"], described["annotations"]["dataset.json"]

    @property
    def _build(self) -> dict[str, Any]:
        return self.statement["predicate"]["buildDefinition"]


def statement(
    verdict: Verdict,
    subject: Mapping[str, str],
    materials: list[dict[str, Any]],
    *,
    settings: Mapping[str, Any],
    version: str,
) -> dict[str, Any]:
    """The statement of a verdict.

    Args:
        verdict: As it is decided.
        subject: sha256 of each file of the candidate, by its name.
        materials: What it was made of, see `artifacts.materials`.
        settings: See `Proof.settings`.
        version: Of Stillhouse.
    """
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in sorted(subject.items())],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"model_name": verdict.model_name, "recipe": verdict.recipe},
                "internalParameters": dict(settings),
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": "urn:stillhouse", "version": {"stillhouse": version}},
                "metadata": {"invocationId": verdict.run, "finishedOn": verdict.time},
                "byproducts": _byproducts(verdict),
            },
            "stillhouse_verdict": _said(verdict),
        },
    }


def decided_anew(statement: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The statement with the verdict as it is after a person's decision."""
    predicate = statement["predicate"]
    details = {**predicate["runDetails"], "byproducts": _byproducts(verdict)}
    return {**statement, "predicate": {**predicate, "runDetails": details, "stillhouse_verdict": _said(verdict)}}


def _said(verdict: Verdict) -> dict[str, Any]:
    dumped = verdict.model_dump(mode="json")
    told = ("decision", "why", "candidate", "gates", "passed_over", "ledger", "approval", "champion_before", "time")
    return {key: dumped.get(key) for key in told}


def _byproducts(verdict: Verdict) -> list[dict[str, Any]]:
    return [{"name": "verdict", "digest": {"sha256": digest_of(verdict.model_dump(mode="json"))}}]


def digest_of(verdict: dict[str, Any]) -> str:
    """Digest of all that a verdict, as its file has it, says but for what follows later."""
    return digest_json({key: value for key, value in verdict.items() if key not in LATER})


def record_settings(record: Record) -> dict[str, Any]:
    """What of a promotion record a decision hangs on."""
    return record.model_dump(mode="json", include={"champion", "anchor", "ledger"})


def proof_key(run_id: str) -> str:
    """Where the proof of a run's verdict lies in the store."""
    return f"{PROOFS}/{run_id}.intoto.jsonl"


def verified_folder(folder: Path, where: str = "") -> Proof | None:
    """The proof of a model's folder, held against its files and the keys that are trusted; None of a model that is not
    signed.

    Args:
        where: It lies, for messages; the folder where left out.

    Raises:
        Unverified: a file is not what was signed, there is one more or less, or nobody trusted has signed.
    """
    where = where or str(folder)
    files = {name: path for name, path in files_below(folder) if name not in (PROOF, MANIFEST)}
    path = folder / PROOF
    if not path.is_file():
        if SIGNATURE in files and "model.json" in files:
            raise Unverified(f"'{where}': {PROOF} is gone, and {SIGNATURE} is there; bring it back from a copy.")
        return None
    proof = Proof.read(path.read_bytes(), f"{where}/{PROOF}", trusted_keys())
    if not proof.signed_by:
        raise Unverified(f"'{where}/{PROOF}' carries no signature; bring it back from a copy.")
    if odd := sorted(proof.subject.keys() ^ files.keys()):
        what = "is not part of what was signed" if odd[0] in files else "is gone"
        raise Unverified(f"'{where}': {odd[0]} {what}; bring the model back from a copy.")
    for name, sha256 in proof.subject.items():
        if sha256_file(files[name]) != sha256:
            raise Unverified(f"'{where}': {name} was changed since it was signed; bring the model back from a copy.")
    return proof


def verified_entry(entry: Entry, folder: Path, where: str) -> Proof | None:
    """The same of a model that a promotion record names, held against the record too.

    Args:
        folder: A whole copy of it.

    Raises:
        Unverified: as above; or the record says that it is signed, and it is not, or is another model.
    """
    proof = verified_folder(folder, where)
    if proof is None:
        if entry.signed_by:
            raise Unverified(f"'{where}': {PROOF} is gone, with which it was promoted; bring it back from a copy.")
        return None
    if (proof.digest, proof.dataset[0]) != (entry.digest, entry.dataset_digest):
        raise Unverified(f"'{where}': its proof is that of another model than the promotion record names.")
    return proof


def verified_in_store(store: Store, entry: Entry) -> Proof | None:
    """The same of the copy that the store has, byte for byte.

    Raises:
        Unverified: as above.
        Corrupt: a file is not what its manifest says.
        UserError: it is gone.
    """
    key = model_key(entry.digest)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        try:
            store.get_folder(key, folder)
        except NotFound:
            raise UserError(f"'{store.uri(key)}' is not there; copy it back from where the store was before.") from None
        return verified_entry(entry, folder, store.uri(key))


def not_signed(entry: Entry) -> str:
    """What is said of a model that has no proof."""
    return f"{entry.label[0].upper()}{entry.label[1:]} is not signed: it was promoted without a key to sign with."


def check_dataset(store: Store, proof: Proof) -> None:
    """Hold the dataset.json that the store keeps of a model's data against the proofs in the store.

    The same data may have been used again since, also for a model of another name, by a run with a proof of its own.

    Raises:
        Unverified: nobody who is trusted has signed it, or it is gone.
    """
    digest, keys = proof.dataset[0], trusted_keys()
    key = statistics_key(digest)
    try:
        found = (digest, sha256_bytes(store.get(key)))
    except NotFound:
        raise Unverified(f"'{store.uri(key)}', which was signed, is gone; bring it back from a copy.") from None
    if proof.dataset == found:
        return
    for entry in store.list(PROOFS):
        with suppress(Unverified):
            other = Proof.read(store.get(entry.key), store.uri(entry.key), keys)
            if other.signed_by and other.dataset == found:
                return
    raise Unverified(f"'{store.uri(key)}' was changed since it was signed; bring it back from a copy.")


def check_verdict(data: bytes, where: str, proof: Proof) -> None:
    """Hold a verdict.json against the proof of its run.

    Raises:
        Unverified: it was changed.
    """
    try:
        found = json.loads(data)
        # As the folder of a run and the store have it; a reader takes a tab for a space, and a proof does not.
        written = (json.dumps(found, indent=1, ensure_ascii=False), json.dumps(found))
        whole = data in [text.encode() for text in written] and proof.is_of(found)
    except (ValueError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise Unverified(f"'{where}' says otherwise than what was signed; bring it back from a copy.")
